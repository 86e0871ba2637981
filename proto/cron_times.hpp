// When a schedule of five fields is due, in a zone. Where clocks change: a time that does not exist
// is due at the change, once; one that exists twice is due the first time. A schedule whose hour is
// "*" means every hour that passes: what does not exist is left out, what exists twice is due
// twice. Pure.
#pragma once

#include <bitset>
#include <optional>
#include <string_view>
#include <vector>

#include "proto/zone.hpp"

namespace gantry {

class CronTimes {
 public:
  // REQUIRES: parse_cron() gave it
  static CronTimes of(std::string_view schedule);

  // The first one later than `after`; nothing within eight years: nothing.
  std::optional<TimePoint> next(const Zone&, TimePoint after) const;
  // The newest one at or before `at` and not before `oldest`.
  std::optional<TimePoint> last(const Zone&, TimePoint at, TimePoint oldest) const;
  // after < t <= until, ascending; the first `most` of them.
  std::vector<TimePoint> between(const Zone&, TimePoint after, TimePoint until,
                                 std::size_t most) const;

 private:
  using Bits = std::bitset<64>;
  using Minutes = std::chrono::sys_time<std::chrono::minutes>;  // of local time, where so named

  bool day(std::chrono::sys_days) const;
  bool minute_of_day(int) const;
  std::optional<Minutes> first_local(Minutes from, Minutes until) const;  // until: not with it
  std::optional<Minutes> last_local(Minutes from, Minutes until) const;
  std::optional<TimePoint> due_at_change(const ZoneSpan&) const;
  Minutes local_begin(const ZoneSpan&, Minutes from) const;

  Bits minutes_, hours_, days_, months_, weekdays_;
  bool any_day_ = false, any_weekday_ = false, every_hour_ = false;
};

}  // namespace gantry
