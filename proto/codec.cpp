#include "proto/codec.hpp"

#include "proto/codec_fields.hpp"
#include "proto/git_url.hpp"
#include "proto/json_settings.hpp"
#include "proto/settings_rules.hpp"
#include "proto/source_path.hpp"

namespace gantry {
namespace {

using codec::clear;
using codec::Entry;
using codec::Errors;
using codec::Field;
using codec::Json;

void read_image(const Field& field, Source& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string or null");
  auto image = ImageRef::parse(field.json.get_ref<const std::string&>(), field.pointer);
  if (!image) return field.errors.push_back(image.error().fields.front());
  out = {.image = *std::move(image), .from_template = std::move(out.from_template)};
}

void read_archive(const Field& field, Source& out) {
  if (!field.json.is_string() || !is_digest(field.json.get_ref<const std::string&>()))
    return field.refuse("invalid_digest",
                        "expected \"sha256:\" and 64 hexadecimal digits, or null");
  out.archive = field.json.get<std::string>();
  out.image.reset();
}

void read_repository(const Field& field, Source& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a URL or null");
  auto url = parse_repository_url(field.json.get_ref<const std::string&>(), field.pointer);
  if (!url) return field.errors.push_back(url.error().fields.front());
  out.repository = std::move(url->url);
  out.image.reset();
}

void read_branch(const Field& field, Source& out) {
  if (!field.json.is_string() || !is_branch_name(field.json.get_ref<const std::string&>()))
    return field.refuse("invalid_branch", "expected a branch such as \"main\", or null");
  out.branch = field.json.get<std::string>();
}

void read_commit(const Field& field, Source& out) {
  if (!field.json.is_string() || !is_commit(field.json.get_ref<const std::string&>()))
    return field.refuse("invalid_commit", "expected 40 hexadecimal digits, or null");
  out.commit = field.json.get<std::string>();
}

void read_template(const Field& field, Source& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string or null");
  const auto& text = field.json.get_ref<const std::string&>();
  const auto dot = text.find('.');
  const bool fits = Name::parse(text.substr(0, dot)) &&
                    (dot == std::string::npos || Name::parse(text.substr(dot + 1)));
  if (!fits) return field.refuse("invalid_template", "expected a template's name");
  out.from_template = text;
}

constexpr std::array<Entry<Source>, 6> kSource{{
    {"image", read_image, clear<&Source::image>},
    {"archive", read_archive, clear<&Source::archive>},
    {"repository", read_repository, clear<&Source::repository>},
    {"branch", read_branch, clear<&Source::branch>},
    {"commit", read_commit, clear<&Source::commit>},
    {"template", read_template, clear<&Source::from_template>},
}};
constexpr std::array<Entry<Settings>, 3> kSettings{{
    {"source", [](const Field& f, Settings& out) { merge_object(f, kSource, out.source); },
     [](Settings& out) { out.source = {}; }},
    {"build", [](const Field& f, Settings& out) { codec::read_build(f, out.build); },
     [](Settings& out) { out.build = {}; }},
    {"deploy", [](const Field& f, Settings& out) { codec::read_deploy(f, out.deploy); },
     [](Settings& out) { out.deploy = {}; }},
}};

Result<Json> parse(std::string_view text, std::string_view pointer) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded())
    return invalid(std::string(pointer), "malformed_json", "the text is not valid JSON in UTF-8");
  return json;
}

Error refused(Errors errors) {
  const std::string detail = errors.size() == 1
                                 ? errors.front().pointer + ": " + errors.front().detail
                                 : std::to_string(errors.size()) + " fields are not right";
  return Error{Code::invalid, "invalid_settings", detail, std::move(errors)};
}

Result<Settings> read(const Settings& base, std::string_view text, std::string_view base_pointer) {
  const auto json = parse(text, base_pointer);
  if (!json) return json.error();
  Settings merged = base;
  Errors errors;
  merge_object({*json, std::string(base_pointer), errors}, kSettings, merged);
  if (!errors.empty()) return refused(std::move(errors));
  return merged;
}

}  // namespace

std::string settings_json(const Settings& settings) {
  std::string out;
  {
    JsonObject object(out);
    append_settings(object, settings);
  }
  return out;
}

Result<Settings> parse_settings(std::string_view text) { return read({}, text, ""); }

Result<Settings> merge_settings(const Settings& base, std::string_view text,
                                std::string_view base_pointer) {
  auto merged = read(base, text, base_pointer);
  if (!merged) return merged;
  Errors errors = broken_rules(merged->deploy, std::string(base_pointer) + "/deploy");
  if (!errors.empty()) return refused(std::move(errors));
  return merged;
}

std::string variables_json(const ResolvedVariables& variables) {
  Json json = Json::object();
  for (const auto& [key, value] : variables) json[key] = value;
  return json.dump();
}

Result<ResolvedVariables> parse_variables_json(std::string_view text) {
  const auto json = parse(text, "");
  if (!json) return json.error();
  if (!json->is_object()) return invalid("", "wrong_type", "expected an object of strings");
  ResolvedVariables variables;
  Errors errors;
  for (const auto& [key, value] : json->items()) {
    if (value.is_string())
      variables.emplace(key, value.get<std::string>());
    else
      errors.push_back({"/" + codec::escape_pointer(key), "wrong_type", "expected a string"});
  }
  if (errors.empty()) return variables;
  return Error{Code::invalid, "wrong_type", "expected an object of strings", std::move(errors)};
}

}  // namespace gantry
