// Whether a client wants a list or a stream.
#pragma once

#include "api/http.hpp"

namespace gantry::api {

// follow=1 or true, or Accept: text/event-stream.
Result<bool> read_follow(const Request&);

}  // namespace gantry::api
