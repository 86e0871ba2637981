// Bytes from and to memory, for tests.
#pragma once

#include <algorithm>
#include <string>

#include "runtime/backup/bytes.hpp"

namespace gantry::testing {

class TextSink final : public ByteSink {
 public:
  Result<> write(std::string_view bytes) override {
    text += bytes;
    return done();
  }
  Result<> finish() override {
    finished = true;
    return done();
  }
  std::string text;
  bool finished = false;
};

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string text, std::size_t piece = 1 << 16)
      : text_(std::move(text)), piece_(piece) {}
  Result<std::string> read() override {
    const std::size_t size = std::min(piece_, text_.size() - at_);
    at_ += size;
    return text_.substr(at_ - size, size);
  }

 private:
  const std::string text_;
  const std::size_t piece_;
  std::size_t at_ = 0;
};

inline Result<std::string> read_all(ByteSource& source) {
  std::string all;
  while (true) {
    auto piece = source.read();
    if (!piece) return piece;
    if (piece->empty()) return all;
    all += *piece;
  }
}

// The same for the same size; does not compress.
inline std::string noise(std::size_t size) {
  std::string text(size, '\0');
  std::uint64_t state = 88172645463325252ULL;
  for (char& c : text) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state);
  }
  return text;
}

}  // namespace gantry::testing
