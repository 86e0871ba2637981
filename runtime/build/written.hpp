// What a build writes: the folders that the engine's storage driver overlay2 gives to the steps
// that begin below the builds' cgroup after it, each measured while it runs and once after. What
// other programs write to the same disk is in none of them, nor is what the engine itself writes
// for a build (copies of the source, images that are fetched). Steps of two builds at once cannot
// be told apart and count for both. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "proto/time.hpp"

namespace gantry {

struct WrittenPlaces {
  std::string cgroup;  // with a folder for each step, in it cgroup.procs
  std::string
      engine_root;  // the engine's data; empty: not on this machine, and nothing is measured
  std::string proc = "/proc";
};

class BuildWritten {
 public:
  // When the build begins.
  explicit BuildWritten(WrittenPlaces places);

  // Bytes on disk by the steps that were seen so far. New steps are looked for each time; folders
  // are measured again at most once a second, and so that it takes a twentieth of the time.
  std::int64_t bytes();

 private:
  struct Step {
    std::map<std::string, std::int64_t> before;  // by folder: what was in it when it was seen first
    std::int64_t bytes = 0;
    bool ended = false;
    bool settled = false;  // ended, and measured after that
  };
  std::set<std::string> running() const;
  void look_for_steps();
  void find_folders(const std::string& step, Step&) const;
  void measure();

  const WrittenPlaces places_;
  const std::set<std::string> strangers_;  // steps that ran before
  std::map<std::string, Step> steps_;
  TimePoint measured_at_{}, next_{};
};

// Bytes that a folder's files take on the disk, each file once; 0 when it is gone.
std::int64_t bytes_on_disk(const std::string& folder);

}  // namespace gantry
