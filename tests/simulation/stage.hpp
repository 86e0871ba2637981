// A whole installation in one thread on virtual time: the real absorb() and plan(), the simulated
// engine and edge, a store in memory. The daemon can be killed before or after any effect; engine,
// edge and store live on. Deterministic.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/sim/builder.hpp"
#include "runtime/sim/driver.hpp"
#include "runtime/sim/edge.hpp"
#include "runtime/sim/engine.hpp"
#include "scheduler/plan.hpp"

namespace gantry::tests {

class StageClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  void advance(Duration by) { now_ += by; }
  void set(TimePoint now) { now_ = now; }

 private:
  TimePoint now_ = TimePoint(Seconds(1'800'000'000));
};

struct StageOptions {
  bool events =
      true;  // whether the engine's events reach the daemon; without: only the periodic list
  bool resync = true;  // whether the engine is listed periodically
};

class Stage {
 public:
  explicit Stage(StageOptions options = {});

  // ---- what people do: writes to the store ----
  InstanceId create_service(const std::string& name, DeploySettings deploy = {});
  DeploymentId deploy(const InstanceId&, const std::string& image);
  DeploymentId deploy_source(const InstanceId&, const std::string& archive);
  void scale(const InstanceId&, int replicas);
  void restart(const InstanceId&);
  void remove(const DeploymentId&);
  void order(const DeploymentId&, RolloutOrder);
  void erase(const InstanceId&);
  void give_host(const InstanceId&, const std::string& host);  // whoever has it loses it
  void give_port(const InstanceId&, const std::optional<TcpProxy>&);
  void watch_host(const std::string& host) { watched_.insert(host); }  // it has a receiver for ever

  // ---- how programs behave ----
  struct App {
    bool listens = true;
    Duration start_delay = std::chrono::milliseconds(100);
  };
  void add_image(const std::string& name, App app, SimImage image);
  void add_image(const std::string& name);      // listens on 8080
  void add_archive(const std::string& digest);  // builds to what listens on 8080
  void add_archive(const std::string& digest, SimArchive archive);
  void set_sick(const ReplicaKey& key, bool sick);
  // ---- what the edge tells ----
  void measure(const InstanceId& id, std::vector<ReplicaMeasure> replicas) {
    facts_.push_back(TrafficMeasured{id, std::move(replicas)});
  }
  void load(const RouteLoad& load) { facts_.push_back(LoadSeen{load}); }
  void wake(const InstanceId& id) { facts_.push_back(WakeAsked{id}); }

  // ---- running ----
  // Runs until nothing is left to do but probe, or `limit` of virtual time has passed. True when
  // calm was reached.
  bool settle(Duration limit = Seconds(900));
  void run_for(Duration);
  // Kills the daemon at the n-th boundary from now (two per effect: before, after) and starts it
  // anew.
  void crash_at(int boundary) { crash_at_ = boundary; }
  void crash_now();
  int boundaries() const { return boundary_; }
  void reset_boundaries() { boundary_ = 0; }

  // ---- what can be seen ----
  DeploymentStatus status(const DeploymentId&) const;
  std::string reason(const DeploymentId&) const;
  // "status of every deployment; running replicas; receivers": equal strings, equal ends.
  std::string picture() const;
  std::vector<ReplicaKey> running() const;
  std::vector<ReplicaKey> receivers(const InstanceId&) const;
  std::string host(const InstanceId& id) const;
  // The share of the requests that the edge gives to a deployment, 0..1.
  double share(const InstanceId&, const DeploymentId&) const;
  std::optional<DeploymentId> previewed(const InstanceId&) const;
  int least_receivers = 1000;  // the fewest seen since it was reset, once the service has served
  std::vector<std::string> violations;

  StageClock clock;
  SimEngine engine;
  SimEdge edge;
  SimBuilder builder{engine};
  World world;

 private:
  struct Crash {};
  struct Service {
    Desired desired;
    std::vector<Deployment> deployments;  // oldest first
    bool erased = false;
  };

  void boundary();
  void start_daemon();
  bool turn();  // one unit of work; false when there is none at this instant
  void plan_all();
  void perform(const Action&);
  void poll_drains();
  void collect_events();
  bool record(const Action&, std::vector<Fact>& answers);
  bool work(const Action&, std::vector<Fact>& answers);  // false: it is another action
  void write(const StatusChange&);
  void write(const RolloutChange&);
  void write(const ProgressChange&);
  Deployment* find_deployment(const InstanceId&, const DeploymentId&);
  DeploymentId add_deployment(const InstanceId&, const Source&, BuildProgress);
  void sweep_runs();
  DesiredPtr desired(const InstanceId&) const;
  void changed(const InstanceId&);
  ProbeOutcome probe(const Probe&) const;
  void check();
  std::optional<TimePoint> next_time() const;

  StageOptions options_;
  SimDriver driver_;
  std::map<InstanceId, Service> services_;
  std::map<ReplicaKey, Replica> replicas_;  // the store's rows
  std::map<std::string, App> apps_;
  std::set<ReplicaKey> sick_;
  std::set<std::string> watched_;
  std::deque<Fact> facts_;
  std::deque<Action> actions_;
  std::vector<Drain> drains_;
  std::map<InstanceId, TimePoint> wakes_;
  TimePoint resync_at_{};
  int boundary_ = 0;
  std::optional<int> crash_at_;
};

}  // namespace gantry::tests
