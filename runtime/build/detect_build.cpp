// The bridge from the builder to the detector.
#include "detect/detect.hpp"
#include "proto/command.hpp"
#include "runtime/build/recipe.hpp"

namespace gantry {

Result<DetectedBuild> detect_build(const DetectRequest& request) {
  DetectOptions options;
  options.build_command = request.settings.build.build_command.value_or("");
  options.variables = request.variables;
  const auto& start = request.settings.deploy.start_command;
  // The containers get the start command anyway; the image shows it to people.
  for (const std::string& word : start) {
    if (word.find('\'') != std::string::npos) {
      options.start_command.clear();
      break;
    }
    if (!options.start_command.empty()) options.start_command += ' ';
    const bool plain = word.find_first_of(" \t\n'\"\\$`&|;<>()*?[]#~{}!") == std::string::npos;
    options.start_command += plain && !word.empty() ? word : "'" + word + "'";
  }
  if (through_shell(start)) {
    options.start_command = start[2];
    if (options.start_command.starts_with("exec ")) options.start_command.erase(0, 5);
  }
  auto plan = detect(*make_disk_tree(request.folder), options);
  if (!plan) return plan.error();
  return DetectedBuild{std::move(plan->dockerfile), std::move(plan->dockerignore),
                       std::move(plan->notes)};
}

}  // namespace gantry
