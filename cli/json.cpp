#include "cli/json.hpp"

#include <nlohmann/json.hpp>

#include "proto/json.hpp"

namespace gantry::cli {
namespace {

using Node = nlohmann::ordered_json;

const Node& node_of(const std::shared_ptr<const void>& held) {
  static const Node null;
  return held ? *static_cast<const Node*>(held.get()) : null;
}

}  // namespace

std::optional<Json> Json::parse(std::string_view text) {
  auto node = std::make_shared<Node>(Node::parse(text, nullptr, false));
  if (node->is_discarded()) return std::nullopt;
  return Json(std::move(node));
}

bool Json::is_null() const { return node_of(node_).is_null(); }
bool Json::is_object() const { return node_of(node_).is_object(); }

Json Json::operator[](std::string_view key) const {
  const Node& node = node_of(node_);
  if (!node.is_object()) return {};
  const auto found = node.find(std::string(key));
  if (found == node.end()) return {};
  return Json(std::shared_ptr<const void>(node_, &*found));
}

std::string Json::text() const {
  const Node& node = node_of(node_);
  if (node.is_null()) return {};
  return node.is_string() ? node.get<std::string>() : dump();
}

std::int64_t Json::number() const {
  const Node& node = node_of(node_);
  return node.is_number() ? node.get<std::int64_t>() : 0;
}

bool Json::boolean() const {
  const Node& node = node_of(node_);
  return node.is_boolean() && node.get<bool>();
}

std::vector<Json> Json::items() const {
  std::vector<Json> out;
  const Node& node = node_of(node_);
  if (!node.is_array()) return out;
  for (const Node& item : node) out.push_back(Json(std::shared_ptr<const void>(node_, &item)));
  return out;
}

std::vector<std::pair<std::string, Json>> Json::members() const {
  std::vector<std::pair<std::string, Json>> out;
  const Node& node = node_of(node_);
  if (!node.is_object()) return out;
  for (const auto& [key, value] : node.items())
    out.emplace_back(key, Json(std::shared_ptr<const void>(node_, &value)));
  return out;
}

std::string Json::dump() const {
  return node_of(node_).dump(-1, ' ', false, Node::error_handler_t::replace);
}

std::string json_array(const std::vector<Json>& parts) {
  std::vector<std::string> texts;
  for (const Json& part : parts) texts.push_back(part.dump());
  return json_array(texts);
}

std::string json_array(const std::vector<std::string>& parts) {
  std::string out = "[";
  for (const std::string& part : parts) {
    if (out.size() > 1) out += ',';
    out += part;
  }
  return out + ']';
}

std::string json_map(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string out = "{";
  for (const auto& [key, value] : members) {
    if (out.size() > 1) out += ',';
    append_json_string(out, key);
    out += ':' + value;
  }
  return out + '}';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace gantry::cli
