#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/nearest.hpp"
#include "proto/codec.hpp"
#include "proto/mount_path.hpp"

namespace gantry::api {
namespace {

using Json = nlohmann::json;

constexpr int kDepthMax = 64;

struct Refused {
  Error error;
};

Error malformed(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, byte == 0 ? 0 : byte - 1);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto newline = before.rfind('\n');
  const auto column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  return {Code::invalid, "malformed_json",
          "the body is not JSON (UTF-8): see line " + std::to_string(line) + ", column " +
              std::to_string(column)};
}

// Sees every key and bracket while the text is parsed.
class Watch {
 public:
  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth >= kDepthMax)
        throw Refused{{Code::invalid, "too_deep", "the body is nested more than 64 levels deep"}};
      keys_.emplace_back();
    } else if (event == Event::object_end || event == Event::array_end) {
      keys_.pop_back();
    } else if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second)
        throw Refused{{Code::invalid, "duplicate_key",
                       "the body has the key \"" + clipped(key) + "\" twice in one object"}};
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

Result<Json> parse(std::string_view text) {
  try {
    return Json::parse(
        text, [watch = Watch()](int depth, Json::parse_event_t event, Json& value) mutable {
          return watch(depth, event, value);
        });
  } catch (const Refused& refused) {
    return refused.error;
  } catch (const Json::parse_error& error) {
    return malformed(text, error.byte);
  } catch (const Json::exception&) {  // a number beyond every range
    return malformed(text, text.size());
  }
}

Result<Json> parse_object(std::string_view text) {
  if (text.empty()) return Json::object();
  auto json = parse(text);
  if (json && !json->is_object())
    return invalid("", "wrong_type",
                   "the body must be a JSON object, not " + std::string(json->type_name()));
  return json;
}

std::string pointer_to(std::string_view field) {
  std::string out = "/";
  for (const char c : field) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

Error wrong_type(std::string pointer, std::string_view wanted, const Json& value) {
  return invalid(std::move(pointer), "wrong_type",
                 "expected " + std::string(wanted) + ", not " + value.type_name());
}

Result<> collected(const std::vector<FieldError>& errors) {
  if (errors.empty()) return done();
  if (errors.size() == 1) return Error{Code::invalid, errors[0].code, errors[0].detail, errors};
  return Error{Code::invalid, "validation_failed",
               std::to_string(errors.size()) + " fields need to be changed: see errors", errors};
}

}  // namespace

struct Fields::Document {
  Json json;
};

Result<Fields> Fields::read(const Request& request, std::initializer_list<std::string_view> known) {
  auto json = parse_object(request.body);
  if (!json) return json.error();
  Fields fields;
  fields.document_ = std::make_shared<const Document>(Document{std::move(*json)});
  fields.refuse_unknown(known);
  return fields;
}

std::string Fields::pointer(std::string_view field) const { return base_ + pointer_to(field); }

void Fields::refuse_unknown(std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : document_->json.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    errors_.push_back({pointer(key), "unknown_key",
                       "there is no field \"" + clipped(key) + "\"" + nearest_hint(key, known)});
  }
}

Fields Fields::object(std::string_view field, std::initializer_list<std::string_view> known) {
  Fields inner;
  inner.base_ = pointer(field);
  Json json = Json::object();
  const auto member = document_->json.find(field);
  if (member == document_->json.end())
    missing(field);
  else if (!member->is_object())
    keep(Result<>(wrong_type(inner.base_, "an object", *member)));
  else
    json = *member;
  inner.document_ = std::make_shared<const Document>(Document{std::move(json)});
  inner.refuse_unknown(known);
  return inner;
}

void Fields::take_errors(const Fields& inner) {
  // When the object itself is wrong or missing, its fields are too.
  for (const FieldError& error : errors_)
    if (error.pointer == inner.base_) return;
  errors_.insert(errors_.end(), inner.errors_.begin(), inner.errors_.end());
}

