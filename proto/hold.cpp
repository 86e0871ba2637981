#include "proto/hold.hpp"

namespace gantry {
namespace {

constexpr std::size_t kShortCommit = 7;

}  // namespace

Hold hold_of(const Project& project, const Environment& environment, const DeploymentId& id,
             std::string_view checks_of) {
  if (environment.protection.needs_approval)
    return {.status = DeploymentStatus::needs_approval,
            .reason = "environment " + environment.name.str() +
                      " needs an approval: an owner of project " + project.name.str() +
                      " lets it in with `gantry deployment approve " + id.str() +
                      "`, or passes it over with `gantry deployment reject " + id.str() + "`"};
  if (!checks_of.empty())
    return {.status = DeploymentStatus::waiting,
            .reason = "waits for the checks of " + std::string(checks_of.substr(0, kShortCommit))};
  return {};
}

}  // namespace gantry
