#include "proto/id.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <stdexcept>

#include <sys/random.h>

namespace gantry {
namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";

struct Entropy {
  std::uint16_t high = 0;
  std::uint64_t low = 0;
};

Entropy fresh_entropy() {
  Entropy entropy;
  if (getrandom(&entropy.high, sizeof entropy.high, 0) != sizeof entropy.high ||
      getrandom(&entropy.low, sizeof entropy.low, 0) != sizeof entropy.low)
    throw std::runtime_error("the kernel gave no random bytes");
  entropy.high &= 0x7fff;  // room to count up inside one millisecond
  return entropy;
}

}  // namespace

std::string new_ulid(TimePoint now) {
  static std::mutex mutex;
  static std::uint64_t last_milliseconds = 0;
  static Entropy entropy;

  const std::scoped_lock lock(mutex);
  const auto milliseconds = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
  if (milliseconds > last_milliseconds) {
    last_milliseconds = milliseconds;
    entropy = fresh_entropy();
  } else if (++entropy.low == 0) {
    ++entropy.high;
  }

  std::string text(26, '0');
  std::uint64_t time = last_milliseconds;
  for (int i = 9; i >= 0; --i, time >>= 5) text[static_cast<std::size_t>(i)] = kAlphabet[time & 31];
  Uint128 random = (static_cast<Uint128>(entropy.high) << 64) | entropy.low;
  for (int i = 25; i >= 10; --i, random >>= 5)
    text[static_cast<std::size_t>(i)] = kAlphabet[static_cast<std::size_t>(random & 31)];
  return text;
}

bool is_ulid(std::string_view text) {
  if (text.size() != 26 || text[0] > '7') return false;
  return text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

}  // namespace gantry