std::vector<Fields> Fields::objects(std::string_view field,
                                    std::initializer_list<std::string_view> known) {
  std::vector<Fields> all;
  const auto member = document_->json.find(field);
  if (member == document_->json.end()) return all;
  if (!member->is_array()) {
    keep(Result<>(wrong_type(pointer(field), "a list of objects", *member)));
    return all;
  }
  for (const Json& each : *member) {
    Fields& inner = all.emplace_back();
    inner.base_ = pointer(field) + "/" + std::to_string(all.size() - 1);
    const bool fits = each.is_object();
    if (!fits) errors_.push_back(wrong_type(inner.base_, "an object", each).fields.front());
    inner.document_ = std::make_shared<const Document>(Document{fits ? each : Json::object()});
    inner.refuse_unknown(known);
  }
  return all;
}

std::map<std::string, std::optional<std::string>> Fields::optional_texts(std::string_view field) {
  std::map<std::string, std::optional<std::string>> texts;
  const auto member = document_->json.find(field);
  if (member == document_->json.end()) return texts;
  if (!member->is_object()) {
    keep(Result<>(wrong_type(pointer(field), "an object", *member)));
    return texts;
  }
  for (const auto& [key, value] : member->items()) {
    if (value.is_string())
      texts[key] = value.get<std::string>();
    else if (value.is_null())
      texts[key] = std::nullopt;
    else
      keep(Result<>(wrong_type(pointer(field) + pointer_to(key), "a string or null", value)));
  }
  return texts;
}

bool Fields::has(std::string_view field) const { return document_->json.contains(field); }

template <class T>
T Fields::keep(Result<T> result) {
  if (result) return std::move(*result);
  const auto& found = result.error().fields;
  errors_.insert(errors_.end(), found.begin(), found.end());
  return {};
}

void Fields::missing(std::string_view field) {
  errors_.push_back(
      {pointer(field), "required", "the field \"" + std::string(field) + "\" is required"});
}

void Fields::refuse(std::string_view field, std::string reason, std::string detail) {
  errors_.push_back({pointer(field), std::move(reason), std::move(detail)});
}

std::optional<std::string> Fields::optional_text(std::string_view field) {
  const auto member = document_->json.find(field);
  if (member == document_->json.end()) return std::nullopt;
  if (member->is_string()) return member->get<std::string>();
  keep(Result<>(wrong_type(pointer(field), "a string", *member)));
  return std::nullopt;
}

std::string Fields::text(std::string_view field) {
  if (!has(field)) missing(field);
  return optional_text(field).value_or("");
}

std::optional<Name> Fields::optional_name(std::string_view field) {
  const auto value = optional_text(field);
  if (!value) return std::nullopt;
  return keep(Name::parse(*value, pointer(field)));
}

Name Fields::name(std::string_view field) {
  if (!has(field)) missing(field);
  return optional_name(field).value_or(Name());
}

std::optional<ImageRef> Fields::optional_image(std::string_view field) {
  const auto value = optional_text(field);
  if (!value) return std::nullopt;
  return keep(ImageRef::parse(*value, pointer(field)));
}

int Fields::integer(std::string_view field, int least, int most) {
  const auto member = document_->json.find(field);
  if (member == document_->json.end()) {
    missing(field);
    return least;
  }
  if (!member->is_number_integer()) {
    keep(Result<>(wrong_type(pointer(field), "a whole number", *member)));
    return least;
  }
  const bool huge = member->is_number_unsigned() && member->get<std::uint64_t>() > 0x7fffffff;
  const std::int64_t value = huge ? 0 : member->get<std::int64_t>();
  if (!huge && value >= least && value <= most) return static_cast<int>(value);
  keep(Result<>(
      invalid(pointer(field), "out_of_range",
              "expected a number from " + std::to_string(least) + " to " + std::to_string(most))));
  return least;
}

