#include "cli/setting_words.hpp"

#include <map>

#include "cli/failure.hpp"
#include "cli/json.hpp"
#include "cli/pairs.hpp"

namespace gantry::cli {
namespace {

using Values = std::map<std::string, std::string>;  // dotted keys to JSON

Failure unreadable(const std::string& what) {
  return {what, "usage",
          "write settings as deploy.port=3000 or deploy.start_command='node app.js'; `{program} "
          "config pull -` shows those that are not defaults",
          kUnreadable};
}

std::string json_of(const std::string& value) {
  return Json::parse(value) ? value : json_string(value);
}

std::string object_of(const Values& values) {
  std::map<std::string, Values> groups;
  std::vector<std::pair<std::string, std::string>> members;
  for (const auto& [key, json] : values) {
    const auto dot = key.find('.');
    if (dot == std::string::npos)
      members.emplace_back(key, json);
    else
      groups[key.substr(0, dot)][key.substr(dot + 1)] = json;
  }
  for (const auto& [key, json] : members)
    if (groups.contains(key)) throw unreadable(key + " is there twice");
  for (const auto& [key, inner] : groups) members.emplace_back(key, object_of(inner));
  return json_map(members);
}

}  // namespace

std::string settings_patch(const std::vector<std::string>& words) {
  Values values;
  for (const std::string& word : words) {
    const auto [key, value] = parse_pair(word);
    const std::string group = key.substr(0, key.find('.'));
    if (group == key || key.back() == '.' || key.find("..") != std::string::npos ||
        (group != "source" && group != "build" && group != "deploy"))
      throw unreadable(key + " is no setting: it begins with source., build. or deploy.");
    if (!values.emplace(key, json_of(value)).second) throw unreadable(key + " is there twice");
  }
  if (values.empty()) throw unreadable("there is nothing to set");
  return object_of(values);
}

}  // namespace gantry::cli
