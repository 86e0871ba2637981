// Where a volume may be mounted. Pure.
#pragma once

#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

// Absolute, in its shortest form ("/data/" gives "/data"); neither "/" nor below /proc, /sys, /dev.
Result<std::string> parse_mount_path(std::string_view text,
                                     std::string_view pointer = "/mount_path");

}  // namespace gantry
