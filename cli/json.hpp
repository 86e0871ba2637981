// JSON as the command line reads it: a view of a parsed document. What is absent is null, and null
// reads as empty text, 0, false or no items. The JSON library stays in json.cpp; JSON is written
// with proto/json.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::cli {

class Json {
 public:
  Json() = default;  // null
  static std::optional<Json> parse(std::string_view text);

  bool is_null() const;
  bool is_object() const;
  Json operator[](std::string_view key) const;
  std::string text() const;  // a text as it is; another value as JSON
  std::int64_t number() const;
  bool boolean() const;
  std::vector<Json> items() const;
  std::vector<std::pair<std::string, Json>> members() const;
  std::string dump() const;  // compact, keys in the order they came

 private:
  explicit Json(std::shared_ptr<const void> node) : node_(std::move(node)) {}
  std::shared_ptr<const void> node_;  // a node of the library; keeps the whole document
};

// The parts and values are JSON already; the keys are text.
std::string json_array(const std::vector<std::string>& parts);
std::string json_array(const std::vector<Json>& parts);
std::string json_map(const std::vector<std::pair<std::string, std::string>>& members);
std::string json_string(std::string_view text);

}  // namespace gantry::cli
