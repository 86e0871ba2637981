// Carries bytes between two local descriptors and a session at the server, until it ends. Two
// threads; no more than a block in each direction is held.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/websocket.hpp"

namespace gantry::cli {

struct PumpEnds {
  int input = -1;  // -1: none, and the program reads the end at once
  int output = 1;
  int error_output = 2;
  int wake = -1;  // readable: the terminal has another size, see `size`
  std::function<SessionControl::Size()> size = nullptr;
};

struct PumpEnd {
  std::optional<int> exit_code = {};
  std::optional<Error> error = {};  // why there is none: of the server, or "connection_lost"
  bool started = false;             // the program was; before, nothing of the input is read
};

// Does not close the descriptors. `output` that nobody reads any more ends it, too:
// "output_closed".
PumpEnd pump(WebSocket&, const PumpEnds&);

}  // namespace gantry::cli
