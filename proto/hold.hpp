// What a new deployment waits for before it begins: the one rule, for whoever makes deployments.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "proto/model.hpp"

namespace gantry {

struct Hold {
  DeploymentStatus status = DeploymentStatus::queued;  // or waiting, needs_approval
  std::string reason = {};                             // a sentence; empty: it is not held
  bool operator==(const Hold&) const = default;
};

// `checks_of`: the commit whose checks are awaited; empty: none are. An environment that asks for
// an approval asks for that alone: who lets a deployment in decides about its checks, too.
Hold hold_of(const Project&, const Environment&, const DeploymentId&,
             std::string_view checks_of = {});

}  // namespace gantry
