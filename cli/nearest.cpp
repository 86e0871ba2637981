#include "cli/nearest.hpp"

#include <algorithm>

#include "proto/edit_distance.hpp"

namespace gantry::cli {

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t least = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const std::string& each : known) {
    const std::size_t distance = edit_distance(word, each);
    if (distance >= least) continue;
    least = distance;
    best = each;
  }
  return best;
}

}  // namespace gantry::cli
