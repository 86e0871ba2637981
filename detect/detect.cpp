#include "detect/detect.hpp"

#include <nlohmann/json.hpp>

#include "detect/provider.hpp"

namespace gantry {
namespace {

using namespace detecting;

// The order of railpack, in which the first that fits wins.
const Provider* const kProviders[] = {&kPhp,    &kGo,   &kJava, &kRust,   &kRuby,
                                      &kPython, &kDeno, &kNode, &kStatic, &kShell};

}  // namespace

Result<DetectedPlan> detect(const SourceTree& tree, const DetectOptions& options) {
  const Source source{tree, options};
  for (const Provider* provider : kProviders) {
    if (!provider->fits(source)) continue;
    auto plan = provider->plan(source);
    if (plan) plan->provider = provider->name;
    return plan;
  }
  return invalid("", "not_detected",
                 "there is nothing here that can be built: no Dockerfile, package.json, "
                 "requirements.txt, pyproject.toml, go.mod, Cargo.toml, pom.xml, build.gradle, "
                 "composer.json, Gemfile, deno.json, index.html or start.sh; add a Dockerfile, or "
                 "name the directory with rootDirectory");
}

std::string plan_json(const DetectedPlan& plan) {
  const nlohmann::ordered_json json = {{"provider", plan.provider},
                                       {"start_command", plan.start_command},
                                       {"notes", plan.notes},
                                       {"dockerfile", plan.dockerfile},
                                       {"dockerignore", plan.dockerignore}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace gantry
