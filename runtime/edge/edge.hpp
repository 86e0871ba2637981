// The edge's port: which replicas get which hosts' traffic. Files are the truth and written first,
// the running proxy follows; what is applied survives the daemon and the proxy. One thread calls
// apply and drained.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proto/model.hpp"
#include "runtime/driver.hpp"

namespace gantry {

struct RouteBackend {
  ReplicaKey key;
  Address address;
  bool draining = false;  // no new requests; sessions it has may finish
  bool operator==(const RouteBackend&) const = default;
};

// All of one instance's traffic. No backends: its hosts answer 503. No hosts: the route is removed.
struct Route {
  InstanceId instance_id;
  std::vector<std::string> hosts;  // lower-case, without a port
  std::vector<RouteBackend> backends;
  bool operator==(const Route&) const = default;
};

struct AppliedGeneration {
  std::int64_t generation = 0;
};

class Edge {
 public:
  virtual ~Edge() = default;

  // Starts the proxy or adopts the one that runs, and repairs what differs from the files.
  virtual Result<> start() = 0;

  // What is applied, by instance. After start(): what the files say.
  virtual std::vector<Route> table() const = 0;

  // Replaces the routes of these instances; returns once the proxy has them. Others are untouched.
  // On an error nothing is acknowledged and the caller tries again.
  virtual Result<AppliedGeneration> apply(const std::vector<Route>& changes) = 0;

  // A proof when the replica has no session left at the edge, or is not routed, or `deadline` has
  // passed; else Code::conflict "sessions_left". A replica that is routed and not draining:
  // Code::conflict "still_routed".
  virtual Result<DrainProof> drained(const ReplicaKey&, TimePoint now, TimePoint deadline) = 0;

  // Whether the proxy's processes live. Cheap, asked many times a second, so that a dead proxy is
  // started again at once.
  virtual bool alive() const = 0;

  // Called every second, and at once when it is not alive: restarts a dead proxy, finds drift
  // between it and the files and repairs it. True when something had to be repaired.
  virtual Result<bool> supervise() = 0;
};

}  // namespace gantry
