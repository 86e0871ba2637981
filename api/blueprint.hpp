// Services that are made together, in one transaction: what a template comes down to, and an
// imported file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/http.hpp"
#include "api/lookup.hpp"

namespace gantry::api {

struct NewMount {
  Name volume;  // taken: a number goes behind it
  std::string path;
};

struct NewService {
  Name name;
  // Taken: a number goes behind it, and references to it follow. False: that is an error.
  bool may_be_renamed = false;
  Settings settings;
  std::vector<std::pair<std::string, std::string>> variables;  // references as written
  std::vector<NewMount> mounts;
  bool deploy = true;
};

struct MadeService {
  Service service;
  InstanceView view;  // with its variables
  std::vector<Volume> volumes;
  std::optional<DeploymentId> deployment_id;
};

// A service that the project has in other environments only, made from the same template, gets an
// instance here under its own name. REQUIRES: the place has an environment.
Result<std::vector<MadeService>> make_services(const Context&, Transaction&, const Place&,
                                               std::vector<NewService>);

// [{"service":{"id","name"},"instance_id",...}, ...]
std::string services_json(const std::vector<MadeService>&);

}  // namespace gantry::api
