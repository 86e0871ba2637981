// The edge's port in memory, for simulations and tests: deterministic, with sessions and faults
// that the test sets. Keep the object over a simulated restart of the daemon and call start()
// again. Not thread-safe.
#pragma once

#include <map>
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
  Result<DrainProof> drained(const ReplicaKey&, TimePoint now, const DrainDeadlines&) override;
  Result<std::vector<RouteLoad>> load() override;
  std::vector<ReplicaMeasure> measured() override;
  void on_wake(std::function<void(const InstanceId&)>) override;
  bool alive() const override { return running_; }
  Result<bool> supervise() override;

  // ---- the test's side ----
  enum class Fault {
    refused,  // nothing happened
    lost,  // the files have it, the proxy does not: the caller hears an error, supervise() repairs
  };
  void fail_next_applies(int times, Fault fault = Fault::refused);
  void set_sessions(const ReplicaKey& key, int count) { sessions_[key] = count; }
  void crash_proxy() { running_ = false; }  // until start() or supervise()
  // What a request to this host would meet: replicas that get new requests. Empty: 503, or 404 when
  // nobody has it.
  std::vector<ReplicaKey> receivers(const std::string& host) const;
  bool knows_host(const std::string& host) const {
    return running_ && live_.hosts().contains(host);
  }
  // Changes that were acknowledged, oldest first.
  struct Applied {
    std::int64_t generation;
    std::vector<Route> changes;
  };
  const std::vector<Applied>& history() const { return history_; }

 private:
  RouteTable table_;  // the files
  RouteTable live_;   // the proxy
  std::map<ReplicaKey, int> sessions_;
  std::vector<Applied> history_;
  bool started_ = false;
  bool running_ = false;
  bool behind_ = false;
  int faults_ = 0;
  Fault fault_ = Fault::refused;
};

}  // namespace gantry
