// A service's port at the edge, as people see it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "proto/model.hpp"

namespace gantry {

// The name that leads to the edge, whatever the service: under a base domain of one's own the
// generated host (the wildcard record has no other names), else "localhost", which needs no DNS.
std::string tcp_proxy_host(const ServiceInstance&, std::string_view base_domain);

// Whether a provided variable of this name ("RAILWAY_TCP_PROXY_PORT") is there only while the
// service has a port at the edge.
bool is_tcp_proxy_variable(std::string_view name);

}  // namespace gantry
