// What settings must be to each other, whoever wrote them: a request or a configuration file. Pure.
#pragma once

#include <string>
#include <vector>

#include "proto/model.hpp"

namespace gantry {

// One FieldError for each broken rule, pointers below `base`: "<base>/rollout/max_surge_percent".
std::vector<FieldError> broken_rules(const DeploySettings&, const std::string& base);

}  // namespace gantry
