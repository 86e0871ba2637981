// Output of replicas, kept outside the engine so that it outlives the container. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/model.hpp"

namespace gantry {

struct LogLine {
  std::uint64_t sequence = 0;  // ascending within one instance while the daemon lives
  TimePoint at{};
  ReplicaKey key;
  bool is_error = false;  // stderr
  std::string text;       // without the newline; at most 64 KiB, longer lines come in parts
};

struct LogQuery {
  InstanceId instance_id;
  std::optional<DeploymentId> deployment_id;
  std::optional<std::string> replica_id;
  std::optional<TimePoint> since;
  int limit = 1000;  // the newest so many lines
};

class Logs {
 public:
  virtual ~Logs() = default;

  // Writer's side (the driver). A disk that is full loses lines on disk, never in memory's newest
  // part, never the container: lost lines are counted and a line that says so follows.
  virtual void append(const InstanceId&, const ReplicaKey&, TimePoint at, bool is_error,
                      std::string text) = 0;
  // When the newest line of a replica was written; nullopt when none is kept. Where catching up
  // starts.
  virtual std::optional<TimePoint> newest(const InstanceId&, const ReplicaKey&) = 0;
  virtual void remove(const InstanceId&) = 0;
  virtual void remove_replica(const InstanceId&, const ReplicaKey&) {}

  // Reader's side. Lines oldest first.
  virtual Result<std::vector<LogLine>> read(const LogQuery&) = 0;
  // `sink` gets each later line of the instance, from the appending thread, and must not block.
  // Ends when the returned handle is dropped.
  virtual std::shared_ptr<void> follow(const InstanceId&,
                                       std::function<void(const LogLine&)> sink) = 0;
};

struct LogOptions {
  std::string directory;
  std::uint64_t replica_bytes = 10 * 1024 * 1024;  // kept per replica, in two halves
  std::uint64_t instance_bytes =
      200 * 1024 * 1024;  // kept per instance: the oldest replicas' files go first
};
// Files below `directory`, one folder an instance, one file a replica and half.
std::unique_ptr<Logs> make_file_logs(const LogOptions&);

}  // namespace gantry
