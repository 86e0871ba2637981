// The bridge from the builder to the detector.
#include "detect/detect.hpp"
#include "proto/command.hpp"
#include "runtime/build/recipe.hpp"

namespace gantry {

Result<DetectedBuild> detect_build(const DetectRequest& request) {
  DetectOptions options;
  options.build_command = request.settings.build.build_command.value_or("");
  options.variables = request.variables;
  // The containers get the start command anyway; the image shows it to people.
  options.start_command = command_text(request.settings.deploy.start_command);
  auto plan = detect(*make_disk_tree(request.folder), options);
  if (!plan) return plan.error();
  return DetectedBuild{std::move(plan->dockerfile), std::move(plan->dockerignore),
                       std::move(plan->notes)};
}

}  // namespace gantry
