// The table of keys that a configuration file may hold: how each is read, shown and reset, and what
// is said about a key that is not in it. For config_file.cpp and the tests alone. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/config_file.hpp"

namespace gantry {

// A value on its way into a setting, and where complaints about it go.
struct ConfigField {
  const ConfigNode& node;
  std::string_view key;  // the whole path
  std::vector<ConfigProblem>& problems;

  void say(ConfigSeverity severity, std::string message) const {
    problems.push_back({severity, node.at, std::string(key), std::move(message)});
  }
  void refuse(std::string message) const { say(ConfigSeverity::error, std::move(message)); }
  void warn(std::string message) const { say(ConfigSeverity::warning, std::move(message)); }
  // "expected a number, received a string ("30s")", and what to write instead.
  void wrong_type(std::string_view expected, std::string_view fix = "") const;
};

struct ConfigKey {
  std::string_view path;     // "deploy.numReplicas"
  std::string_view setting;  // what it sets, a path again; empty: nothing here (a notice says why)
  void (*read)(const ConfigField&, DeploymentConfig&);  // for values other than null
  std::string_view why;                                 // of a key without a setting
};

struct ConfigSetting {
  std::string_view path;
  void (*copy)(const DeploymentConfig& from, DeploymentConfig& to);
  bool (*same)(const DeploymentConfig&, const DeploymentConfig&);
  std::string (*show)(const DeploymentConfig&);  // JSON
};

// When several keys of one block set the same, the last one in the table counts.
std::span<const ConfigKey> config_keys();
std::span<const ConfigSetting> config_settings();

// Objects on the way to keys: "build", "deploy", "deploy.resources" ...
bool is_config_group(std::string_view path);

// What to say about a key that nobody knows. `parent` is the path of the object that holds it,
// without environment and service; empty at the top.
std::string unknown_config_key(std::string_view parent, std::string_view key);

// JSON of a value as it is quoted in a message, shortened.
std::string brief(const ConfigNode&);
std::string json_of(const ConfigNode&);

}  // namespace gantry
