// HTTP by libcurl, which only http.cpp sees. One connection is kept and reused; nothing is retried
// here (client.hpp does).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers = {};  // "Name: value"
  std::string body = {};
  long timeout_seconds = 90;  // 0: as long as it takes
  // A successful answer piece by piece instead of in HttpReply::body; false ends it.
  std::function<bool(std::string_view)> on_data = {};
};

struct HttpReply {
  int status = 0;         // 0: no answer
  std::string body;       // of an error too when on_data was given
  std::string trouble;    // why there is no answer, or no whole one
  bool may_pass = false;  // the trouble: no connection, or a broken one
};

class Http {
 public:
  Http();
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;
  HttpReply call(const HttpCall&);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

// A path's segment or a query's value with everything but unreserved characters as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace gantry::cli
