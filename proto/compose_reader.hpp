// The parts of the reader of docker-compose.yml; for compose*.cpp alone.
#pragma once

#include "proto/compose.hpp"
#include "proto/config_tree.hpp"

namespace gantry::compose {

struct Context {
  const ComposeSurroundings& around;
  std::string file;
  std::vector<ComposeNote> notes = {};
  std::vector<FieldError> errors = {};

  void note(ConfigPosition at, std::string key, std::string advice) {
    notes.push_back({at.line, std::move(key), std::move(advice)});
  }
  void refuse(ConfigPosition at, const std::string& key, const std::string& what) {
    errors.push_back({"/" + key, "invalid_compose",
                      file + ":" + std::to_string(at.line) + ": " + key + ": " + what});
  }
};

bool is_text(const ConfigNode&);  // a string or a number: .text is what was written

// "services.web" of a service.
struct Target {
  const std::string& path;
  ComposeService& service;
  Context& context;
};
void read_ports(const ConfigNode&, const std::string& path, const Target&);
void read_expose(const ConfigNode&, const std::string& path, const Target&);
void read_volumes(const ConfigNode&, const std::string& path, const Target&);
void read_environment(const ConfigNode&, const std::string& path, const Target&);
void read_env_file(const ConfigNode&, const std::string& path, const Target&);
void read_healthcheck(const ConfigNode&, const std::string& path, const Target&);
void read_deploy(const ConfigNode&, const std::string& path, const Target&);
void read_build(const ConfigNode&, const std::string& path, const Target&);

// argv of a list, or of one string in words.
std::vector<std::string> argv_of(const ConfigNode&, const std::string& path, Context&);
// "1m30s" "10s" "500ms" in whole seconds, rounded up.
std::optional<int> seconds_of(std::string_view);
// "512m" "1.5gb" "64000".
std::optional<std::int64_t> bytes_of(std::string_view);
void set_cpus(const ConfigNode&, const std::string& path, const Target&);
void set_memory(const ConfigNode&, const std::string& path, const Target&);
void set_pids(const ConfigNode&, const std::string& path, const Target&);
void set_replicas(const ConfigNode&, const std::string& path, const Target&);

ComposeService read_service(const ConfigMember&, Context&);

}  // namespace gantry::compose
