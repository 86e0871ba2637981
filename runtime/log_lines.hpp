// One line of a log file: "<RFC 3339 time> <o|e> <text>\n", '\n' and '\\' in the text escaped. Any
// bytes survive.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/logs.hpp"

namespace gantry {

std::string encode_log_line(const LogLine&);
// Without the newline; nullopt for what this program did not write. Sequence and key stay empty.
std::optional<LogLine> decode_log_line(std::string_view);

// The newest lines of a file, oldest first; none when it cannot be read. Reads only its end.
std::vector<LogLine> read_log_tail(const std::string& path, const ReplicaKey&, std::size_t lines);

}  // namespace gantry
