// Finds the setting that a pointer to member names inside a configuration. For the key tables
// alone.
#pragma once

#include "proto/config_file.hpp"

namespace gantry {

template <auto Member>
auto& config_member(auto& config) {
  auto& deploy = config.settings.deploy;
  if constexpr (requires { config.settings.build.*Member; })
    return config.settings.build.*Member;
  else if constexpr (requires { deploy.*Member; })
    return deploy.*Member;
  else if constexpr (requires { deploy.rollout.*Member; })
    return deploy.rollout.*Member;
  else if constexpr (requires { deploy.traffic.*Member; })
    return deploy.traffic.*Member;
  else if constexpr (requires { deploy.scaling.*Member; })
    return deploy.scaling.*Member;
  else if constexpr (requires { deploy.sleep.*Member; })
    return deploy.sleep.*Member;
  else if constexpr (requires { deploy.cron.*Member; })
    return deploy.cron.*Member;
  else
    return config.*Member;
}

}  // namespace gantry
