// RFC 9457 problem documents: the one place where an Error becomes an HTTP status. Pure.
#pragma once

#include "api/http.hpp"
#include "proto/result.hpp"

namespace gantry::api {

Response problem(const Error&, const Request&);

// Errors that only HTTP has: 405, 415 and the like.
struct HttpError {
  int status;
  std::string reason;
  std::string detail;
};
Response problem(const HttpError&, const Request&);

// A header whose value is wrong: 422, named in "errors".
Error invalid_header(std::string_view header, std::string reason, std::string detail);

// A query parameter that cannot be read: 400, named in "errors".
Error invalid_query(std::string_view parameter, std::string detail);

}  // namespace gantry::api
