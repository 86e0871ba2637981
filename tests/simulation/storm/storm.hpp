// A whole installation in one thread on virtual time, driven by a seed: people, programs and faults
// on one or two daemons (real absorb(), plan(), dispatched()) that share a simulated engine, edge
// and store. After the storm comes a calm, in which everything has to come to its end.
// Deterministic: a seed gives one story.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/sim/builder.hpp"
#include "runtime/sim/driver.hpp"
#include "runtime/sim/edge.hpp"
#include "runtime/sim/engine.hpp"
#include "scheduler/lease.hpp"
#include "scheduler/plan.hpp"
#include "tests/simulation/storm/clock.hpp"
#include "tests/simulation/storm/dice.hpp"
#include "tests/simulation/storm/ledger.hpp"

namespace gantry::storm {

// One gantryd: what the reconciler's shell holds. Dies with everything in it.
struct Daemon {
  int number = 0;
  int life = 0;  // counts its starts: what an earlier life began comes home to nobody
  bool up = false;
  World world;
  std::optional<SimDriver> driver;
  std::map<InstanceId, DesiredPtr> memory;  // its store's snapshots
  std::deque<std::variant<Fact, InstanceId>> inbox;
  std::map<InstanceId, TimePoint> wakes;
  bool held = false;      // the lease, when it last asked
  bool took_over = true;  // it has heard so
  TimePoint leads_until{};
  LeaseAnswer lease = LeaseAnswer::refused;
  Duration records_free{}, edge_free{}, events_free{};  // when each thread is done, steady
  Duration reload_at{};
  std::map<ReplicaKey, std::uint64_t> drains;  // the latest of each
  bool listing = false;
  std::map<DeploymentId, std::function<void()>> building;
  int doom = -1;  // so many steps are left to it
};

// What the simulation knows of a replica, whatever anybody believes.
struct Truth {
  std::optional<Duration> trouble_at;   // a fault hit it, or it got better
  std::optional<Duration> proved_at;    // a probe got through
  std::optional<Duration> left_at;      // it left the rotation
  std::optional<Duration> drained_at;   // the edge proved it without sessions after that
  std::optional<Duration> down_at;      // since when it is routed and does not run
  std::optional<TimePoint> crashed_at;  // an exit that the present daemon has witnessed
  bool sick = false;
  int sessions = 0;
};

// What a story is about beside the rest.
enum class Story { services, volumes, jobs };  // jobs: storm/jobs.hpp

class Storm {
 public:
  explicit Storm(std::uint64_t seed, Story story = Story::services);
  // False: an invariant broke.
  bool run();

  std::uint64_t steps() const { return steps_; }
  std::uint64_t hash() const { return hash_; }
  const std::string& violation() const { return violation_; }
  const std::deque<std::string>& story() const { return story_; }  // its last lines
  std::size_t kept_lines = 40;

 private:
  using Job = std::function<void()>;

  // ---- time: storm.cpp ----
  void after(Duration lag, Job job);
  void after(const Daemon&, Duration lag, Job job);  // not when it has died meanwhile
  void run_until(Duration end);
  bool step_time(Duration end);
  void tell(std::string line);
  void broke(const std::string& invariant, const std::string& what);
  void every_second();
  void traffic(Row&);
  Duration lag(Duration usual, Duration slowest);

  // ---- daemons: daemon.cpp, deeds.cpp ----
  void start(Daemon&);
  void crash(Daemon&);
  bool turn(Daemon&);
  void take(Daemon&, std::variant<Fact, InstanceId>&);
  void plan_dirty(Daemon&);
  void execute(Daemon&, const Action&);
  void push(Daemon&, Fact);
  void reply(Daemon&, Duration lag, Fact);
  void counted(Daemon&);
  void hold_lease(Daemon&);
  LeaseAnswer ask_lease(Daemon&);
  void take_lease(Daemon&);
  std::vector<Replica> remembered() const;
  void list(Daemon&);
  void reload(Daemon&);
  void resync(Daemon&);
  void look(Daemon&);
  bool leads(const Daemon&) const;
  bool leads_on(const Daemon&) const;  // for what was ordered and waited for its turn
  void collect(Daemon&);
  void publish(const InstanceId&);
  void publish(Daemon&, const InstanceId&);
  void perform(Daemon&, const Start&);
  void perform(Daemon&, const Stop&);
  void perform(Daemon&, const Remove&);
  void perform(Daemon&, const SetRoute&);
  void perform(Daemon&, const Drain&);
  void perform(Daemon&, const Probe&);
  void perform(Daemon&, const Prepare&);
  void perform(Daemon&, const Build&);
  void perform(Daemon&, const RunOnce&);
  void perform(Daemon&, const Cancel&);
  void perform(Daemon&, const RecordProgress&);
  void perform(Daemon&, const RecordStatus&);
  void perform(Daemon&, const RecordRollout&);
  void perform(Daemon&, const RecordScale&);
  void perform(Daemon&, const RecordReplica&);
  void poll(Daemon&, const Drain&, Duration wait);
  template <class C, class F>
  void record(Daemon&, const C&, F done);
  void began(const Container&);

