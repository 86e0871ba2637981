// Readers of the keys about take-overs, traffic, autoscaling and sleep. For the key table alone.
// Pure.
#pragma once

#include <optional>
#include <vector>

#include "proto/config_values.hpp"

namespace gantry {

std::optional<Strategy> read_strategy(const ConfigField&);
std::optional<Balance> read_balance(const ConfigField&);
// "25%". A bare number is refused: elsewhere it would be a number of replicas.
std::optional<std::int64_t> read_share(const ConfigField&);
// "70%" or 70; 1 to 100.
std::optional<std::int64_t> read_percent(const ConfigField&);
// Ascending percentages that end in 100.
std::optional<std::vector<int>> read_steps(const ConfigField&);
// A number of seconds, or "90s", "15m", "2h".
std::optional<std::int64_t> read_duration(const ConfigField&, WholeRange seconds);

}  // namespace gantry
