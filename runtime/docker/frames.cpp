#include "runtime/docker/frames.hpp"

#include <algorithm>
#include <utility>

namespace gantry::docker {
namespace {

constexpr std::size_t kHeader = 8;

std::size_t frame_length(std::string_view header) {
  std::size_t length = 0;
  for (std::size_t i = 4; i < kHeader; ++i)
    length = length << 8 | static_cast<unsigned char>(header[i]);
  return length;
}

}  // namespace

void FrameReader::feed(std::string_view bytes, const Frame& frame) {
  std::string joined;
  if (!rest_.empty()) {
    joined = std::move(rest_);
    joined += bytes;
    bytes = joined;
  }
  while (bytes.size() >= kHeader) {
    const std::size_t length = frame_length(bytes);
    if (bytes.size() - kHeader < length) break;
    frame(bytes[0] == 2, bytes.substr(kHeader, length));
    bytes.remove_prefix(kHeader + length);
  }
  rest_ = std::string(bytes);
}

void LineCutter::feed(std::string_view bytes, const Line& line) {
  while (!bytes.empty()) {
    const std::size_t room = kLongestLine - rest_.size();
    const std::size_t end = bytes.find('\n');
    if (end != std::string_view::npos && end <= room) {
      rest_ += bytes.substr(0, end);
      line(std::exchange(rest_, {}));
      bytes.remove_prefix(end + 1);
      continue;
    }
    const std::size_t taken = std::min(room, bytes.size());
    rest_ += bytes.substr(0, taken);
    bytes.remove_prefix(taken);
    if (rest_.size() == kLongestLine && !bytes.empty()) line(std::exchange(rest_, {}));
  }
}

void LineCutter::finish(const Line& line) {
  if (!rest_.empty()) line(std::exchange(rest_, {}));
}

}  // namespace gantry::docker
