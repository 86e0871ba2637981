// ~/.config/gantry/config.json: the tokens by server and the links by directory. Mode 0600, written
// beside and renamed, under a lock, so that two commands at once lose nothing.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace gantry::cli {

struct Link {
  std::string url;  // of the server it is for
  std::string project_id, project;
  std::string environment_id, environment;  // empty: none
  std::string service_id, service;
  bool operator==(const Link&) const = default;
};

struct ConfigFile {
  std::string url = {};                            // of the last login
  std::map<std::string, std::string> tokens = {};  // by URL
  std::map<std::string, Link> links = {};          // by absolute directory
  bool operator==(const ConfigFile&) const = default;
};

std::string config_json(const ConfigFile&);
ConfigFile parse_config_file(const std::string& text);  // throws Failure when it is not JSON

// The link of `directory` or of its nearest parent: its entry in the map.
const std::pair<const std::string, Link>* find_link(const ConfigFile&, std::string directory);

// $XDG_CONFIG_HOME/gantry/config.json, else ~/.config/gantry/config.json.
std::string config_path();
ConfigFile load_config_file(const std::string& path);  // empty when there is none
void change_config_file(const std::string& path, const std::function<void(ConfigFile&)>& change);

}  // namespace gantry::cli
