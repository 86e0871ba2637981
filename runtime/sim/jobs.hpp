// Runs in memory, for tests and simulations: deterministic, their time is the Clock's. Outlives the
// daemons that use it, as a real engine does. Thread-safe.
//
// A run ends by itself after RUN_SECONDS (of its variables; 0) with RUN_EXIT (0). IGNORES_TERM:
// only SIGKILL ends it.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "runtime/jobs.hpp"

namespace gantry {

class SimJobs final : public JobEngine {
 public:
  explicit SimJobs(const Clock& clock) : clock_(clock) {}

  Result<JobSeen> begin(const JobSpec&) override;
  Result<std::vector<JobSeen>> list() override;
  Result<> end(const RunId&, Seconds grace) override;
  Result<> remove(const RunId&) override;

  // ---- the test's side ----
  void add_image(const std::string& image);
  void set_down(bool down);       // every call is unavailable; what runs goes on
  void stop_all();                // the engine stops, and all that runs with it
  void fail_next(int calls);      // so many do nothing and answer "engine_unavailable"
  void lose_replies(int begins);  // so many begin() do their work and answer so
  void destroy(const RunId&);     // somebody removes it by hand
  void clock_set(Duration by);    // what runs goes on for as long as it would have
  int begun(const RunId&) const;  // how often its program was started
  int running() const;
  std::vector<JobSpec> specs() const;  // of all that were ever begun

 private:
  struct Run {
    JobSpec spec;
    JobSeen seen;
    TimePoint ends_at{};
    int exit_code = 0;
  };
  Result<> reach();
  void advance();  // what has ended by now

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::set<std::string> images_;
  std::map<RunId, Run> runs_;
  std::map<RunId, int> begun_;
  std::vector<JobSpec> specs_;
  bool down_ = false;
  int failing_ = 0, losing_ = 0;
};

}  // namespace gantry
