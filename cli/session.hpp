// One run of a command: what was written, where it goes, what the terminal is. Parts are made when
// a verb first asks for them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/client.hpp"
#include "cli/command.hpp"
#include "cli/config_file.hpp"
#include "cli/selectors.hpp"

namespace gantry::cli {

class Session {
 public:
  explicit Session(Call call);

  const Call& call() const { return call_; }
  bool json() const { return call_.has("--json"); }
  const std::string& program() const { return call_.program; }

  Client& client();
  Access access();  // for a client of a thread's own
  const ConfigFile& config();
  void change_config(const std::function<void(ConfigFile&)>&);
  std::string url();  // of the server
  // The link of this directory or a parent, when it is for this server.
  const std::pair<const std::string, Link>* link();
  Selectors selectors();
  // Of the token in use, when it is a project token; asked for once.
  const TokenScope* token_scope();

  // To stderr: for a person, beside the result.
  void note(const std::string& text) const;
  void warn(const std::string& text) const;

 private:
  Call call_;
  std::optional<ConfigFile> config_;
  bool token_asked_ = false;
  std::optional<TokenScope> token_scope_;
  std::unique_ptr<Client> client_;
};

std::string current_directory();
const char* environ_value(const char* name);

// ---- what was chosen, looked up; each throws Failure with the next step ----

struct Place {
  std::string project_id = {}, project = {};
  std::string environment_id = {}, environment = {};
  std::string service_id = {}, service = {};
  Json instance = {};  // of find_service

  std::string project_path() const { return "/v1/projects/" + project_id; }
  std::string environment_path() const {
    return project_path() + "/environments/" + environment_id;
  }
  std::string instance_path() const { return environment_path() + "/services/" + service_id; }
};

Place find_project(Session&);
Place find_environment(Session&);
Place find_service(Session&);
// As find_service, but nothing when a service was named that is not there.
std::optional<Place> try_find_service(Session&);
Failure no_such_service(Session&, const std::string& name);

}  // namespace gantry::cli
