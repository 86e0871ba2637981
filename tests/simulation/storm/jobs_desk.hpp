// What a daemon's keeper of runs has of the world: each call may be its last, hang, or fail, as the
// storm has it.
#pragma once

#include "tests/simulation/storm/jobs.hpp"
#include "tests/simulation/storm/jobs_store.hpp"

namespace gantry::storm {

class DeskClock final : public Clock {
 public:
  DeskClock(JobStorm& storm, JobStorm::Desk& desk) : storm_(storm), desk_(desk) {}
  TimePoint now() const override;

 private:
  JobStorm& storm_;
  JobStorm::Desk& desk_;
};

class DeskLedger final : public JobLedger {
 public:
  DeskLedger(JobStorm& storm, JobStorm::Desk& desk) : storm_(storm), desk_(desk) {}

  Result<bool> leads() override;
  Result<JobRun> run(const RunId&) override;
  Result<Page<JobRun>> runs(const InstanceId&, const PageRequest&) override { return unused(); }
  Result<std::optional<JobRun>> newest_tick(const InstanceId&) override { return unused(); }
  Result<std::vector<JobRun>> open_runs() override;
  Result<std::vector<CronMark>> marks() override;
  Result<> put_mark(const CronMark&) override;
  Result<> erase_mark(const InstanceId&) override;
  Result<bool> add_tick(const JobRun&) override;
  Result<> record_waiting(const std::vector<RunId>&, std::string_view reason) override;
  Result<bool> claim_run(const RunId&) override;
  Result<> record_start(const RunId&, TimePoint started_at) override;
  Result<> record_ending(const RunId&, RunStatus as, std::string_view reason,
                         TimePoint now) override;
  Result<bool> record_end(const JobRun&) override;
  Result<std::vector<JobRun>> forget_runs(const RunLimits&, TimePoint) override {
    return std::vector<JobRun>();
  }

 private:
  static Error unused() { return {Code::internal, "unused", "not in this story"}; }
  enum class Who { anybody, leader };
  template <class F>
  auto call(Who, F effect) -> decltype(effect());

  JobStorm& storm_;
  JobStorm::Desk& desk_;
};

class DeskEngine final : public JobEngine {
 public:
  DeskEngine(JobStorm& storm, JobStorm::Desk& desk) : storm_(storm), desk_(desk) {}
  Result<JobSeen> begin(const JobSpec&) override;
  Result<std::vector<JobSeen>> list() override;
  Result<> end(const RunId&, Seconds grace) override;
  Result<> remove(const RunId&) override;

 private:
  template <class F>
  auto call(F effect) -> decltype(effect());

  JobStorm& storm_;
  JobStorm::Desk& desk_;
};

class NoLogs final : public Logs {
 public:
  void append(const InstanceId&, const ReplicaKey&, TimePoint, bool, std::string) override {}
  std::optional<TimePoint> newest(const InstanceId&, const ReplicaKey&) override { return {}; }
  void remove(const InstanceId&) override {}
  Result<std::vector<LogLine>> read(const LogQuery&) override { return std::vector<LogLine>(); }
  std::shared_ptr<void> follow(const InstanceId&, std::function<void(const LogLine&)>) override {
    return nullptr;
  }
};

struct JobStorm::Desk {
  Desk(JobStorm& storm, int its_number)
      : number(its_number), clock(storm, *this), ledger(storm, *this), engine(storm, *this) {}

  const int number;
  bool up = true;
  int doom = -1;                       // so many calls are left to it
  bool looking = false;                // within look()
  bool led = false;                    // what it was told in this look
  bool trouble = false;                // a call of this look failed
  std::optional<TimePoint> looked_at;  // the time that this look goes by
  int beneath = 0;                     // its background work that hangs within a look
  ProjectPtr project;                  // its store's snapshot
  DeskClock clock;
  DeskLedger ledger;
  DeskEngine engine;
  DeskStore store{project};
  NoLogs logs;
  std::unique_ptr<JobKeeper> keeper;
};

}  // namespace gantry::storm
