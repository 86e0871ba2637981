// How a new version takes over from the one that serves, and how far it has come.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/time.hpp"

namespace gantry {

enum class Strategy {
  rolling,     // "ROLLING": new replicas start, become ready, take the traffic; then old ones drain
  blue_green,  // "BLUE_GREEN": the new version runs in full beside the old until it is promoted
  canary,      // "CANARY": a growing share of the requests, judged step by step
  recreate,    // "RECREATE": the old one stops before the new one starts: an interruption
};

// What a person asked of a deployment on its way. An abort is a removal.
enum class RolloutOrder {
  none,     // "NONE"
  pause,    // "PAUSE": no further step; a bad verdict still ends it
  promote,  // "PROMOTE": all the traffic, now
};

std::string_view name(Strategy);
std::string_view name(RolloutOrder);
std::optional<Strategy> parse_strategy(std::string_view);           // any case, '-' as '_'
std::optional<RolloutOrder> parse_rollout_order(std::string_view);  // exact

// Percentages are of the deployment's replicas.
struct RolloutSettings {
  Strategy strategy = Strategy::rolling;
  int max_surge_percent = 100;  // 0..100, rounded up: replicas beyond the wanted number meanwhile.
                                // 100: the old version stays whole until the new one is ready
  int max_unavailable_percent = 0;  // 0..100, rounded down. Not both 0
  int observe_seconds = 5;  // after the switch: who crashes or fails in it is taken back. 0..3600
  bool automatic = true;    // canary: steps go on by themselves; blue-green: never does
  bool judge = true;        // canary: the edge's measurements may end it
  std::vector<int> steps = {10, 50,
                            100};  // canary: percent of the requests, ascending, ends in 100
  int interval_seconds = 900;      // canary: of each step but the last. 1..86400
  int min_requests = 100;          // canary: of its own in each step, before it goes on
  int keep_seconds = 3600;  // blue-green: how long the old version runs on after the promotion
  bool operator==(const RolloutSettings&) const = default;
};

// Recorded: whoever takes over goes on from there.
struct RolloutProgress {
  int step = 0;                         // canary: index into steps; the last: all the traffic
  std::optional<TimePoint> since = {};  // when the edge acknowledged this step
  RolloutOrder order = RolloutOrder::none;
  bool operator==(const RolloutProgress&) const = default;
};

}  // namespace gantry
