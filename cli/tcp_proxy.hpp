// A service's port at the edge, for those that make one along the way.
#pragma once

#include <string>

#include "cli/session.hpp"

namespace gantry::cli {

// Gives the service of `place` a port, or leaves it the one it has. What GET .../tcp-proxy says;
// nothing: it was staged.
std::optional<Json> open_tcp_proxy(Session&, const Place&, const std::string& body = "{}");

// "DATABASE_PUBLIC_URL" for "DATABASE_URL".
std::string public_variable(const std::string& url_variable);

}  // namespace gantry::cli
