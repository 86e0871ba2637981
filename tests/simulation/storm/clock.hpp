// Wall time of a storm: it goes where it is moved, also back.
#pragma once

#include "proto/time.hpp"

namespace gantry::storm {

class WallClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  void move(Duration by) { now_ += by; }

 private:
  TimePoint now_ = TimePoint(Seconds(1'800'000'000));
};

}  // namespace gantry::storm
