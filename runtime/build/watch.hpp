// Whether a deployment has anything to do: watch patterns against what has changed. Pure.
#pragma once

#include <string>
#include <vector>

namespace gantry {

// Patterns as for watched() in proto/ignore.hpp. Empty: a changed path is watched, or nothing is
// watched in particular. Else a sentence.
std::string skip_reason(const std::vector<std::string>& watch_patterns,
                        const std::vector<std::string>& changed_paths);

}  // namespace gantry
