// Bytes on their way, a piece at a time, so that no backup is ever in memory. A source is pulled, a
// sink is pushed. Blocking; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // The next piece, at most a few MiB; empty: the end. After an error nothing more comes.
  virtual Result<std::string> read() = 0;
};

// Dropped before finish() has succeeded: nothing of it remains.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Result<> write(std::string_view) = 0;
  virtual Result<> finish() = 0;
};

}  // namespace gantry
