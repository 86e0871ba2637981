// A line of the proxy's access log: how a replica did with one request. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/edge/measure.hpp"

namespace gantry {

// "<server> <status> <how it ended> <connect> <head> <body> <1: streams>", times in milliseconds:
// log-format of haproxy_config. Nothing when the request never reached a replica, or when it is no
// such line.
std::optional<ReplicaMeasure> parse_access_line(std::string_view line);

}  // namespace gantry
