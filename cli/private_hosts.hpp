// Variables whose hosts only an environment's network knows, made to work elsewhere. Pure.
#pragma once

#include <functional>
#include <string>

#include "cli/clients.hpp"

namespace gantry::cli {

// A port of this machine that leads to a service's port (0: the service's own); 0: there is none.
using LocalPort = std::function<int(const std::string& service, int port)>;

// "api.railway.internal:3000" in a URL or in "HOST:PORT" becomes "127.0.0.1:<local>"; a variable
// that ends in HOST and is nothing but such a host becomes 127.0.0.1, and its twin that ends in
// PORT the local one.
Values with_local_hosts(Values variables, const LocalPort& local_port);

}  // namespace gantry::cli
