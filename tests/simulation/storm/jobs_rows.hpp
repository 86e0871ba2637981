// The ledger of runs in memory with the store's rules (store/jobs.cpp, store/job_verbs.cpp), and
// the lease of two daemons. The simulation's truth of what was written.
#pragma once

#include <array>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "proto/jobs.hpp"

namespace gantry::storm {

class JobRows {
 public:
  // ---- the lease, on the database's clock ----
  bool hold(int daemon, Duration now, Duration ttl);
  void forget_term(int daemon) { terms_[static_cast<std::size_t>(daemon)] = 0; }
  bool leads(int daemon) const;

  // ---- people ----
  bool add(const JobRun&, int most);  // false: too many
  bool cancel(const RunId&, TimePoint now);

  // ---- the keeper's verbs; who leads was checked ----
  std::vector<JobRun> open_runs() const;
  bool add_tick(const JobRun&);
  bool claim(const RunId&);
  void start(const RunId&, TimePoint started_at);
  void ending(const RunId&, RunStatus as, std::string_view reason, TimePoint now);
  void waiting(const std::vector<RunId>&, std::string_view reason);
  bool end(const JobRun&);

  const JobRun* find(const RunId&) const;
  // A tick's run; null: it has none.
  const JobRun* of_tick(const InstanceId&, TimePoint tick) const;

  std::map<RunId, JobRun> runs;
  std::map<InstanceId, CronMark> marks;

 private:
  JobRun* open(const RunId&);

  std::set<RunId> open_;
  std::map<std::pair<InstanceId, TimePoint>, RunId> ticks_;
  int holder_ = -1;
  std::int64_t term_ = 0;
  std::array<std::int64_t, 2> terms_{};
  Duration expires_at_{};
};

}  // namespace gantry::storm
