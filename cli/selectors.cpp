#include "cli/selectors.hpp"

#include <algorithm>

namespace gantry::cli {
namespace {

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

const std::string& either(const std::string& first, const std::string& second) {
  return first.empty() ? second : first;
}

}  // namespace

std::optional<std::string> first_set(const Environ& environ,
                                     std::initializer_list<const char*> names,
                                     std::string* origin) {
  for (const char* name : names) {
    const char* const value = environ(name);
    if (value == nullptr || *value == '\0') continue;
    if (origin != nullptr) *origin = name;
    return value;
  }
  return std::nullopt;
}

Selectors selectors_of(const Environ& environ) {
  const auto value = [&](const char* own, const char* twin) {
    return first_set(environ, {own, twin}).value_or("");
  };
  return {.project = value("GANTRY_PROJECT_ID", "RAILWAY_PROJECT_ID"),
          .environment = value("GANTRY_ENVIRONMENT_ID", "RAILWAY_ENVIRONMENT_ID"),
          .service = value("GANTRY_SERVICE_ID", "RAILWAY_SERVICE_ID")};
}

Scoped within(const TokenScope& scope, const Selectors& written, const Selectors& environ,
              const Link* link) {
  Scoped scoped{.chosen = {.project = scope.project_id,
                           .environment = scope.environment_id,
                           .service = lower(either(written.service, environ.service))}};
  const auto check = [&](const char* option, const std::string& said, const std::string& id,
                         const std::string& name) {
    if (!said.empty() && lower(said) != id && lower(said) != name && scoped.wrong.empty())
      scoped.wrong = std::string(option) + " " + said;
  };
  check("--project", written.project, scope.project_id, scope.project);
  check("--environment", written.environment, scope.environment_id, scope.environment);
  const bool linked =
      link != nullptr && link->project_id == scope.project_id &&
      (link->environment_id.empty() || link->environment_id == scope.environment_id);
  if (scoped.chosen.service.empty() && linked) scoped.chosen.service = link->service_id;
  return scoped;
}

Selectors choose(const Selectors& written, const Selectors& environ, const Link* link) {
  Selectors chosen{.project = lower(either(written.project, environ.project)),
                   .environment = lower(either(written.environment, environ.environment)),
                   .service = lower(either(written.service, environ.service))};
  if (link == nullptr) return chosen;
  const bool same = chosen.project.empty() || chosen.project == link->project ||
                    chosen.project == link->project_id;
  if (!same) return chosen;
  chosen.project = link->project_id;
  if (chosen.environment.empty()) chosen.environment = link->environment_id;
  if (chosen.service.empty()) chosen.service = link->service_id;
  return chosen;
}

}  // namespace gantry::cli
