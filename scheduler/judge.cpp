#include "scheduler/judge.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace gantry {
namespace {

constexpr std::uint64_t kExactErrors = 4000;  // above: the approximation is as good and cheaper

double log_choose(double n, double k) {
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

double rate(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string more_errors(const Measure& stable, const Measure& canary, const JudgeOptions& options) {
  const double before = rate(stable.errors, stable.requests);
  const double after = rate(canary.errors, canary.requests);
  if (after < before + options.error_margin) return "";
  const double chance =
      fisher_greater(stable.errors, stable.requests, canary.errors, canary.requests);
  if (chance >= options.significance) return "";
  return fmt::format(
      "{:.1f} % of its {} requests failed, of the stable version's {} only {:.1f} % (chance "
      "{:.1g})",
      100 * after, canary.requests, stable.requests, 100 * before, chance);
}

struct Percentile {
  double q;
  double factor;
  double least_milliseconds;
  const char* name;
};

std::string slower(const Measure& stable, const Measure& canary, const Percentile& percentile,
                   const JudgeOptions& options) {
  const double before = stable.latency.quantile(percentile.q);
  const double after = canary.latency.quantile(percentile.q);
  if (after < before * percentile.factor || after < before + percentile.least_milliseconds)
    return "";
  const double chance = proportion_greater(stable.latency.above(before), stable.latency.count(),
                                           canary.latency.above(before), canary.latency.count());
  if (chance >= options.significance) return "";
  return fmt::format("its {} is {:.0f} ms, the stable version's {:.0f} ms (chance {:.1g})",
                     percentile.name, after, before, chance);
}

}  // namespace

double fisher_greater(std::uint64_t stable_errors, std::uint64_t stable_requests,
                      std::uint64_t canary_errors, std::uint64_t canary_requests) {
  const std::uint64_t errors = stable_errors + canary_errors;
  if (canary_errors == 0 || errors == 0) return 1;
  if (errors > kExactErrors)
    return proportion_greater(stable_errors, stable_requests, canary_errors, canary_requests);
  const auto all = static_cast<double>(stable_requests + canary_requests);
  const double whole = log_choose(all, static_cast<double>(errors));
  double sum = 0;
  for (std::uint64_t hits = canary_errors; hits <= std::min(errors, canary_requests); ++hits) {
    if (errors - hits > stable_requests) continue;
    sum += std::exp(
        log_choose(static_cast<double>(canary_requests), static_cast<double>(hits)) +
        log_choose(static_cast<double>(stable_requests), static_cast<double>(errors - hits)) -
        whole);
  }
  return std::min(sum, 1.0);
}

double proportion_greater(std::uint64_t stable_hits, std::uint64_t stable_count,
                          std::uint64_t canary_hits, std::uint64_t canary_count) {
  if (stable_count == 0 || canary_count == 0) return 1;
  const auto n1 = static_cast<double>(stable_count), n2 = static_cast<double>(canary_count);
  const double pooled = static_cast<double>(stable_hits + canary_hits) / (n1 + n2);
  const double spread = std::sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2));
  if (spread <= 0) return 1;
  const double difference = rate(canary_hits, canary_count) - rate(stable_hits, stable_count);
  const double corrected = difference - 0.5 * (1 / n1 + 1 / n2);
  return 0.5 * std::erfc(corrected / spread / std::sqrt(2.0));
}

std::string judge(const Measure& stable, const Measure& canary, const JudgeOptions& options) {
  if (stable.requests < options.least || canary.requests < options.least) return "";
  if (auto why = more_errors(stable, canary, options); !why.empty()) return why;
  if (stable.latency.count() < options.least || canary.latency.count() < options.least) return "";
  if (auto why = slower(stable, canary, {0.95, options.p95_factor, 5, "p95"}, options);
      !why.empty())
    return why;
  return slower(stable, canary, {0.99, options.p99_factor, 10, "p99"}, options);
}

}  // namespace gantry
