#include "api/query.hpp"

#include "api/problem.hpp"

namespace gantry::api {

Result<bool> query_flag(const Request& request, std::string_view parameter) {
  const std::string* value = request.query_value(parameter);
  if (value == nullptr || *value == "false") return false;
  if (*value == "true") return true;
  return invalid_query(parameter, "expected true or false");
}

}  // namespace gantry::api
