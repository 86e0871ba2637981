#include "tests/support/openapi.hpp"

#include <stdexcept>

#include <yaml-cpp/yaml.h>

namespace gantry::testing {
namespace {

Json scalar(const YAML::Node& node) {
  if (node.Tag() == "!") return node.Scalar();  // quoted
  const std::string& text = node.Scalar();
  if (text == "true" || text == "false") return text == "true";
  if (text == "null" || text == "~" || text.empty()) return nullptr;
  try {
    std::size_t used = 0;
    const long long number = std::stoll(text, &used);
    if (used == text.size()) return number;
  } catch (const std::exception&) {
  }
  return text;
}

Json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& member : node) object[member.first.Scalar()] = to_json(member.second);
    return object;
  }
  if (node.IsSequence()) {
    Json array = Json::array();
    for (const auto& item : node) array.push_back(to_json(item));
    return array;
  }
  return node.IsNull() ? Json(nullptr) : scalar(node);
}

const Json& resolved(const Json& root, const Json& value) {
  if (!value.is_object() || !value.contains("$ref")) return value;
  return root.at(Json::json_pointer(value["$ref"].get<std::string>().substr(1)));
}

Operation read_operation(const Json& root, const std::string& path, const std::string& method,
                         const Json& json) {
  Operation operation;
  operation.id = json.at("operationId");
  operation.method = method;
  operation.path = path;
  operation.open = json.contains("security") && json["security"].empty();
  for (const Json& each : json.value("parameters", Json::array())) {
    const Json& parameter = resolved(root, each);
    const std::string name = parameter.at("name");
    if (parameter.at("in") == "path") operation.path_examples[name] = parameter.at("example");
    if (parameter.at("in") == "query") operation.query.push_back(name);
    if (parameter.at("in") == "query" && parameter.value("required", false))
      operation.query_example = "?" + name + "=" + parameter.at("example").get<std::string>();
    if (parameter.at("in") == "header") operation.headers.push_back(name);
  }
  if (json.contains("requestBody") &&
      json["requestBody"].at("content").contains("application/json")) {
    const Json& content = json["requestBody"].at("content").at("application/json");
    operation.body_schema = content.at("schema");
    operation.body_example = content.at("example");
    operation.body_required = json["requestBody"].at("required");
  }
  operation.opaque_body = json.contains("requestBody") && operation.body_schema.is_null();
  for (const auto& [status, response] : json.at("responses").items())
    operation.responses[std::stoi(status)] = resolved(root, response);
  return operation;
}

Document load() {
  Document document;
  document.root = to_json(YAML::LoadFile(GANTRY_SOURCE_DIR "/proto/openapi.yaml"));
  for (const auto& [path, methods] : document.root.at("paths").items())
    for (const auto& [method, operation] : methods.items())
      document.operations.push_back(read_operation(document.root, path, method, operation));
  return document;
}

}  // namespace

int Operation::success() const {
  const bool staged = std::find(query.begin(), query.end(), "stage") != query.end();
  const auto accepted = responses.find(202);
  for (const auto& [status, response] : responses)  // 202: with stage=true, if there is another
    if (status >= 200 && status < 300 && !(staged && status == 202)) return status;
  if (accepted != responses.end()) return 202;
  throw std::logic_error(id + " documents no success");
}

Json Operation::response_schema(int status) const {
  const auto response = responses.find(status);
  if (response == responses.end() || !response->second.contains("content")) return nullptr;
  return response->second["content"].begin()->at("schema");
}

const Operation& Document::operation(const std::string& id) const {
  for (const Operation& each : operations)
    if (each.id == id) return each;
  throw std::logic_error("no operation " + id);
}

const Document& openapi_document() {
  static const Document document = load();
  return document;
}

}  // namespace gantry::testing
