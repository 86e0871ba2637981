#include "tests/support/schema.hpp"

#include <regex>
#include <set>
#include <stdexcept>

namespace gantry::testing {
namespace {

using Violations = std::vector<std::string>;

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  throw std::logic_error("unknown type " + type);
}

std::set<std::string> types_of(const Json& schema) {
  std::set<std::string> types;
  if (!schema.contains("type")) return types;
  if (schema["type"].is_string()) return {schema["type"].get<std::string>()};
  for (const Json& type : schema["type"]) types.insert(type.get<std::string>());
  return types;
}

void check_keywords(const Json& schema) {
  static const std::set<std::string> known{
      "type",   "description", "pattern",  "minLength",  "maxLength", "examples",
      "format", "minimum",     "maximum",  "enum",       "const",     "default",
      "items",  "minItems",    "maxItems", "properties", "required",  "additionalProperties",
      "oneOf"};
  for (const auto& [keyword, value] : schema.items())
    if (known.count(keyword) == 0) throw std::logic_error("the checker does not know " + keyword);
}

void check_string(const Json& schema, const std::string& text, const std::string& at,
                  Violations& found) {
  if (schema.contains("minLength") && text.size() < schema["minLength"])
    found.push_back(at + ": too short");
  if (schema.contains("maxLength") && text.size() > schema["maxLength"])
    found.push_back(at + ": too long");
  if (schema.contains("pattern") &&
      !std::regex_search(text,
                         std::regex(schema["pattern"].get<std::string>(), std::regex::ECMAScript)))
    found.push_back(at + ": \"" + text + "\" does not match " +
                    schema["pattern"].get<std::string>());
}

void check_object(const Json& root, const Json& schema, const Json& value, const std::string& at,
                  Violations& found) {
  for (const Json& name : schema.value("required", Json::array()))
    if (!value.contains(name.get<std::string>()))
      found.push_back(at + "/" + name.get<std::string>() + ": missing");
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, member] : value.items()) {
    Violations inner;
    if (properties.contains(name))
      inner = violations(root, properties[name], member, at + "/" + name);
    else if (schema.contains("additionalProperties") && schema["additionalProperties"].is_object())
      inner = violations(root, schema["additionalProperties"], member, at + "/" + name);
    else
      inner.push_back(at + "/" + name + ": not documented");
    found.insert(found.end(), inner.begin(), inner.end());
  }
}

std::string pointer_to(const std::string& base, const std::string& name) {
  return base + "/" + name;
}

// Breaks `valid` at `pointer`, where `schema` says what fits.
class Breaker {
 public:
  Breaker(const Json& root, const Json& valid) : root_(root), valid_(valid) {}

  void visit(const Json& unresolved, const std::string& pointer) {
    const Json& schema = deref(root_, unresolved);
    const auto types = types_of(schema);
    if (!types.empty())
      add("wrong type", pointer, types.count("boolean") != 0 ? Json("x") : Json(true));
    if (types.count("integer") != 0) {
      add("fraction", pointer, 1.5);
      if (schema.contains("minimum"))
        add("too small", pointer, schema["minimum"].get<std::int64_t>() - 1);
      if (schema.contains("maximum") && schema["maximum"].get<std::uint64_t>() < INT64_MAX)
        add("too large", pointer, schema["maximum"].get<std::int64_t>() + 1);
    }
    if (types.count("string") != 0) {
      if (schema.contains("enum")) add("not in the enum", pointer, "SOMETIMES");
      if (schema.contains("maxLength"))
        add("too long", pointer, std::string(schema["maxLength"].get<std::size_t>() + 1, 'a'));
      if (schema.contains("minLength")) add("too short", pointer, "");
      if (schema.contains("pattern")) add("not of the pattern", pointer, "!\n");
    }
    if (types.count("object") != 0) members(schema, pointer);
    if (types.count("array") != 0 && schema.contains("items"))
      add("wrong item", pointer, Json::array({true}), pointer + "/0");
  }

  std::vector<Broken> take() { return std::move(broken_); }

 private:
  void members(const Json& schema, const std::string& pointer) {
    if (schema.contains("additionalProperties") && schema["additionalProperties"].is_boolean())
      add("unknown field", pointer_to(pointer, "no_such_field"), 1);
    for (const Json& name : schema.value("required", Json::array())) {
      Json body = valid_;
      body.at(Json::json_pointer(pointer)).erase(name.get<std::string>());
      const std::string at = pointer_to(pointer, name);
      broken_.push_back({"missing " + at, at, std::move(body)});
    }
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [name, property] : properties.items())
      visit(property, pointer_to(pointer, name));
  }

  void add(const std::string& what, const std::string& pointer, Json value,
           std::string complaint = {}) {
    Json body = valid_;
    if (pointer.empty())
      body = std::move(value);
    else
      body[Json::json_pointer(pointer)] = std::move(value);
    broken_.push_back(
        {what + " of " + pointer, complaint.empty() ? pointer : complaint, std::move(body)});
  }

  const Json& root_;
  const Json& valid_;
  std::vector<Broken> broken_;
};

}  // namespace

const Json& deref(const Json& root, const Json& schema) {
  if (!schema.contains("$ref")) return schema;
  return root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
}

std::vector<std::string> violations(const Json& root, const Json& unresolved, const Json& value,
                                    const std::string& pointer) {
  const Json& schema = deref(root, unresolved);
  check_keywords(schema);
  Violations found;
  if (schema.contains("oneOf")) {
    int fits = 0;
    for (const Json& option : schema["oneOf"])
      fits += violations(root, option, value, pointer).empty() ? 1 : 0;
    if (fits == 0) found.push_back(pointer + ": fits none of its forms");
    return found;
  }
  const auto types = types_of(schema);
  bool typed = types.empty();
  if (typed && !schema.contains("properties") && !schema.contains("enum") &&
      !schema.contains("const"))
    return found;  // anything
  for (const std::string& type : types) typed = typed || has_type(value, type);
  if (!typed) return {pointer + ": wrong type " + value.type_name()};
  if (schema.contains("enum")) {
    const Json& options = schema["enum"];
    if (std::find(options.begin(), options.end(), value) == options.end())
      found.push_back(pointer + ": not in its enum");
  }
  if (schema.contains("const") && schema["const"] != value)
    found.push_back(pointer + ": not its constant");
  if (value.is_string()) check_string(schema, value.get<std::string>(), pointer, found);
  if (value.is_number()) {
    if (schema.contains("minimum") && value < schema["minimum"])
      found.push_back(pointer + ": below its minimum");
    if (schema.contains("maximum") && value > schema["maximum"])
      found.push_back(pointer + ": above its maximum");
  }
  if (value.is_object()) check_object(root, schema, value, pointer, found);
  if (value.is_array() && value.size() < schema.value("minItems", std::size_t{0}))
    found.push_back(pointer + ": too few items");
  if (value.is_array() && schema.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i) {
      const auto inner =
          violations(root, schema["items"], value[i], pointer + "/" + std::to_string(i));
      found.insert(found.end(), inner.begin(), inner.end());
    }
  return found;
}

std::vector<Broken> broken_bodies(const Json& root, const Json& schema, const Json& valid) {
  Breaker breaker(root, valid);
  breaker.visit(schema, "");
  return breaker.take();
}

}  // namespace gantry::testing
