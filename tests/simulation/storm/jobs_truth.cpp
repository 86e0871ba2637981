// What must hold of runs, whatever happens: looked at from the programs that were begun and the
// ledger's rows, never by asking the planner.
#include <algorithm>

#include <fmt/format.h>

#include "proto/cron_times.hpp"
#include "tests/simulation/storm/jobs_desk.hpp"

namespace gantry::storm {
namespace {

constexpr Duration kLate = Seconds(60);

struct Timetable {
  explicit Timetable(const CronSettings& cron)
      : times(CronTimes::of(cron.schedule)), zone(*find_zone(cron.zone)) {}
  bool has(TimePoint tick) const { return times.last(*zone, tick, tick) == tick; }
  // The newest one that is too old to be in time, and later than `after`.
  std::optional<TimePoint> newest_late(TimePoint now, TimePoint after) const {
    return times.last(*zone, now - kLate - Duration(1), after + Duration(1));
  }
  CronTimes times;
  ZonePtr zone;
};

}  // namespace

// A program has just been started.
void JobStorm::check_begun(const JobSpec& spec) {
  const JobRun* row = rows_.find(spec.run_id);
  const std::string name = name_of(spec.run_id);
  if (engine_.begun(spec.run_id) > 1) broke("a run is begun twice", name);
  if (row == nullptr) return broke("a run of no row", name);
  if (is_over(row->status)) broke("a run is begun after its end", name);
  int running = 0;
  for (const JobSeen& seen : *engine_.list()) {
    if (seen.state != ContainerState::running) continue;
    ++running;
    const JobRun* other = rows_.find(seen.run_id);
    if (seen.run_id == spec.run_id || other == nullptr || other->instance_id != row->instance_id)
      continue;
    const auto tenant = std::find_if(tenants_.begin(), tenants_.end(),
                                     [&](const Tenant& t) { return t.id == row->instance_id; });
    const bool allowed = tenant->version.settings.deploy.cron.overlap == CronOverlap::allow;
    const bool scheduled = row->trigger == RunTrigger::cron && other->trigger == RunTrigger::cron;
    if (scheduled && !allowed) broke("two ticks overlap", name + " " + name_of(other->id));
    if (row->alone && other->alone) broke("two writers", name + " " + name_of(other->id));
  }
  if (running > at_once_) broke("more run than may", std::to_string(running));
}

// A tick's row has just been written.
void JobStorm::check_tick(const JobRun& run) {
  for (const Tenant& tenant : tenants_) {
    if (tenant.id != run.instance_id) continue;
    const Deployment* version = run.deployment_id == tenant.version.id ? &tenant.version : nullptr;
    for (const Deployment& one : tenant.before)
      if (one.id == run.deployment_id) version = &one;
    if (version == nullptr) return broke("a tick of no version", name_of(run.id));
    const CronSettings& cron = version->settings.deploy.cron;
    const Timetable table(cron);
    if (!table.has(*run.tick)) broke("it was not due", format_time(*run.tick));
    const bool late = run.created_at - *run.tick > kLate;
    const bool told = run.reason.starts_with("nobody was there");
    if (late && table.newest_late(run.created_at, *run.tick))
      broke("an older missed tick is made up for", format_time(*run.tick));
    if (late && cron.missed == CronMissed::skip && !told)
      broke("a missed tick is run", format_time(*run.tick));
    if (told && (!late || cron.missed == CronMissed::once))
      broke("a tick is said to be missed", format_time(*run.tick));
  }
}

void JobStorm::check_tick_kept(const Tenant& tenant, TimePoint tick, TimePoint now) {
  if (rows_.of_tick(tenant.id, tick) != nullptr) return;
  // The clock has been there before: it was seen to then, or counts as that for a day.
  const auto mark = rows_.marks.find(tenant.id);
  if (tick <= highest_ && mark != rows_.marks.end() && mark->second.handled_until >= tick) return;
  broke("a tick is lost", format_time(tick) + " at " + format_time(now));
}

// A daemon that leads has looked at everything, as it was at `now`, and nothing failed.
void JobStorm::check_looked(const Desk&, TimePoint now) {
  for (const Tenant& tenant : tenants_) {
    if (tenant.gone || !tenant.scheduled()) continue;
    const Timetable table(tenant.version.settings.deploy.cron);
    const TimePoint since = *tenant.version.succeeded_at;
    if (since >= now) continue;
    for (const TimePoint tick :
         table.times.between(*table.zone, std::max(since, now - kLate - Duration(1)), now, 100))
      check_tick_kept(tenant, tick, now);
    if (const auto late = table.newest_late(now, since)) check_tick_kept(tenant, *late, now);
  }
}

// After a calm.
void JobStorm::check_ends() {
  const TimePoint now = clock_.now();
  for (const auto& [id, run] : rows_.runs) {
    const int begun = engine_.begun(id);
    const std::string who = name_of(id) + " " + std::string(name(run.status)) + ": " + run.reason;
    if (!is_over(run.status)) {
      if (now - run.created_at > Seconds(240)) broke("a run does not end", who);
      continue;
    }
    if (!run.finished_at) broke("an end without a time", who);
    if (run.status == RunStatus::skipped && begun != 0) broke("what was skipped ran", who);
    if (run.status == RunStatus::succeeded && (begun != 1 || exits_[id] != 0))
      broke("no success", who);
    if (run.reason.find("is gone from the engine") != std::string::npos && !destroyed_.contains(id))
      broke("it was there", who);
    if (run.status == RunStatus::timed_out && run.limit_seconds == 0) broke("no limit", who);
    if (run.reason == "cancelled by request" && !cancelled_.contains(id))
      broke("nobody asked for its end", who);
  }
  for (const JobSeen& seen : *engine_.list()) {
    const JobRun* row = rows_.find(seen.run_id);
    if (row == nullptr || (is_over(row->status) && now - *row->finished_at > Seconds(60)))
      broke("a container stays", name_of(seen.run_id));
  }
  for (const Tenant& tenant : tenants_) {
    if (tenant.gone || !tenant.scheduled()) continue;
    const Timetable table(tenant.version.settings.deploy.cron);
    for (const TimePoint tick : table.times.between(
             *table.zone, std::max({*tenant.version.succeeded_at, now - Seconds(300), highest_}),
             now - Seconds(10), 100))
      if (rows_.of_tick(tenant.id, tick) == nullptr)
        broke("nobody looks at a schedule", format_time(tick));
  }
}

}  // namespace gantry::storm
