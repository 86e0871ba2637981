#include "api/follow.hpp"

#include "api/problem.hpp"

namespace gantry::api {

Result<bool> read_follow(const Request& request) {
  if (const std::string* value = request.query_value("follow")) {
    if (*value == "1" || *value == "true") return true;
    if (*value == "0" || *value == "false") return false;
    return invalid_query("follow", "expected 1 or 0");
  }
  const std::string* accept = request.header("accept");
  return accept != nullptr && accept->find("text/event-stream") != std::string::npos;
}

}  // namespace gantry::api
