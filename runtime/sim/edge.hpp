// The edge's port in memory, for simulations and tests: deterministic, with sessions and faults
// that the test sets. Keep the object over a simulated restart of the daemon and call start()
// again. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/edge/edge.hpp"
#include "runtime/edge/table.hpp"

namespace gantry {

class SimEdge final : public Edge, private DrainProofMaker {
 public:
  explicit SimEdge(int slots = 64) : table_(slots) {}

  Result<> start() override;
  std::vector<Route> table() const override;
  Result<AppliedGeneration> apply(const std::vector<Route>& changes) override;
  std::vector<ClosedPort> closed_ports() const override;
  Result<DrainProof> drained(const ReplicaKey&, TimePoint now, const DrainDeadlines&) override;
  Result<std::vector<RouteLoad>> load() override;
  std::vector<ReplicaMeasure> measured() override;
  void on_wake(std::function<void(const InstanceId&)> wake) override { wake_ = std::move(wake); }
  bool alive() const override { return running_; }
  Result<bool> supervise() override;

  // ---- the test's side ----
  enum class Fault {
    refused,  // nothing happened
    lost,  // the files have it, the proxy does not: the caller hears an error, supervise() repairs
  };
  void fail_next_applies(int times, Fault fault = Fault::refused);
  void set_sessions(const ReplicaKey& key, int count) { sessions_[key] = count; }
  // Upgraded connections, responses that stream, connections to a port; not among set_sessions().
  void set_streams(const ReplicaKey& key, int count) { streams_[key] = count; }
  void crash_proxy() { running_ = false; }  // until start() or supervise()
  // What a request to this host would meet: replicas that get new requests. Empty: 503, or 404 when
  // nobody has it.
  std::vector<ReplicaKey> receivers(const std::string& host) const;
  // Who of its route may get a connection to this port.
  std::vector<ReplicaKey> receivers(int port) const;
  // Another program has the port from now on, or no more.
  void take_port(int port) { taken_ports_.insert(port); }
  void give_port_back(int port) { taken_ports_.erase(port); }
  // The same with the share of the requests that each gets, together 1: by weight, split, preview.
  std::map<ReplicaKey, double> shares(const std::string& host) const;

  enum class Outcome { answered, held, unavailable, unknown };
  // A visitor's request. One that is held calls on_wake at once and waits until its route serves.
  Outcome request(const std::string& host);
  int held(const InstanceId&) const;
  void remind();  // on_wake for everything that still waits, as once a second
  // What load() says of a route; queued is more by what is held.
  void set_load(const RouteLoad& load) { loads_[load.instance_id] = load; }
  // For the next measured(); dropped when the replica's route is not measured.
  void add_measure(const ReplicaKey&, const Measure&);
  bool knows_host(const std::string& host) const {
    return running_ && live_.hosts().contains(host);
  }
  // Changes that were acknowledged, oldest first.
  struct Applied {
    std::int64_t generation;
    std::vector<Route> changes;
  };
  const std::vector<Applied>& history() const { return history_; }
  // What the proxy itself has: behind the files while it has not been told.
  const RouteTable& live() const { return live_; }

 private:
  void go_live();  // the proxy gets what the files have

  RouteTable table_;  // the files
  RouteTable live_;   // the proxy
  std::map<ReplicaKey, int> sessions_, streams_;
  std::map<InstanceId, RouteLoad> loads_;
  std::map<InstanceId, int> held_;
  std::map<ReplicaKey, Measure> measures_;
  std::function<void(const InstanceId&)> wake_ = [](const InstanceId&) {};
  std::vector<Applied> history_;
  std::set<int> taken_ports_;
  bool started_ = false;
  bool running_ = false;
  bool behind_ = false;
  int faults_ = 0;
  Fault fault_ = Fault::refused;
};

}  // namespace gantry
