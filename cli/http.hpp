// HTTP by libcurl, which only http.cpp sees. One connection is kept and reused; nothing is retried
// here (client.hpp does).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

// A part of an open file that is sent as a body, read as it goes.
struct FileBody {
  int descriptor = -1;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  // bytes from `offset`
};

struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers = {};  // "Name: value"
  std::string body = {};
  std::optional<FileBody> file = {};  // instead of `body`
  long timeout_seconds = 90;          // 0: as long as it takes
  long stall_seconds = 0;             // given up when no byte moves for so long; 0: never
  std::function<void(std::uint64_t sent)> on_sent = {};  // bytes of the body so far
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

}  // namespace gantry::cli
