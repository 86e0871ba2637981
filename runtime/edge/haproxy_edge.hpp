// The edge on HAProxy, whole: the table and its files (haproxy_files.cpp), the process and its live
// state (haproxy_proxy.cpp), the port's verbs (haproxy.cpp). Internal to runtime/edge; one mutex
// around everything.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/edge/cli_socket.hpp"
#include "runtime/edge/haproxy.hpp"
#include "runtime/edge/live.hpp"
#include "runtime/edge/master.hpp"
#include "runtime/edge/receiver.hpp"
#include "runtime/edge/state.hpp"
#include "runtime/files.hpp"

namespace gantry {

using SteadyClock = std::chrono::steady_clock;

inline Error not_started() {
  return {Code::unavailable, "edge_not_started", "the edge has not been started"};
}

class HaproxyEdge final : public Edge, private DrainProofMaker {
 public:
  explicit HaproxyEdge(const EdgeOptions& options)
      : options_(options), paths_(options), state_(options.directory), master_(options) {}
  ~HaproxyEdge() override {
    receiver_.stop();  // it calls back into this object
    if (lock_ >= 0) ::close(lock_);
  }

  Result<> start() override;
  std::vector<Route> table() const override;
  Result<AppliedGeneration> apply(const std::vector<Route>& changes) override;
  std::vector<ClosedPort> closed_ports() const override;
  Result<DrainProof> drained(const ReplicaKey&, TimePoint now, const DrainDeadlines&) override;
  Result<std::vector<RouteLoad>> load() override;
  std::vector<ReplicaMeasure> measured() override;
  void on_wake(std::function<void(const InstanceId&)>) override;
  bool alive() const override;
  Result<bool> supervise() override;

 private:
  // files
  Result<> prepare_directory();
  Result<> write_made_files();
  Result<> write_checked_files();
  Result<> record(const std::vector<RouteChange>&);
  Result<bool> grow(int wanted_free);
  // the proxy
  Result<> bring_up();
  Result<> adopt(const MasterStatus&);
  Result<> reload();
  Result<bool> repair();
  Result<std::vector<Command>> differences();
  Result<> execute(const std::vector<Command>&);
  Result<> remove_server(const Command&);
  Result<> remove_leaving();
  // Which ports of the routes can be had, before the proxy is told of them: a reload that cannot
  // bind one would pause everybody's listeners.
  void settle_ports();
  std::optional<std::set<int>> held_ports();
  // `reports` of those that were tried; what is known of the others stays.
  void report_closed(std::set<int> closed, std::vector<ClosedPort> reports);
  void cut_closed(const std::vector<RouteChange>&);
  Result<> open_worker();
  Result<> await_generation();
  Result<std::int64_t> variable(const std::string& name);
  // The answer of the worker, and of each that a reload has left to finish its connections.
  Result<std::vector<std::string>> ask_workers(const std::string& question);
  void tell_old_workers(const std::vector<RouteChange>&);
  void wake(const std::string& slot);

  const EdgeOptions options_;
  const EdgePaths paths_;
  mutable std::mutex mutex_;  // around everything below
  RouteTable table_;
  StateFile state_;
  HaproxyMaster master_;
  CliSocket worker_;
  pid_t worker_pid_ = 0;
  std::map<std::string, SteadyClock::time_point> leaving_;  // in maintenance, with sessions left
  int lock_ = -1;
  bool loaded_ = false;
  bool started_ = false;
  bool live_behind_ = false;   // the proxy may not have what the state file has
  bool files_behind_ = false;  // haproxy.cfg and hosts.map may not
  SteadyClock::time_point last_reload_{};
  SteadyClock::time_point next_port_try_{};
  mutable std::mutex closed_mutex_;  // around closed_
  std::vector<ClosedPort> closed_;
  std::function<void(const InstanceId&)> wake_ = [](const InstanceId&) {};
  ProxyReceiver receiver_;  // after everything its thread uses
};

}  // namespace gantry
