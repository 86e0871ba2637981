// Images by the BuildKit inside the Docker Engine, over its socket.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/build/image_engine.hpp"
#include "runtime/build/limits.hpp"

namespace gantry {

struct BuildKitOptions {
  std::string socket_path = "/var/run/docker.sock";
  BuildLimits limits;
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

std::unique_ptr<ImageEngine> make_buildkit(const BuildKitOptions&);

}  // namespace gantry
