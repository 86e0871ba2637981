#include "runtime/edge/measure.hpp"

#include <algorithm>
#include <cmath>

namespace gantry {
namespace {

constexpr double kLeast = 0.1;  // milliseconds

std::size_t bucket_of(double milliseconds) {
  if (!(milliseconds > kLeast)) return 0;
  const double at = std::log10(milliseconds / kLeast) * Histogram::kPerDecade;
  return std::min(static_cast<std::size_t>(at), Histogram::kBuckets - 1);
}

double upper_end(std::size_t bucket) {
  return kLeast * std::pow(10.0, static_cast<double>(bucket + 1) / Histogram::kPerDecade);
}

}  // namespace

void Histogram::add(double milliseconds, std::uint64_t count) {
  counts_[bucket_of(milliseconds)] += static_cast<std::uint32_t>(count);
  count_ += count;
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
}

double Histogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= std::max<std::uint64_t>(rank, 1)) return upper_end(i);
  }
  return upper_end(kBuckets - 1);
}

std::uint64_t Histogram::above(double milliseconds) const {
  std::uint64_t more = 0;
  // A little less, so that a bucket's own upper end counts as in it.
  for (std::size_t i = bucket_of(milliseconds * 0.999) + 1; i < kBuckets; ++i) more += counts_[i];
  return more;
}

void Measure::add(const Measure& other) {
  requests += other.requests;
  errors += other.errors;
  latency.add(other.latency);
}

}  // namespace gantry
