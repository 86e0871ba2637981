// Settings as a flat table of what is not a default.
#include "proto/codec.hpp"
#include "proto/codec_fields.hpp"
#include "proto/document.hpp"

namespace gantry {
namespace {

using codec::Json;

constexpr std::string_view kPlan = "build.nixpacks_plan";  // an object that is one value

void flatten(const Json& json, const std::string& path, SettingValues& out) {
  if (!json.is_object() || path == kPlan) {
    out[path] = json.dump();
    return;
  }
  for (const auto& [key, value] : json.items())
    flatten(value, path.empty() ? key : path + "." + key, out);
}

const SettingValues& defaults() {
  static const SettingValues all = [] {
    SettingValues values;
    flatten(Json::parse(settings_json(Settings())), "", values);
    return values;
  }();
  return all;
}

std::string nested(const SettingValues& values, const std::string& from_template) {
  Json json = Json::object();
  for (const auto& [path, value] : values) {
    Json* at = &json;
    for (std::size_t start = 0; start <= path.size();) {
      const auto end = std::min(path.find('.', start), path.size());
      at = &(*at)[path.substr(start, end - start)];
      start = end + 1;
    }
    *at = Json::parse(value);
  }
  if (!from_template.empty()) json["source"]["template"] = from_template;
  return json.dump();
}

}  // namespace

SettingValues setting_values(const Settings& settings) {
  SettingValues values;
  flatten(Json::parse(settings_json(settings)), "", values);
  std::erase_if(values, [](const auto& item) {
    const auto usual = defaults().find(item.first);
    return usual != defaults().end() && usual->second == item.second;
  });
  values.erase("source.template");
  values.erase("source.commit");
  if (settings.deploy.scaling.max_replicas > 0) values.erase("deploy.replicas");
  return values;
}

Result<Settings> settings_of(const SettingValues& values, const std::string& from_template,
                             const std::string& pointer) {
  return merge_settings(Settings(), nested(values, from_template), pointer);
}

Result<SettingValues> merge_values(const SettingValues& values, std::string_view json,
                                   std::string_view pointer) {
  const auto base = settings_of(values, "", std::string(pointer));
  if (!base) return base.error();
  const auto merged = merge_settings(*base, json, pointer);
  if (!merged) return merged.error();
  return setting_values(*merged);
}

}  // namespace gantry
