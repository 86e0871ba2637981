#include "tests/simulation/storm/jobs_rows.hpp"

#include <algorithm>

namespace gantry::storm {

bool JobRows::hold(int daemon, Duration now, Duration ttl) {
  if (holder_ != daemon && now < expires_at_) {
    forget_term(daemon);
    return false;
  }
  if (holder_ != daemon) ++term_;
  holder_ = daemon;
  terms_[static_cast<std::size_t>(daemon)] = term_;
  expires_at_ = now + ttl;
  return true;
}

bool JobRows::leads(int daemon) const {
  const std::int64_t term = terms_[static_cast<std::size_t>(daemon)];
  return term != 0 && term == term_;
}

JobRun* JobRows::open(const RunId& id) { return open_.contains(id) ? &runs.at(id) : nullptr; }

bool JobRows::add(const JobRun& run, int most) {
  const auto others = std::count_if(open_.begin(), open_.end(), [&](const RunId& id) {
    return runs.at(id).instance_id == run.instance_id;
  });
  if (others >= most) return false;
  runs[run.id] = run;
  open_.insert(run.id);
  return true;
}

bool JobRows::cancel(const RunId& id, TimePoint now) {
  ending(id, RunStatus::cancelled, "cancelled by request", now);
  return open_.contains(id);
}

std::vector<JobRun> JobRows::open_runs() const {
  std::vector<JobRun> all;
  for (const RunId& id : open_) all.push_back(runs.at(id));
  return all;
}

bool JobRows::add_tick(const JobRun& run) {
  if (const auto mark = marks.find(run.instance_id); mark != marks.end())
    mark->second.handled_until = *run.tick;
  if (!ticks_.try_emplace({run.instance_id, *run.tick}, run.id).second) return false;
  runs[run.id] = run;
  if (!is_over(run.status)) open_.insert(run.id);
  return true;
}

bool JobRows::claim(const RunId& id) {
  JobRun* run = open(id);
  if (run == nullptr || run->ending) return false;
  run->status = RunStatus::running;
  run->reason.clear();
  return true;
}

void JobRows::start(const RunId& id, TimePoint started_at) {
  JobRun* run = open(id);
  if (run == nullptr) return;
  run->status = RunStatus::running;
  if (!run->started_at) run->started_at = started_at;
}

void JobRows::ending(const RunId& id, RunStatus as, std::string_view reason, TimePoint now) {
  JobRun* run = open(id);
  if (run == nullptr || run->ending) return;
  run->ending = as;
  run->ending_at = now;
  run->reason = reason;
}

void JobRows::waiting(const std::vector<RunId>& ids, std::string_view reason) {
  for (const RunId& id : ids)
    if (JobRun* run = open(id); run != nullptr && run->status == RunStatus::queued && !run->ending)
      run->reason = reason;
}

bool JobRows::end(const JobRun& ended) {
  JobRun* run = open(ended.id);
  if (run == nullptr) return false;
  run->status = ended.status;
  run->reason = ended.reason;
  run->exit_code = ended.exit_code;
  if (!run->started_at) run->started_at = ended.started_at;
  run->finished_at = ended.finished_at;
  open_.erase(ended.id);
  return true;
}

const JobRun* JobRows::find(const RunId& id) const {
  const auto found = runs.find(id);
  return found == runs.end() ? nullptr : &found->second;
}

const JobRun* JobRows::of_tick(const InstanceId& id, TimePoint tick) const {
  const auto found = ticks_.find({id, tick});
  return found == ticks_.end() ? nullptr : &runs.at(found->second);
}

}  // namespace gantry::storm
