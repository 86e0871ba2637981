// How the edge treats an instance's requests, and how their number moves the number of replicas.
#pragma once

#include <optional>
#include <string_view>

namespace gantry {

enum class Balance {
  round_robin,        // "ROUND_ROBIN"
  least_connections,  // "LEAST_CONNECTIONS"
  random,             // "RANDOM"
};

std::string_view name(Balance);
std::optional<Balance> parse_balance(std::string_view);  // any case, '-' as '_'

struct TrafficSettings {
  Balance balance = Balance::round_robin;
  bool sticky = false;      // a cookie keeps a browser at its replica while that takes requests
  int max_connections = 0;  // requests at once in each replica; more wait. 0: no limit
  int queue_seconds = 30;   // then a waiting request gets 503. 1..600
  int drain_seconds = 30;   // a request that runs may finish for so long. 0..3600
  int stream_drain_seconds = 60;  // an upgraded connection or a response that streams. 0..86400
  bool operator==(const TrafficSettings&) const = default;
};

// Autoscaling. Targets are per replica; 0: not looked at. max_replicas 0: off.
struct ScalingSettings {
  int min_replicas = 1;
  int max_replicas = 0;
  int cpu_percent = 0;     // of cpu_millicores. 1..100
  int memory_percent = 0;  // of memory_bytes. 1..100
  int requests_per_second = 0;
  int concurrency = 0;     // requests at once
  int up_seconds = 15;     // above a target for so long: more
  int down_seconds = 300;  // what fewer could do for so long: fewer
  bool operator==(const ScalingSettings&) const = default;
};

// Scale to zero: without a request for idle_seconds its replicas stop; the next one is held at the
// edge until one is ready.
struct SleepSettings {
  bool enabled = false;
  int idle_seconds = 600;  // 10..86400
  bool operator==(const SleepSettings&) const = default;
};

}  // namespace gantry
