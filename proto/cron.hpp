// Schedules of five fields (minute, hour, day of the month, month, day of the week), made of
// integers, * , - and /. Pure; says whether a schedule is one; cron_times.hpp says when it is due.
#pragma once

#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

// The schedule with one blank between its fields; otherwise Code::invalid, and the detail names the
// field and the fix. Days of the week are 0 to 7; 0 and 7 are Sunday.
Result<std::string> parse_cron(std::string_view text);

}  // namespace gantry
