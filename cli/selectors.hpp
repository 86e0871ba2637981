// Which project, environment and service a command is for: what the caller wrote, else the
// environment variables, else the directory's link. Pure.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>

#include "cli/config_file.hpp"

namespace gantry::cli {

using Environ = std::function<const char*(const char* name)>;

// The first that is set and not empty; `origin` gets its name.
std::optional<std::string> first_set(const Environ&, std::initializer_list<const char*> names,
                                     std::string* origin = nullptr);

struct Selectors {
  std::string project, environment, service;  // names or ids; empty: not said
  bool operator==(const Selectors&) const = default;
};

// GANTRY_PROJECT_ID ... and their RAILWAY_ twins.
Selectors selectors_of(const Environ&);

// What a project token is for.
struct TokenScope {
  std::string project_id, project;
  std::string environment_id, environment;
};

// Inside that scope: no link is needed, and a link of another place does not count. What was
// written has to agree: else the wrong one, as "--environment staging", comes back in `wrong`.
struct Scoped {
  Selectors chosen;
  std::string wrong = {};
};
Scoped within(const TokenScope&, const Selectors& written, const Selectors& environ,
              const Link* link);

// Part by part the first that says it. A link counts as long as it is for the chosen project.
// Names and ids are lower case, so any case is taken.
Selectors choose(const Selectors& written, const Selectors& environ, const Link* link);

}  // namespace gantry::cli
