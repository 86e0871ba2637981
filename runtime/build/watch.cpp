#include "runtime/build/watch.hpp"

#include "proto/ignore.hpp"
#include "runtime/build/files.hpp"

namespace gantry {

std::string skip_reason(const std::vector<std::string>& watch_patterns,
                        const std::vector<std::string>& changed_paths) {
  if (watch_patterns.empty() || !watched(watch_patterns, changed_paths).empty()) return {};
  std::string patterns;
  for (const auto& pattern : watch_patterns)
    patterns += (patterns.empty() ? "" : ", ") + shown(pattern);
  const std::string files =
      changed_paths.size() == 1 ? "1 file" : std::to_string(changed_paths.size()) + " files";
  return "No changes to watched files (" + files + " changed; patterns: " + patterns + ")";
}

}  // namespace gantry
