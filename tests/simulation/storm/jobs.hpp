// Runs under storms: the real keeper in one or two daemons, on virtual time, with a ledger, an
// engine and services in memory. Between any two of its calls to a port a daemon may die, or hang
// while everybody else goes on. A seed gives one story.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/sim/jobs.hpp"
#include "scheduler/job_keeper.hpp"
#include "tests/simulation/storm/clock.hpp"
#include "tests/simulation/storm/dice.hpp"
#include "tests/simulation/storm/jobs_rows.hpp"

namespace gantry::storm {

struct Died {};

// A service with a schedule, or one that runs all the time and has jobs only.
struct Tenant {
  InstanceId id;
  Deployment version;
  std::vector<Deployment> before;  // earlier versions, whose runs go on
  bool alone = false;              // it has a volume
  bool gone = false;
  bool scheduled() const { return !version.settings.deploy.cron.schedule.empty(); }
};

class JobStorm {
 public:
  explicit JobStorm(std::uint64_t seed);
  ~JobStorm();
  // False: an invariant broke.
  bool run();

  std::uint64_t steps() const { return steps_; }
  std::uint64_t hash() const { return hash_; }
  const std::string& violation() const { return violation_; }
  const std::deque<std::string>& story() const { return story_; }  // its last lines
  std::size_t kept_lines = 40;

 private:
  using Work = std::function<void()>;
  friend class DeskLedger;
  friend class DeskEngine;
  friend class DeskStore;
  friend class DeskClock;

  // One daemon's life.
  struct Desk;

  // ---- time: jobs.cpp ----
  void after(Duration lag, Work);
  void after(const Desk&, Duration lag, Work);  // not when it has died meanwhile
  void pass(Duration span);                     // of everybody; may be called from within
  void tell(std::string line);
  void broke(const std::string& invariant, const std::string& what);
  void weather();
  void people();
  void clear_up();
  void found();
  void deploy(Tenant&);
  void publish();
  void jump(Duration by);
  Tenant* some_tenant();
  std::string name_of(const RunId&) const;
  RunId next_id();

  // ---- daemons: jobs_desk.cpp ----
  void start(int number);
  void die(int number);
  void hold_lease(Desk&);
  void look(Desk&);
  void alive(Desk&);  // throws Died
  void step(Desk&, Duration stall);
  ProjectPtr snapshot() const;

  // ---- invariants: jobs_truth.cpp ----
  void check_begun(const JobSpec&);
  void check_tick(const JobRun&);
  void check_looked(const Desk&, TimePoint now);
  void check_tick_kept(const Tenant&, TimePoint tick, TimePoint now);
  void check_ends();

  Dice dice_;
  WallClock clock_;
  Duration now_{};  // steady
  Duration hangs_until_ =
      Seconds(1'000'000'000);  // who hangs while another one does ends not later
  SimJobs engine_{clock_};
  JobRows rows_;
  std::vector<Tenant> tenants_;
  ProjectPtr project_;                         // as it is now
  std::vector<std::unique_ptr<Desk>> desks_;   // that live, by number
  std::vector<std::unique_ptr<Desk>> graves_;  // somebody may be within them still
  std::map<std::pair<Duration, std::uint64_t>, Work> agenda_;
  std::uint64_t number_ = 0;

  bool storming_ = true;
  bool database_down_ = false;
  bool lossy_ = false;  // answers get lost
  int severity_ = 0;    // percent
  int at_once_ = 0;
  TimePoint highest_{};         // that the clock has shown before it was set back
  std::set<RunId> destroyed_;   // by hand
  std::set<RunId> cancelled_;   // by people
  std::map<RunId, int> exits_;  // what its program ends with, if nobody ends it

  std::uint64_t steps_ = 0, hash_ = 1469598103934665603ULL;
  std::deque<std::string> story_;
  std::string violation_;
};

}  // namespace gantry::storm
