// A zone of the time-zone database: how far its clocks are from UTC, and when that changes. Reads
// TZif files (RFC 9636) of the system; nothing of it needs the process's own zone. Values,
// immutable; find_zone() is thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"
#include "proto/time.hpp"

namespace gantry {

// A stretch of time with one offset: begin <= t < end. `before`: the offset until `begin`.
struct ZoneSpan {
  TimePoint begin{};
  TimePoint end{};
  Seconds offset{};
  Seconds before{};
};

class Zone {
 public:
  static Zone utc() { return Zone(); }
  // A file's bytes. Errors: invalid "zone_unreadable".
  static Result<Zone> parse(std::string_view tzif);

  ZoneSpan span_at(TimePoint) const;

  struct Change {
    TimePoint at{};
    Seconds offset{};
  };
  // One of the two changes of a year, from a file's last line.
  struct Yearly {
    enum class Kind { julian, day, weekday } kind = Kind::julian;  // Jn, n, Mm.w.d
    int month = 0, week = 0, day = 0;
    Seconds time{};  // of local time before the change
  };
  struct Rule {
    Seconds standard{}, summer{};
    std::optional<Yearly> summer_begins = {}, summer_ends = {};  // both or none
  };

 private:
  std::vector<Change> changes_after_last(TimePoint around) const;

  Seconds first_{};  // before the first change
  std::vector<Change> changes_;
  std::optional<Rule> rule_;  // after the last one
};

using ZonePtr = std::shared_ptr<const Zone>;

// By its name: "UTC", "Europe/Berlin". Kept once read. Errors: invalid "unknown_zone", and the
// detail names the fix.
Result<ZonePtr> find_zone(std::string_view name);

// "2026-03-29T03:00:00+02:00"
std::string format_local(const Zone&, TimePoint);

}  // namespace gantry
