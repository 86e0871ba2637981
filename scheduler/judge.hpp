// Whether a canary is worse than the version beside it. Pure: counts in, a verdict out.
//
// Errors: Fisher's exact test, one-sided. Latency: how many of the canary's answers are slower than
// the stable version's 95th and 99th percentile, compared with how many of its own are (one-sided
// two-proportion test). A difference must be both significant and large enough to matter.
#pragma once

#include <string>

#include "runtime/edge/measure.hpp"

namespace gantry {

struct JudgeOptions {
  double significance = 1e-4;   // looked at again and again: strict
  std::uint64_t least = 20;     // of either; fewer: nothing is said
  double error_margin = 0.005;  // of the requests more than the stable version
  double p95_factor = 1.3;      // slower by this factor, and by 5 ms
  double p99_factor = 1.5;      // slower by this factor, and by 10 ms
};

// Why the canary is worse; empty: nothing speaks against it.
std::string judge(const Measure& stable, const Measure& canary, const JudgeOptions& options = {});

// ---- parts, public for their tests ----

// P(at least `canary_errors` of all the errors fall on the canary by chance).
double fisher_greater(std::uint64_t stable_errors, std::uint64_t stable_requests,
                      std::uint64_t canary_errors, std::uint64_t canary_requests);
// P(so much larger a share by chance), normal approximation with continuity correction.
double proportion_greater(std::uint64_t stable_hits, std::uint64_t stable_count,
                          std::uint64_t canary_hits, std::uint64_t canary_count);

}  // namespace gantry
