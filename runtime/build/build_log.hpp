// The log of one deployment's build: lines of bounded length, a log of bounded length. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "proto/time.hpp"
#include "runtime/logs.hpp"

namespace gantry {

// In the logs of builds a deployment has two phases, which stand where an ordinal does.
inline constexpr int kBuildPhase = 0;
inline constexpr int kPreDeployPhase = 1;
ReplicaKey phase_key(const DeploymentId&, int phase);

struct BuildLogOptions {
  InstanceId instance_id;
  DeploymentId deployment_id;
  std::uint64_t bytes = 16ULL * 1024 * 1024;  // of output; the builder's own lines come always
  const Clock* clock = &system_clock();
};

class BuildLog {
 public:
  BuildLog(Logs& logs, BuildLogOptions options) : logs_(logs), options_(std::move(options)) {}
  BuildLog(const BuildLog&) = delete;
  BuildLog& operator=(const BuildLog&) = delete;
  ~BuildLog() { flush(); }

  // The builder's own words: a line each.
  void say(std::string_view text);
  void complain(std::string_view text);

  // Output of the build, in pieces of any length. Of a line that was written over with carriage
  // returns its last state stays.
  void output(std::string_view bytes);
  void flush();  // the last line, when it has no end

 private:
  void append(std::string_view text, bool is_error);
  void finish_line();

  Logs& logs_;
  const BuildLogOptions options_;
  std::mutex mutex_;
  std::string line_;
  std::uint64_t written_ = 0;
  bool cut_ = false;
};

}  // namespace gantry
