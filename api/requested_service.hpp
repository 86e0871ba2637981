// What a request for a new service says, made at once or staged.
#pragma once

#include "api/http.hpp"
#include "api/lookup.hpp"

namespace gantry::api {

struct RequestedService {
  Place place;  // its environment, where the caller may work
  Name name;
  Settings settings;
};
Result<RequestedService> read_requested_service(const Request&, const Context&);

}  // namespace gantry::api
