// BuildKit's trace: what its steps do and write, as the engine streams it. Protocol buffers of
// moby.buildkit.v1.StatusResponse, of which the fields below are read; everything else, also
// nonsense, is passed over. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry {

struct TraceVertex {
  std::string digest, name, error;
  bool cached = false;
  double started = 0, completed = 0;  // seconds since 1970; 0: not yet
};
struct TraceLog {
  std::string vertex;  // its digest
  double at = 0;
  int stream = 1;  // 2: stderr
  std::string text;
};
struct Trace {
  std::vector<TraceVertex> vertexes;
  std::vector<TraceLog> logs;
};

Trace parse_trace(std::string_view protobuf);

// Nothing for what is no base64.
std::string decode_base64(std::string_view text);

}  // namespace gantry
