// The engine's multiplexed output (engine reference, Part 3 "Logs"): 1 byte stream, 3 zero, 4 bytes
// big-endian length, then the bytes; and the cutting of such bytes into lines. Pure; one user at a
// time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gantry::docker {

class FrameReader {
 public:
  using Frame = std::function<void(bool is_error, std::string_view bytes)>;
  // Calls `frame` for each frame completed by these bytes.
  void feed(std::string_view bytes, const Frame& frame);

 private:
  std::string rest_;
};

// Lines without their newline; a longer one than kLongestLine comes in parts.
class LineCutter {
 public:
  static constexpr std::size_t kLongestLine = 64 * 1024;
  using Line = std::function<void(std::string)>;
  void feed(std::string_view bytes, const Line& line);
  // The last line, when it had no newline.
  void finish(const Line& line);
  bool empty() const { return rest_.empty(); }

 private:
  std::string rest_;
};

}  // namespace gantry::docker
