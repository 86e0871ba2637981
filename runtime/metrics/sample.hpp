// A sample as a line of a file. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/metrics.hpp"

namespace gantry {

// Numbers with blanks between them and a line feed; the histogram as "bucket:count".
std::string encode_sample(const MetricsSample&);
// Of a line without its end. Nothing when it is damaged.
std::optional<MetricsSample> decode_sample(std::string_view line);
// Only when it began.
std::optional<TimePoint> begin_of(std::string_view line);

// The begin of the span of so many seconds in which a moment lies.
TimePoint slot_of(TimePoint, Seconds span);

}  // namespace gantry
