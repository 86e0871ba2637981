// The output of containers, on its way to Logs. A stream opened before the start loses nothing
// (engine reference, Part 3 "Logs"); one that was lost, or that another daemon held, is caught up
// from the engine's own file and opened anew. Owned by the driver; thread-safe; the lines arrive on
// the client's thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/docker/engine_client.hpp"
#include "runtime/driver.hpp"
#include "runtime/logs.hpp"

namespace gantry::docker {

struct OutputSource {
  std::string container_id;
  InstanceId instance_id;
  ReplicaKey key;
};

class Output {
 public:
  // Both outlive this.
  Output(EngineClient& client, Logs& logs);
  ~Output();

  // Before a container's start: what it writes from its first byte on. Replaces a stream that is
  // open.
  Result<> attach(const OutputSource&);
  // A container found running: does nothing while its stream is open, else catches up and attaches.
  void adopt_running(const OutputSource&);
  // A container found exited: catches up, once, unless its stream was open until its end.
  void adopt_exited(const OutputSource&, TimePoint exited_at);
  // Whether lines may still arrive by its stream.
  bool flows(const std::string& container_id) const;
  // A container that is gone. Its stream ends by itself, with the last line.
  void forget(const std::string& container_id);

 private:
  struct Live;
  struct Table;
  // What becomes of a stream that is open.
  enum class Present { keep, replace };
  bool claim(const std::string& container_id, const std::shared_ptr<Live>&, Present);
  Result<> open(const OutputSource&, const std::shared_ptr<Live>&);
  Result<> catch_up(const OutputSource&, Live* live, TimePoint attached_at);

  EngineClient& client_;
  Logs& logs_;
  std::shared_ptr<Table> table_;  // shared with the streams' ends
};

}  // namespace gantry::docker
