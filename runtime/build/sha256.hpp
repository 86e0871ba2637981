// SHA-256 of bytes as they pass, and their count. One object belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gantry {

class Sha256 {
 public:
  Sha256();
  void add(std::string_view bytes);
  std::int64_t bytes() const { return bytes_; }
  // Of all so far, 64 hex digits; more may be added afterwards.
  std::string hex() const;

 private:
  struct alignas(16) State {
    std::array<unsigned char, 128> bytes;
  };
  State state_{};
  std::int64_t bytes_ = 0;
};

std::string sha256_hex(std::string_view);

// Two lower-case digits a byte.
std::string hex_of(std::span<const unsigned char> bytes);

}  // namespace gantry