std::optional<std::int64_t> Fields::optional_bytes(std::string_view field, std::int64_t most) {
  const auto member = document_->json.find(field);
  if (member == document_->json.end()) return std::nullopt;
  if (!member->is_number_integer()) {
    keep(Result<>(wrong_type(pointer(field), "a whole number of bytes", *member)));
    return std::nullopt;
  }
  const bool huge = member->is_number_unsigned() &&
                    member->get<std::uint64_t>() > static_cast<std::uint64_t>(most);
  const std::int64_t value = huge ? 0 : member->get<std::int64_t>();
  if (!huge && value >= 0 && value <= most) return value;
  keep(Result<>(invalid(pointer(field), "out_of_range",
                        "expected a number of bytes from 0 to " + std::to_string(most))));
  return std::nullopt;
}

std::optional<std::string> Fields::optional_mount_path(std::string_view field) {
  const auto value = optional_text(field);
  if (!value) return std::nullopt;
  return keep(parse_mount_path(*value, pointer(field)));
}

bool Fields::flag(std::string_view field, bool otherwise) {
  const auto member = document_->json.find(field);
  if (member == document_->json.end()) return otherwise;
  if (member->is_boolean()) return member->get<bool>();
  keep(Result<>(wrong_type(pointer(field), "true or false", *member)));
  return otherwise;
}

std::vector<std::string> Fields::texts(std::string_view field) {
  std::vector<std::string> found;
  const auto member = document_->json.find(field);
  if (member == document_->json.end()) {
    missing(field);
  } else if (!member->is_array()) {
    keep(Result<>(wrong_type(pointer(field), "a list of strings", *member)));
  } else {
    for (const Json& item : *member)
      if (item.is_string())
        found.push_back(item.get<std::string>());
      else
        keep(Result<>(
            wrong_type(pointer(field) + "/" + std::to_string(found.size()), "a string", item)));
  }
  return found;
}

bool Fields::has_value(std::string_view field) const {
  const auto member = document_->json.find(field);
  return member != document_->json.end() && !member->is_null();
}

Settings Fields::settings() {
  Json patch = Json::object();
  for (const char* part : {"source", "build", "deploy"})
    if (has(part)) patch[part] = document_->json[part];
  auto merged = merge_settings(Settings(), patch.dump());
  if (merged) return *std::move(merged);
  for (FieldError error : merged.error().fields) {
    error.pointer.insert(0, base_);
    errors_.push_back(std::move(error));
  }
  return {};
}

std::string Fields::deploy_patch(const Settings& base,
                                 std::initializer_list<std::string_view> groups) {
  Json patch = Json::object();
  for (const std::string_view group : groups)
    if (has(group)) patch[std::string(group)] = document_->json[std::string(group)];
  if (patch.empty()) return "";
  const auto merged = merge_settings(base, Json{{"deploy", patch}}.dump());
  if (merged) return patch.dump();
  constexpr std::string_view above = "/deploy";
  for (FieldError error : merged.error().fields) {
    if (error.pointer.starts_with(above)) error.pointer.erase(0, above.size());
    errors_.push_back(std::move(error));
  }
  return "";
}

Result<> Fields::check() const { return collected(errors_); }

Result<TextPatch> read_text_patch(const Request& request) {
  auto json = parse_object(request.body);
  if (!json) return json.error();
  TextPatch patch;
  std::vector<FieldError> errors;
  for (const auto& [key, value] : json->items()) {
    if (value.is_null())
      patch[key] = std::nullopt;
    else if (value.is_string())
      patch[key] = value.get<std::string>();
    else
      errors.push_back(wrong_type(pointer_to(key), "a string or null", value).fields.front());
  }
  GANTRY_TRY(collected(errors));
  return patch;
}

Result<std::string> read_object(const Request& request) {
  auto json = parse_object(request.body);
  if (!json) return json.error();
  return json->dump();
}

std::string canonical(std::string_view body) {
  const auto json = parse(body);
  return json ? json->dump() : std::string(body);
}

}  // namespace gantry::api
