// Chance that a seed replays: xorshift64*.
#pragma once

#include <cstdint>

#include "proto/time.hpp"

namespace gantry::storm {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 0x2545f4914f6cdd1dULL) {
    if (state_ == 0) state_ = 1;
    for (int i = 0; i < 8; ++i) next();
  }
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dULL;
  }
  int below(int n) { return n <= 1 ? 0 : static_cast<int>(next() % static_cast<unsigned>(n)); }
  int between(int least, int most) { return least + below(most - least + 1); }
  bool percent(int chance) { return below(100) < chance; }
  template <class C>
  const auto& of(const C& choices) {
    return choices[static_cast<std::size_t>(below(static_cast<int>(choices.size())))];
  }
  Duration span(Duration least, Duration most) {
    return least + Duration(static_cast<std::int64_t>(
                       next() % static_cast<std::uint64_t>((most - least).count() + 1)));
  }

 private:
  std::uint64_t state_;
};

}  // namespace gantry::storm