  // ---- what happens to it: people.cpp, weather.cpp ----
  void found_services();
  void people();
  void deploy(Row&);
  void rollouts(Row&);
  void hosts(Row&);
  void sessions();
  void weather();
  void engine_weather();
  void edge_weather();
  void replica_weather();
  void clear_up();
  Row* some_row();
  std::optional<Container> some_container();

  // ---- volumes: volumes.cpp ----
  void found_vessel();
  void volume_people();
  void volume_deed(const VolumeId&);
  Result<> make_volumes(Daemon&, ContainerSpec&);
  void keep_volumes(Daemon&);
  void check_order(const Start&);
  void check_mounted(const Container&);
  void check_volumes();
  void check_volumes_calm();

  // ---- invariants: truth.cpp, calm.cpp ----
  bool healthy(const Container&) const;
  std::map<ReplicaKey, Container> containers() const;
  std::set<ReplicaKey> rotation(const InstanceId&) const;
  int promise(const Row&) const;
  int over(const Row&) const;
  int promise(const Desired&) const;
  struct Before {
    std::map<InstanceId, std::set<ReplicaKey>> rotation;
    std::set<std::string> hosts;
  };
  Before look_before(const Daemon&);
  void check_change(Daemon&, const Before&, const char* deed);
  void check_shares();
  void check_stop(Daemon&, const Stop&);
  void check_given_up(const Row&, const Deployment&);
  void check_status(Daemon&, const StatusChange&);
  void check_rollout(const RolloutChange&);
  void check_reaction();
  void lower_promises();
  bool was_steady(const ReplicaKey&, Duration span) const;
  bool disturbed(Duration span) const;  // a fault that is nobody's replica in particular
  std::string picture() const;
  void check_entering(const ReplicaKey&, const std::map<ReplicaKey, Container>&);
  void check_hosts(const Before&, const char* deed);
  void check_calm();
  bool serves_on(const Row&, const Deployment&) const;
  void check_deployments(const Row&);
  void check_serving(const Row&);
  void check_containers();

  Dice dice_;
  const Story about_;
  std::map<VolumeId, std::string> sentinels_;  // of volumes that are not purged
  WallClock clock_;
  Duration now_{};  // steady
  SimEngine engine_{clock_};
  SimEdge edge_;
  SimBuilder builder_{engine_};
  Ledger ledger_{clock_};
  std::vector<Daemon> daemons_;
  std::map<std::pair<Duration, std::uint64_t>, Job> agenda_;
  std::uint64_t number_ = 0;
  int turns_ = 0;

  bool storming_ = true;
  bool lossy_ = false;  // notifications and events get lost
  int severity_ = 0;    // percent
  bool engine_down_ = false;
  Duration fit_since_{};       // a daemon leads, engine and edge and store answer
  Duration disturbed_at_{-1};  // the last fault of a whole part
  Duration jumped_at_{-1'000'000'000};
  std::map<ReplicaKey, Truth> truth_;
  std::map<InstanceId, std::pair<int, Duration>> low_promise_;  // how low, until
  std::map<ReplicaKey, Duration> orphans_;                      // since when

  std::uint64_t steps_ = 0, hash_ = 1469598103934665603ULL;
  std::deque<std::string> story_;
  std::string violation_;
};

std::string describe(const Fact&);

}  // namespace gantry::storm
