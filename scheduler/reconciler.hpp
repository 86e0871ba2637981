// The shell around plan(): gathers facts, plans, dispatches, reports. One thread owns the World and
// never blocks on anything but its queue; deeds run on pools, the edge and the store's records on a
// thread each.
//
// What survives an interruption: everything. The World is built anew from the store (desired
// state), the edge's files (what is routed) and the engine's list (what runs); a converged host
// yields an empty plan. An action that was under way is either seen by those three or planned
// again, and every port's verb is idempotent.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "proto/store.hpp"
#include "runtime/build/builder.hpp"
#include "runtime/driver.hpp"
#include "runtime/edge/edge.hpp"
#include "runtime/logs.hpp"
#include "runtime/metrics.hpp"
#include "runtime/probe.hpp"
#include "runtime/usage.hpp"
#include "runtime/volumes.hpp"
#include "scheduler/environment_keeper.hpp"
#include "scheduler/plan.hpp"
#include "scheduler/pool.hpp"
#include "scheduler/volume_keeper.hpp"

namespace gantry {

struct ReconcilerPorts {
  Store& store;
  Driver& driver;
  Edge& edge;
  Prober& prober;
  Logs& logs;
  Builder& builder;
  const Clock& clock;
  UsageMeter* usage = nullptr;  // none: replicas are not scaled by processor and memory
  Volumes* volumes = nullptr;   // none: what mounts one does not start
  Metrics* metrics = nullptr;   // none: nothing is kept of what instances use
};

struct ReconcilerOptions {
  Policy policy;
  DesiredOptions desired;
  Duration resync = Seconds(30);         // the engine's list
  Duration sweep = Seconds(3600);        // what builds left; each build looks at it, too
  Duration reload = Seconds(300);        // the store, read anew
  Duration supervise = Seconds(1);       // the proxy
  Duration look = Seconds(1);            // at what the proxy measured and counted
  Duration meter = Seconds(5);           // what containers use
  Duration measure = Seconds(600);       // what volumes hold
  Duration purge_look = Seconds(300);    // for deleted volumes whose grace is over
  Seconds volume_grace{7 * 24 * 3600};   // of a deleted volume
  Seconds environment_grace{48 * 3600};  // of a deleted environment
  std::string holder;                    // of the lease; empty: there is nobody else
  Seconds lease{10};
  int start_threads = 4;
  int stop_threads = 8;
  int builds = 1;         // images made at once
  int run_threads = 4;    // pre-deploy commands at once
  int kept_releases = 5;  // of each instance, for a rollback
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

struct ReconcilerCounters {
  std::atomic<std::uint64_t> facts{0}, plans{0}, starts{0}, stops{0}, routes{0}, probes{0},
      failures{0}, repairs{0};
  std::atomic<std::uint64_t> instances{0};
  std::atomic<bool> engine_up{false}, adopted{false};
};

class Reconciler {
 public:
  Reconciler(ReconcilerPorts, ReconcilerOptions);
  ~Reconciler();

  // The edge was started already. Returns at once; adoption goes on in the background until the
  // engine answers.
  void start();
  // Ends the threads. Containers and the edge stay as they are.
  void stop();

  const ReconcilerCounters& counters() const { return counters_; }

 private:
  using Entry = std::variant<Fact, InstanceId>;  // an instance's id: read its desired state anew

  // Where facts arrive; shared with the store's listener, which cannot be taken back and may call
  // after the end.
  struct Inbox {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Entry> queue;  // guarded by mutex
    bool stopping = false;    // guarded by mutex
    void push(Entry);
  };

  void push(Entry entry) { inbox_->push(std::move(entry)); }
  void loop();
  void take(Entry&, TimePoint now);
  void take_gainers(const ProjectSnapshot&, const InstanceWorld& loser, const Desired* next,
                    TimePoint now);
  std::vector<Replica> remembered();
  void plan_dirty(TimePoint now);
  void wake_at(const InstanceId&, std::optional<TimePoint>);
  TimePoint next_wake(TimePoint now);
  void forget_wakes(TimePoint now);

  bool ask_list();  // false: one is under way
  void watch_engine(std::stop_token);
  void edge_loop();
  void supervise_edge();
  void look_at_edge();
  void tell_closed_ports();
  void tell(const ClosedPort&, const std::string& type, const std::string& message);
  void watch_demand(const InstanceWorld&);
  void tell_metrics(const InstanceWorld&);
  void meter_usage(const std::stop_token&);
  void hold_lease(const std::stop_token&);
  bool leads(TimePoint now) const;
  bool may_act() const;  // what was ordered and waited for its turn; any thread
  void check_drains();

  void execute(Action&&);
  void perform(Start&&);
  void perform(Stop&&);
  void perform(Remove&&);
  void perform(SetRoute&&);
  void perform(Drain&&);
  void perform(Probe&&);
  void perform(Prepare&&);
  void perform(Build&&);
  void perform(RunOnce&&);
  void perform(Cancel&&);
  void perform(RecordProgress&&);
  void perform(RecordStatus&&);
  void perform(RecordRollout&&);
  void perform(RecordScale&&);
  void perform(RecordReplica&&);
  template <class T, class F>
  void bring_home(const InstanceId&, const DeploymentId&, Work, const Result<T>&, F done);
  void sweep_networks(const std::set<EnvironmentId>& occupied);
  void sweep_runs();
  void sweep_builds();
  void ask_reload();
  void keep_volumes(TimePoint now);
  void keep_environments(TimePoint now);

  ReconcilerPorts ports_;
  ReconcilerOptions options_;
  ReconcilerCounters counters_;

  World world_;                                                         // the loop's thread only
  std::map<InstanceId, TimePoint> wakes_;                               // the loop's thread only
  std::set<std::pair<TimePoint, InstanceId>> by_time_;                  // the loop's thread only
  TimePoint next_resync_{}, next_reload_{}, next_sweep_{};              // the loop's thread only
  TimePoint next_measure_{}, next_purge_{}, next_environment_purge_{};  // the loop's thread only

  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::atomic<bool> listing_{false}, list_failed_{false};
  std::set<InstanceId> by_load_, by_measure_;              // the loop's thread only
  std::map<InstanceId, std::vector<ReplicaKey>> metered_;  // guarded by meter_mutex_
  std::mutex meter_mutex_;
  std::atomic<bool> looks_at_load_{false}, looks_at_measures_{false};
  std::atomic<std::int64_t> lease_until_{0};  // TimePoint, counted
  std::atomic<std::uint64_t> terms_{0};       // that it began
  std::uint64_t heard_terms_ = 0;             // of which the loop knows: its thread only

  std::mutex edge_mutex_;
  std::condition_variable edge_changed_;
  std::vector<Route> edge_routes_;          // guarded by edge_mutex_
  std::vector<Drain> edge_drains_;          // guarded by edge_mutex_
  bool edge_nudged_ = false;                // guarded by edge_mutex_
  std::map<int, ClosedPort> closed_ports_;  // that were told of: the edge's thread only

  EnvironmentKeeper environments_;      // the thread of keeps_ only
  std::optional<VolumeKeeper> keeper_;  // the thread of keeps_ only
  std::stop_source stopping_;           // for pre-deploy commands
  Pool starts_, stops_, records_, prepares_, builds_, runs_, keeps_;
  std::thread loop_thread_, edge_thread_;
  std::jthread watch_thread_, lease_thread_, meter_thread_;
};

}  // namespace gantry
