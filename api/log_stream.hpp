// Log lines as a list or as a stream of events; what a line looks like is the caller's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/http.hpp"

namespace gantry::api {

using AppendLine = void (*)(std::string& out, const LogLine&);

// `limit` (1000) and `since` of the query.
Result<LogQuery> read_log_bounds(const Request&);

// {"data":[...]}
Result<Response> log_list(Logs&, const LogQuery&, AppendLine);

// The kept lines first, then those to come: events "log", and "gap" where a slow reader lost some.
class LogStream : public Stream {
 public:
  // `end`: the data of a last event "end" once there is nothing to come; asked whenever something
  // woke the stream.
  using End = std::function<std::optional<std::string>()>;
  LogStream(Logs&, LogQuery, AppendLine, End end = nullptr);

  void on_ready(std::function<void()> wake) override;
  bool read(std::string& out) override;
  // Something else that may wake it; dropped with the stream.
  void keep(std::shared_ptr<void> handle) { kept_ = std::move(handle); }
  std::function<void()> waker() const;

 private:
  class Buffer;
  void append_event(std::string& out, const LogLine&) const;

  Logs& logs_;
  const LogQuery query_;
  const AppendLine append_;
  const End end_;
  std::shared_ptr<Buffer> buffer_;
  std::uint64_t last_ = 0;
  bool caught_up_ = false;
  std::shared_ptr<void> following_, kept_;
};

}  // namespace gantry::api
