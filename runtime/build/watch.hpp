// Whether a deployment has anything to do: watch patterns against what has changed. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry {

// Patterns are gitignore rules from the source's root, one each: what they name is watched, "!"
// takes back, the last one that matches a path or a directory above it counts. Unlike in a
// .gitignore a "!" also takes back what lies in a watched directory: ["src", "!*.md"] means what it
// says.
bool is_watched(const std::vector<std::string>& patterns, std::string_view path);

// Empty: a changed path is watched, or nothing is watched in particular. Else a sentence.
std::string skip_reason(const std::vector<std::string>& watch_patterns,
                        const std::vector<std::string>& changed_paths);

}  // namespace gantry
