#include "runtime/edge/weights.hpp"

#include <algorithm>
#include <cmath>

namespace gantry {

double canary_percent(int n_stable, int n_canary, const GroupWeights& weights) {
  const double canary = static_cast<double>(n_canary) * weights.canary;
  const double all = canary + static_cast<double>(n_stable) * weights.stable;
  return all > 0 ? 100 * canary / all : 0;
}

GroupWeights weights_for(int n_stable, int n_canary, int percent) {
  percent = std::clamp(percent, 0, 100);
  if (n_canary <= 0 || percent == 0) return {n_stable > 0 ? kFullWeight : 0, 0};
  if (n_stable <= 0 || percent == 100) return {0, kFullWeight};
  const double ratio = percent * n_stable / ((100.0 - percent) * n_canary);  // canary to stable
  GroupWeights best{1, 1};
  double least = 1000;
  for (int stable = 1; stable <= kMostWeight; ++stable) {
    const int near = static_cast<int>(std::lround(stable * ratio));
    const GroupWeights weights{stable, std::clamp(near, 1, kMostWeight)};
    const double off = std::abs(canary_percent(n_stable, n_canary, weights) - percent);
    if (off >= least - 1e-9) continue;
    least = off;
    best = weights;
  }
  return best;
}

bool is_serving(const Route& route) {
  return std::any_of(route.backends.begin(), route.backends.end(),
                     [](const RouteBackend& backend) { return is_serving(backend); });
}

}  // namespace gantry
