// Time as a value. `now` is a parameter everywhere; only Clock's real implementation reads the
// clock.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

using Duration = std::chrono::microseconds;
using TimePoint = std::chrono::sys_time<Duration>;
using Seconds = std::chrono::seconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
};

const Clock& system_clock();

// RFC 3339, UTC, microseconds: "2026-11-22T18:26:00.000000Z". parse also takes a longer fraction
// (the engine writes nanoseconds), which it cuts, and any zone offset.
std::string format_time(TimePoint);
Result<TimePoint> parse_time(std::string_view);

}  // namespace gantry
