// What the settings in force must be to each other, in the words of the configuration file. For
// config_file.cpp alone. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/model.hpp"

namespace gantry {

struct BrokenConfigRule {
  std::vector<std::string_view> settings;  // any of which may be changed, the likeliest first
  std::string message;
};

std::vector<BrokenConfigRule> broken_config_rules(const DeploySettings&);

}  // namespace gantry
