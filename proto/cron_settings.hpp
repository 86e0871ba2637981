// When a service that does not run all the time is run.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry {

// What a tick does while the run before it goes on.
enum class CronOverlap {
  skip,     // "SKIP": it is passed over and said so
  allow,    // "ALLOW": both run
  replace,  // "REPLACE": the older one is ended
};

// What becomes of the ticks that nobody was there for.
enum class CronMissed {
  skip,  // "SKIP": nothing
  once,  // "ONCE": one run, for the newest of them
};

std::string_view name(CronOverlap);
std::string_view name(CronMissed);
std::optional<CronOverlap> parse_cron_overlap(std::string_view);  // any case
std::optional<CronMissed> parse_cron_missed(std::string_view);    // any case

struct CronSettings {
  std::string schedule;      // five fields, proto/cron.hpp; empty: it runs all the time
  std::string zone = "UTC";  // of the time-zone database: "Europe/Berlin"
  CronOverlap overlap = CronOverlap::skip;
  CronMissed missed = CronMissed::skip;
  int limit_seconds = 0;  // of one run, which is then ended; 0: none. 0..604800
  bool operator==(const CronSettings&) const = default;
};

}  // namespace gantry
