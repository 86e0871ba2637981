// Query parameters that are true or false.
#pragma once

#include <string_view>

#include "api/http.hpp"

namespace gantry::api {

// Absent: false. Neither true nor false: 400.
Result<bool> query_flag(const Request&, std::string_view parameter);

}  // namespace gantry::api
