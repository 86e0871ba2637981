// The last line of a TZif file, "CET-1CEST,M3.5.0,M10.5.0/3": what happens every year. For zone.cpp
// alone. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "proto/zone.hpp"

namespace gantry {

// Nothing when it cannot be read.
std::optional<Zone::Rule> parse_zone_rule(std::string_view text);

// When the change happens in that year. `offset`: in force until then.
TimePoint yearly_change(const Zone::Yearly&, std::chrono::year, Seconds offset);

}  // namespace gantry
