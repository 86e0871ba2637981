// What a request says of a service, made at once or staged.
#pragma once

#include "api/http.hpp"
#include "api/lookup.hpp"

namespace gantry::api {

struct RequestedService {
  Place place;  // its environment, where the caller may work
  Name name;
  Settings settings;
};
// A new one of a project.
Result<RequestedService> read_requested_service(const Request&, const Context&);
// A service of the project that comes to an environment; it is in the place.
Result<RequestedService> read_requested_instance(const Request&, const Context&);

// {"replicas"}: how many are wanted.
Result<int> read_replicas(const Request&);

}  // namespace gantry::api
