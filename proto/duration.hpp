// Lengths of time as a person writes them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry {

// "90s" "15m" "12h" "30d" "2w" as seconds; nothing for anything else, zero or what is more than a
// hundred years.
std::optional<std::int64_t> duration_seconds(std::string_view text);

}  // namespace gantry
