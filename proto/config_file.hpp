// Config as code: railway.json, railway.toml and gantry.yaml, the same keys in each, read into the
// settings of one deployment. Every value in force knows where it came from, and everything that is
// wrong or ignored is said with its line and key. Pure; never throws for what a file holds.
// docs/config-as-code.md is the specification; gantry.schema.json the same for editors.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/config_tree.hpp"
#include "proto/model.hpp"

namespace gantry {

// In one directory the first of these that exists is read, and no other.
inline constexpr std::array<std::string_view, 4> kConfigFileNames{"gantry.yaml", "gantry.yml",
                                                                  "railway.toml", "railway.json"};

struct DeploymentConfig {
  Settings settings;
  std::optional<std::string> required_mount_path = {};  // without a volume there: refused
  bool operator==(const DeploymentConfig&) const = default;
};

struct ConfigRequest {
  std::string file_name;  // as it is shown; its ending says the format
  std::string text;
  std::optional<std::string> environment = {};  // the environment's exact name
  // Of an environment that was made for a pull request: the environment that it was made from.
  // The block "pr" counts then, too.
  std::optional<std::string> base_environment = {};
  std::optional<std::string> service = {};
  DeploymentConfig instance = {};  // the settings of the service in that environment
};

enum class ConfigSeverity { notice, warning, error };  // "notice" "warning" "error"
std::string_view name(ConfigSeverity);

struct ConfigProblem {
  ConfigSeverity severity = ConfigSeverity::error;
  ConfigPosition at;    // line 0: the whole file
  std::string key;      // "environments.pr.deploy.numReplicas"; empty: the text itself
  std::string message;  // a sentence that names the fix
};

struct ConfigOrigin {
  enum class Kind { file, setting, fallback };
  Kind kind = Kind::fallback;
  std::string file;   // the rest for Kind::file alone
  ConfigPosition at;  // of the value
  std::string key;    // the whole path in the file
};

// One setting in force.
struct EffectiveSetting {
  std::string key;    // "deploy.numReplicas": the path without environment and service
  std::string value;  // JSON
  ConfigOrigin origin;
};

struct ConfigResult {
  DeploymentConfig config;                  // when ok(): what the deployment gets
  std::vector<EffectiveSetting> effective;  // every setting, in a fixed order
  std::vector<ConfigProblem> problems;      // by position
  std::vector<std::string> services;        // names under "services"
  std::vector<std::string> environments;    // names under "environments"
  bool ok() const;
  std::size_t count(ConfigSeverity) const;
};

// Strongest first: services.<s>.environments.<e>, environments.<e>, services.<s>, the rest of the
// file, the instance's settings. For a pull request <e> is the exact name, then "pr", then the base
// environment. The whole file is checked, also blocks of other environments and services.
ConfigResult read_config(const ConfigRequest&);

// Of a start command with variables, for an image from a Dockerfile.
inline constexpr std::string_view kVariablesPutIn =
    "its variables are put in when a replica starts; Railway hands \"$PORT\" to an image from a "
    "Dockerfile as it is";

// "railway.json:12:5: error: deploy.numReplicas: expected ..."
std::string config_line(std::string_view file, const ConfigProblem&);
// "railway.json:12:5 deploy.numReplicas", "service setting" or "default".
std::string origin_line(const ConfigOrigin&);
// {"ok":true,"file":...,"settings":[{"key","value","origin":{...}}],"problems":[...]}
std::string config_json(std::string_view file, const ConfigResult&);

}  // namespace gantry
