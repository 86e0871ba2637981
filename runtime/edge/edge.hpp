// The edge's port: which replicas get which hosts' traffic. Files are the truth and written first,
// the running proxy follows; what is applied survives the daemon and the proxy. One thread calls
// apply and drained.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/model.hpp"
#include "runtime/driver.hpp"
#include "runtime/edge/measure.hpp"

namespace gantry {

constexpr int kFullWeight = 100;
constexpr int kMostWeight = 256;

struct RouteBackend {
  ReplicaKey key;
  Address address;
  bool draining = false;  // no new requests; sessions it has may finish
  int weight =
      kFullWeight;  // 0..256: its share among the others'. 0: only what names it (a preview)
  bool operator==(const RouteBackend&) const = default;
};

// A host whose requests go to these of the route's replicas and to no other.
struct Preview {
  std::string host;
  std::vector<ReplicaKey> keys;
  bool operator==(const Preview&) const = default;
};

// A share of the requests goes to another instance's replicas.
struct RouteSplit {
  InstanceId to;
  int percent = 0;  // 1..100
  bool operator==(const RouteSplit&) const = default;
};

struct RoutePolicy {
  Balance balance = Balance::round_robin;
  bool sticky = false;
  int max_connections = 0;  // of each replica; 0: no limit
  int queue_seconds = 30;
  bool operator==(const RoutePolicy&) const = default;
};

// All of one instance's traffic. No backends: its hosts answer 503, connections to its port end at
// once. Neither hosts nor a port: the route is removed. A host or a port that another route has
// moves here.
struct Route {
  InstanceId instance_id;
  std::vector<std::string> hosts;  // lower-case, without a port
  std::vector<RouteBackend> backends;
  RoutePolicy policy = {};
  std::vector<Preview> previews = {};
  std::optional<RouteSplit> split = {};
  bool asleep = false;    // without a backend, requests are held and on_wake() is told of them
  bool measured = false;  // measured() tells all of its replicas
  // Connections to `port` go to `target_port` of its replicas, byte by byte; they count as streams.
  std::optional<TcpProxy> tcp_proxy = {};
  bool operator==(const Route&) const = default;
};

// Says that the instance has no route.
inline bool is_empty(const Route& route) { return route.hosts.empty() && !route.tcp_proxy; }

// A port that a route names and nobody can connect to.
struct ClosedPort {
  InstanceId instance_id;
  int port = 0;
  Error error;  // why: conflict "port_in_use", forbidden "port_forbidden" ...
};

// Up to when the sessions of a draining replica may finish.
struct DrainDeadlines {
  TimePoint requests{};
  TimePoint streams{};  // upgraded connections and responses that stream; not before `requests`
  bool operator==(const DrainDeadlines&) const = default;
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
  // On an error nothing is acknowledged and the caller tries again. A port that cannot be had is no
  // error: the rest is applied, closed_ports() names it, and supervise() tries again.
  virtual Result<AppliedGeneration> apply(const std::vector<Route>& changes) = 0;

  // By port. Any thread; waits for nothing.
  virtual std::vector<ClosedPort> closed_ports() const = 0;

  // A proof when the replica has no session left at the edge, or is not routed, or only sessions
  // whose deadline has passed; else Code::conflict "sessions_left". A replica that is routed and
  // not draining: Code::conflict "still_routed".
  virtual Result<DrainProof> drained(const ReplicaKey&, TimePoint now, const DrainDeadlines&) = 0;

  // Counters of every instance with a route. Cheap enough for once a second.
  virtual Result<std::vector<RouteLoad>> load() = 0;
  // What was measured since the last call, by replica: all of routes that are `measured`; of others
  // all, or a share while the proxy gets many requests a second, or nothing. What was measured
  // before the daemon's start may be lost.
  virtual std::vector<ReplicaMeasure> measured() = 0;
  // Called from any thread, about once a second while requests for a sleeping route are held.
  virtual void on_wake(std::function<void(const InstanceId&)>) = 0;

  // Whether the proxy's processes live. Cheap, asked many times a second, so that a dead proxy is
  // started again at once.
  virtual bool alive() const = 0;

  // Called every second, and at once when it is not alive: restarts a dead proxy, finds drift
  // between it and the files and repairs it. True when something had to be repaired.
  virtual Result<bool> supervise() = 0;
};

}  // namespace gantry
