// Counts bytes and hashes them as they pass.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry {

class Digest {
 public:
  Digest();
  void add(std::string_view);
  std::int64_t bytes() const { return bytes_; }
  // SHA-256 of all so far, 64 hex digits.
  std::string hex() const;

 private:
  struct alignas(16) State {
    std::array<unsigned char, 128> bytes;
  };
  State state_{};
  std::int64_t bytes_ = 0;
};

std::string sha256_hex(std::string_view);

}  // namespace gantry
