// The REST contract from the caller's side: token, retries, problems as Failure, pages, streams.
// Every call may be repeated: those that change something carry an Idempotency-Key.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/failure.hpp"
#include "cli/http.hpp"
#include "cli/json.hpp"
#include "cli/sse.hpp"

namespace gantry::cli {

struct Access {
  std::string url;           // without a slash at its end
  std::string token;         // empty: none
  std::string token_origin;  // "GANTRY_TOKEN", a file ... for messages
};

class Client {
 public:
  Client(Access access, long timeout_seconds);

  Json get(const std::string& path);                  // throws Failure
  std::optional<Json> find(const std::string& path);  // nothing for 404
  Json send(const std::string& method, const std::string& path, const std::string& body = "{}");
  std::vector<Json> list(const std::string& path);  // all pages
  HttpReply raw(const std::string& method, const std::string& path, const std::string& body);
  // One attempt to PUT a part of a file; `headers` go beside the token. Never throws.
  HttpReply put_file(const std::string& path, const FileBody&, std::vector<std::string> headers,
                     const std::function<void(std::uint64_t)>& on_sent);
  // One attempt at an answer of bytes; `on_data` false ends it. Never throws.
  HttpReply get_bytes(const std::string& path,
                      const std::function<bool(std::string_view)>& on_data);
  // What an answer that is no success means to a person.
  Failure failure_of(const HttpReply&) const;
  // Until the server or on_event (false) ends it. Throws Failure when it cannot begin.
  void stream(const std::string& path, const std::string& last_event_id,
              const std::function<bool(const StreamEvent&)>& on_event);
  const Access& access() const { return access_; }

 private:
  HttpCall call_to(const std::string& method, const std::string& path,
                   const std::string& body) const;
  HttpReply call_with_retries(const HttpCall&);

  Access access_;
  long timeout_seconds_;
  Http http_;
};

}  // namespace gantry::cli
