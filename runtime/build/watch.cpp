#include "runtime/build/watch.hpp"

#include "proto/ignore.hpp"

namespace gantry {

std::string skip_reason(const std::vector<std::string>& watch_patterns,
                        const std::vector<std::string>& changed_paths) {
  if (watch_patterns.empty() || !watched(watch_patterns, changed_paths).empty()) return {};
  if (changed_paths.empty()) return "No changes to watched files: nothing changed";
  return "No changes to watched files: " + std::to_string(changed_paths.size()) +
         " changed, such as " + changed_paths.front() + ", and none is watched";
}

}  // namespace gantry
