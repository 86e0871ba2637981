// What the messages of a session say, between `gantry run` and the daemon: each is binary, its
// first byte names the channel. Used by both ends. Pure.
//
//   0 input, 1 output, 2 error output: bytes; none: this direction has ended
//   3 control, a JSON object: {"resize": {"columns": 80, "rows": 24}},
//   {"input": "end"} from the
//     client; {"started": true} from the daemon, first, and {"exit": 3} or
//     {"error": {"code": "...", "detail": "..."}}, last
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/result.hpp"
#include "proto/websocket.hpp"

namespace gantry {

enum class Channel { input = 0, output = 1, error = 2, control = 3 };

struct SessionControl {
  struct Size {
    int columns = 80, rows = 24;
  };
  std::optional<Size> resize = {};
  bool input_end = false;
  bool started = false;
  std::optional<int> exit_code = {};
  std::optional<Error> error = {};  // why there is no exit code: its reason and its detail
};

std::string session_control_json(const SessionControl&);
// Code::invalid "protocol_error". Sizes are 1 to 65535.
Result<SessionControl> parse_session_control(std::string_view json);

// Gives the parts of what was read to whom they concern.
class SessionReader {
 public:
  struct Sinks {
    // The bytes lie in the buffer that was fed. None: this direction has ended.
    std::function<Result<>(Channel, std::string_view)> data;
    std::function<Result<>(const SessionControl&)> control;
    std::function<Result<>(std::string_view payload)> ping;
    std::function<Result<>()> close;
  };
  SessionReader(websocket::Side from, Sinks sinks) : frames_(from), sinks_(std::move(sinks)) {}

  // How many bytes at the front of `bytes` are done with; the rest is to be fed again, with more
  // behind it. The first error of a sink, or "protocol_error", ends it.
  Result<std::size_t> feed(std::span<char> bytes);

 private:
  Result<> take(const websocket::Piece&);
  Result<> take_data(const websocket::Piece&);

  websocket::Reader frames_;
  Sinks sinks_;
  std::optional<Channel> channel_;  // of the message under way, once its first byte is there
  bool any_ = false;                // it had bytes
  std::string control_;
};

}  // namespace gantry
