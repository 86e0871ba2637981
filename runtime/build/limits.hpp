// What builds may use together. BuildKit inside the engine takes no limits of its own, but what it
// runs lives below one cgroup, "docker/buildkit" on an engine with its defaults; the limits are
// written there, so that a build never starves what runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

struct BuildLimits {
  int cpu_millicores = 0;                 // 0: the machine's cores less a half
  std::int64_t memory_bytes = 2LL << 30;  // 0: no limit
  int pids = 4096;                        // 0: no limit
  std::int64_t disk_bytes = 20LL << 30;   // written by the steps of one build; 0: no limit
  // On the engine's disk: with less left, whoever filled it, builds end.
  std::int64_t least_free_bytes = 512LL << 20;
  std::string cgroup = "docker/buildkit";  // below each hierarchy's root
  std::string cgroup_root = "/sys/fs/cgroup";
};

class BuildCgroup {
 public:
  explicit BuildCgroup(BuildLimits limits) : limits_(std::move(limits)) {}

  // Makes the cgroup where it is missing and writes the limits. Cannot be done (not root, an engine
  // elsewhere, another driver): unavailable "no_build_limits", a sentence for the operator.
  Result<> apply();

  // Greater than the baseline, which is taken after apply(), when a limit was hit since.
  struct Hits {
    std::int64_t memory = 0, pids = 0;
  };
  Hits baseline() const;
  Hits hits() const;
  // Whether nearly all processes that it may have are there now.
  bool full_of_pids() const;

  const BuildLimits& limits() const { return limits_; }
  // The folder with one for each step that runs.
  std::string steps() const { return path("pids"); }

 private:
  struct Write {
    std::string file, value;
    bool required = true;
  };
  bool unified() const;
  std::string path(const std::string& controller) const;
  std::vector<Write> writes() const;
  void take_back_marks() const;

  const BuildLimits limits_;
};

}  // namespace gantry
