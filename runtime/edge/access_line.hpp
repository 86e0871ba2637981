// A line of the proxy's access log: how a replica did with one request. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/edge/measure.hpp"

namespace gantry {

// "<server> <status> <how it ended> <connect> <head> <body> <1: streams>", times in milliseconds:
// log-format of haproxy_config. Nothing when the request never reached a replica, or when it is no
// such line.
std::optional<ReplicaMeasure> parse_access_line(std::string_view line);

// Takes lines out of "<bytes> <line>" pieces (RFC 6587 3.4.1) as they come in.
class LineFrames {
 public:
  void add(std::string_view bytes) { buffer_ += bytes; }
  // Nothing: more bytes are needed, or is_broken().
  std::optional<std::string> next();
  bool is_broken() const { return broken_; }  // what came is no such piece, nor will be

 private:
  std::string buffer_;
  bool broken_ = false;
};

}  // namespace gantry
