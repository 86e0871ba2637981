// How a new version takes over, how the edge treats requests, and how their number moves the
// replicas.
#include <functional>

#include "proto/codec_fields.hpp"

namespace gantry::codec {
namespace {

using R = RolloutSettings;
using T = TrafficSettings;
using S = ScalingSettings;
using Z = SleepSettings;

constexpr std::size_t kStepsMax = 20;

void read_strategy(const Field& field, R& out) {
  read_word(field, parse_strategy,
            "expected \"ROLLING\", \"BLUE_GREEN\", \"CANARY\" or \"RECREATE\"", out.strategy);
}

void read_steps(const Field& field, R& out) {
  constexpr const char* wanted =
      "expected ascending percentages from 1 to 100, the last one 100, such as [10, 50, 100]";
  if (!field.json.is_array()) return field.refuse("wrong_type", wanted);
  std::vector<int> steps;
  for (std::size_t i = 0; i < field.json.size(); ++i) {
    std::int64_t step = 0;
    if (!read_whole({field.json[i], field.pointer + "/" + std::to_string(i), field.errors}, 1, 100,
                    step))
      return;
    steps.push_back(static_cast<int>(step));
  }
  if (steps.empty() || steps.back() != 100 ||
      std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) != steps.end())
    return field.refuse("invalid_steps", wanted);
  if (steps.size() > kStepsMax) return field.refuse("out_of_range", "at most 20 steps");
  out.steps = std::move(steps);
}

void read_balance(const Field& field, T& out) {
  read_word(field, parse_balance, "expected \"ROUND_ROBIN\", \"LEAST_CONNECTIONS\" or \"RANDOM\"",
            out.balance);
}

constexpr std::array<Entry<R>, 10> kRollout{{
    {"strategy", read_strategy, clear<&R::strategy>},
    {"max_surge_percent", read_range<&R::max_surge_percent, 0, 100>, clear<&R::max_surge_percent>},
    {"max_unavailable_percent", read_range<&R::max_unavailable_percent, 0, 100>,
     clear<&R::max_unavailable_percent>},
    {"observe_seconds", read_range<&R::observe_seconds, 0, 3600>, clear<&R::observe_seconds>},
    {"automatic", read_flag<&R::automatic>, clear<&R::automatic>},
    {"judge", read_flag<&R::judge>, clear<&R::judge>},
    {"steps", read_steps, clear<&R::steps>},
    {"interval_seconds", read_range<&R::interval_seconds, 1, 86400>, clear<&R::interval_seconds>},
    {"min_requests", read_range<&R::min_requests, 0, 1000000>, clear<&R::min_requests>},
    {"keep_seconds", read_range<&R::keep_seconds, 0, 604800>, clear<&R::keep_seconds>},
}};

constexpr std::array<Entry<T>, 6> kTraffic{{
    {"balance", read_balance, clear<&T::balance>},
    {"sticky", read_flag<&T::sticky>, clear<&T::sticky>},
    {"max_connections", read_limit<&T::max_connections, 1, 100000>, clear<&T::max_connections>},
    {"queue_seconds", read_range<&T::queue_seconds, 1, 600>, clear<&T::queue_seconds>},
    {"drain_seconds", read_range<&T::drain_seconds, 0, 3600>, clear<&T::drain_seconds>},
    {"stream_drain_seconds", read_range<&T::stream_drain_seconds, 0, 86400>,
     clear<&T::stream_drain_seconds>},
}};

constexpr std::array<Entry<S>, 8> kScaling{{
    {"min_replicas", read_range<&S::min_replicas, 1, 200>, clear<&S::min_replicas>},
    {"max_replicas", read_limit<&S::max_replicas, 1, 200>, clear<&S::max_replicas>},
    {"cpu_percent", read_limit<&S::cpu_percent, 1, 100>, clear<&S::cpu_percent>},
    {"memory_percent", read_limit<&S::memory_percent, 1, 100>, clear<&S::memory_percent>},
    {"requests_per_second", read_limit<&S::requests_per_second, 1, 1000000>,
     clear<&S::requests_per_second>},
    {"concurrency", read_limit<&S::concurrency, 1, 100000>, clear<&S::concurrency>},
    {"up_seconds", read_range<&S::up_seconds, 1, 3600>, clear<&S::up_seconds>},
    {"down_seconds", read_range<&S::down_seconds, 1, 86400>, clear<&S::down_seconds>},
}};

constexpr std::array<Entry<Z>, 2> kSleep{{
    {"enabled", read_flag<&Z::enabled>, clear<&Z::enabled>},
    {"idle_seconds", read_range<&Z::idle_seconds, 10, 86400>, clear<&Z::idle_seconds>},
}};

}  // namespace

void read_rollout(const Field& field, RolloutSettings& out) { merge_object(field, kRollout, out); }
void read_traffic(const Field& field, TrafficSettings& out) { merge_object(field, kTraffic, out); }
void read_scaling(const Field& field, ScalingSettings& out) { merge_object(field, kScaling, out); }
void read_sleep(const Field& field, SleepSettings& out) { merge_object(field, kSleep, out); }

}  // namespace gantry::codec
