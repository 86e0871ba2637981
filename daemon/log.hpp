// The daemon's log: past-tense events with key=value, to stderr (journald and files take it from
// there). Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace gantry::log {

void configure(const std::string& level, const std::string& format);
void debug(std::string_view);
void info(std::string_view);
void warn(std::string_view);
void error(std::string_view);

}  // namespace gantry::log
