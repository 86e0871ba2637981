// Between Beast's messages and the API's values. Included by server.cpp and wire.cpp only.
#pragma once

#include <cstdint>
#include <string>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "api/http.hpp"

namespace gantry::wire {

struct Framing {
  bool keep_alive = true;
  bool head_only = false;  // HEAD: the length, no body
};

// Path and query are split and the query decoded; X-Request-Id is taken over when it is a sane one,
// else made.
api::Request request_of(boost::beast::http::request<boost::beast::http::string_body> message,
                        std::uint64_t number);

// The same of a request whose body is still to come.
api::Request request_of(const boost::beast::http::request_header<boost::beast::http::fields>& head,
                        std::uint64_t number);

// Status line and headers. A stream has no length and ends with the connection.
std::string head(const api::Response&, Framing);

std::string problem(int status, const std::string& code, const std::string& detail);

}  // namespace gantry::wire
