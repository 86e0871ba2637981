// What the edge saw of requests: counters, and how long the answers took. Pure values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proto/model.hpp"

namespace gantry {

// Durations by their size: 24 buckets a decade from 0.1 ms to 1000 s, so each value is known within
// 10 %.
class Histogram {
 public:
  static constexpr int kPerDecade = 24, kDecades = 7;
  static constexpr std::size_t kBuckets = kPerDecade * kDecades;

  void add(double milliseconds, std::uint64_t count = 1);
  void add(const Histogram&);
  std::uint64_t count() const { return count_; }
  // The upper end of the bucket in which the q-quantile lies, in milliseconds; 0 when empty.
  double quantile(double q) const;
  // How many lie in buckets above this value's.
  std::uint64_t above(double milliseconds) const;
  // For keeping it: how many lie in a bucket, which is below kBuckets.
  std::uint32_t in_bucket(std::size_t bucket) const { return counts_[bucket]; }
  void add_to_bucket(std::size_t bucket, std::uint32_t count) {
    counts_[bucket] += count;
    count_ += count;
  }
  bool operator==(const Histogram&) const = default;

 private:
  std::array<std::uint32_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
};

struct Measure {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;  // 5xx by the replica, or no whole answer from it
  Histogram latency;         // to the last byte of what is no stream

  void add(const Measure&);
  bool operator==(const Measure&) const = default;
};

struct ReplicaMeasure {
  InstanceId instance_id;  // whose route it is in
  ReplicaKey key;
  Measure measure;
  bool whole = true;  // of all requests; else of a share, where there are many
};

struct RouteLoad {
  InstanceId instance_id;
  std::uint64_t requests = 0;  // since the proxy's start: may begin anew
  int sessions = 0;            // requests and streams now
  int queued = 0;              // requests that wait for a replica now
  // Answers by their status, 1xx to 5xx, the proxy's own among them; may begin anew, too.
  std::array<std::uint64_t, 5> responses{};
};

}  // namespace gantry
