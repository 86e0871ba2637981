#include "runtime/backup/runner.hpp"

#include <algorithm>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry {
namespace {

// Idle for the disk, last for the processor: of the calling thread.
void step_back() {
  constexpr int kWhoThread = 1;
  constexpr int kIdleClass = 3 << 13;
  (void)::syscall(SYS_ioprio_set, kWhoThread, 0, kIdleClass);
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 10);
}

constexpr std::chrono::hours kRaiseAgain{24};
constexpr std::chrono::hours kClockSlack{1};

// A time of the future is no proof of anything.
bool recent(std::optional<TimePoint> at, TimePoint now, Duration within) {
  return at && *at <= now + kClockSlack && now - *at < within;
}

// Whether a restore wants it.
bool is_read(const std::vector<Restore>& restores, const BackupId& id) {
  return std::any_of(restores.begin(), restores.end(), [&](const Restore& one) {
    return one.backup_id == id &&
           (one.status == RestoreStatus::queued || one.status == RestoreStatus::running);
  });
}

}  // namespace

BackupRunner::BackupRunner(const BackupPorts& ports, BackupOptions options)
    : ports_(ports), options_(std::move(options)), jobs_(ports_, options_) {}
BackupRunner::~BackupRunner() { stop(); }

void BackupRunner::start() {
  threads_.emplace_back([this](const std::stop_token& stop) { lookout(stop); });
  for (int i = 0; i < options_.concurrency; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

void BackupRunner::stop() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

int BackupRunner::pending() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(under_way_.size());
}

void BackupRunner::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void BackupRunner::lookout(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      if (const auto looked = look(); !looked)
        options_.log("backups not looked at detail=\"" + looked.error().detail + "\"");
    } catch (const std::exception& error) {
      options_.log(std::string("backups not looked at what=\"") + error.what() + "\"");
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, options_.tick, [&] { return woken_; });
    woken_ = false;
  }
}

void BackupRunner::work(const std::stop_token& stop) {
  step_back();
  while (true) {
    std::pair<std::string, Job> job;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return !queue_.empty(); })) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    try {
      job.second(stop);
    } catch (const std::exception& error) {
      options_.log("backup job threw id=" + job.first + " what=\"" + error.what() + "\"");
    }
    const std::lock_guard lock(mutex_);
    under_way_.erase(job.first);
  }
}

void BackupRunner::enqueue(const std::string& id, Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (!under_way_.insert(id).second) return;
    queue_.emplace_back(id, std::move(job));
  }
  changed_.notify_all();
}

Result<> BackupRunner::look() {
  const std::lock_guard one_at_a_time(looking_);
  const auto leads = ports_.ledger.leads();
  if (!leads) return leads.error();
  if (!*leads) {
    picked_up_ = false;
    return done();
  }
  if (!picked_up_) GANTRY_TRY(pick_up());
  picked_up_ = true;
  const TimePoint now = ports_.clock.now();
  GANTRY_TRY(give_defaults(now));
  GANTRY_TRY(start_due(now));
  const auto all = ports_.ledger.backups({});
  if (!all) return all.error();
  GANTRY_TRY(dispatch(*all));
  std::map<InstanceId, std::vector<Backup>> of;
  for (const Backup& one : *all) of[one.origin.instance_id].push_back(one);
  const auto plans = ports_.ledger.all_schedules();
  if (!plans) return plans.error();
  std::map<InstanceId, InstanceSchedules> plan_of;
  for (const InstanceSchedules& plan : *plans) {
    plan_of[plan.instance_id] = plan;
    of.try_emplace(plan.instance_id);
  }
  for (const auto& [id, backups] : of) {
    InstanceSchedules& plan = plan_of[id];
    plan.instance_id = id;
    // One destination that is away must not stop the others' turns.
    if (const auto kept = retain(backups, plan, now); !kept)
      options_.log("retention failed instance=" + id.str() + " detail=\"" + kept.error().detail +
                   "\"");
    if (!origin_in(ports_.store.project_of(id), id)) continue;
    plan_drill(backups, id, now);
    raise(backups, plan, now);
  }
  return done();
}

// Whoever was at it is gone: it held the lease, and now this daemon does.
Result<> BackupRunner::pick_up() {
  const auto all = ports_.ledger.backups({});
  if (!all) return all.error();
  for (Backup one : *all) {
    if (one.status != BackupStatus::running) continue;
    {
      const std::lock_guard lock(mutex_);
      if (under_way_.contains(one.id.str())) continue;  // the lease was away only for a moment
    }
    if (const auto place = jobs_.places().open(one.destination); place)
      (void)(*place)->remove(one.object_key);
    one.status = BackupStatus::failed;
    one.reason = "the daemon stopped while it was taken";
    one.finished_at = ports_.clock.now();
    GANTRY_TRY(ports_.ledger.record_backup(one));
    if (!one.schedule.empty())
      GANTRY_TRY(ports_.ledger.record_outcome(one.origin.instance_id, one.schedule, false));
    jobs_.tell(one, "backup.failed", one.reason);
  }
  const auto restores = ports_.ledger.restores({});
  if (!restores) return restores.error();
  for (Restore one : *restores) {
    {
      const std::lock_guard lock(mutex_);
      if (one.status != RestoreStatus::running || under_way_.contains(one.id.str())) continue;
    }
    if (const auto safety = ports_.ledger.backup(one.safety_id);
        safety && safety->status == BackupStatus::good) {
      enqueue(one.id.str(), [this, id = one.id](const std::stop_token& stop) {
        if (const auto ended = jobs_.undo(id, stop); !ended)
          options_.log("restore not undone id=" + id.str() + " detail=\"" + ended.error().detail +
                       "\"");
      });
      continue;
    }
    one.status = RestoreStatus::failed;
    one.reason = "the daemon stopped meanwhile, and nothing was changed: restore again";
    one.finished_at = ports_.clock.now();
    GANTRY_TRY(ports_.ledger.record_restore(one));
  }
  return done();
}

// Every database has backups, unless somebody said otherwise.
Result<> BackupRunner::give_defaults(TimePoint now) {
  const auto plans = ports_.ledger.all_schedules();
  if (!plans) return plans.error();
  std::set<InstanceId> known;
  for (const InstanceSchedules& plan : *plans) known.insert(plan.instance_id);
  for (const ProjectPtr& project : ports_.store.projects())
    for (const auto& [id, view] : project->instances) {
      if (known.contains(id) || !dumps(view->instance.settings.source.from_template)) continue;
      GANTRY_TRY(ports_.ledger.put_schedules(id, *backup_profile("standard"), now));
    }
  return done();
}

Result<> BackupRunner::start_due(TimePoint now) {
  const auto plans = ports_.ledger.all_schedules();
  if (!plans) return plans.error();
  for (const InstanceSchedules& plan : *plans) {
    const auto project = ports_.store.project_of(plan.instance_id);
    const auto origin = origin_in(project, plan.instance_id);
    if (!origin) continue;
    const auto& source =
        project->instances.at(plan.instance_id)->instance.settings.source.from_template;
    for (const BackupSchedule& schedule : plan.schedules) {
      if (!due(schedule, now)) continue;
      BackupRequest wanted{.origin = *origin,
                           .from_template = source,
                           .kind = dumps(source) ? BackupKind::dump : BackupKind::snapshot,
                           .trigger = BackupTrigger::schedule,
                           .schedule = schedule.name};
      // First the mark: who dies in between makes one backup less, and not one at every look.
      GANTRY_TRY(ports_.ledger.record_run(plan.instance_id, schedule.name, now));
      if (const auto asked = new_backup(wanted); !asked) {
        if (asked.error().code == Code::unavailable) return asked.error();
        options_.log("backup not begun instance=" + plan.instance_id.str() + " detail=\"" +
                     asked.error().detail + "\"");
      }
    }
  }
  return done();
}

Result<> BackupRunner::retain(const std::vector<Backup>& backups, const InstanceSchedules& plan,
                              TimePoint now) {
  const auto wanted = retention(backups, plan.schedules, now);
  if (wanted.empty()) return done();
  const auto restores = ports_.ledger.restores({});
  if (!restores) return restores.error();
  const auto in_use = [&](const BackupId& id) {
    const std::lock_guard lock(mutex_);
    return under_way_.contains(id.str()) || under_way_.contains("drill/" + id.str()) ||
           is_read(*restores, id);
  };
  for (const BackupId& id : wanted) {
    const auto one = std::find_if(backups.begin(), backups.end(),
                                  [&](const Backup& each) { return each.id == id; });
    if (in_use(id)) continue;
    // As it is now: somebody may have locked it, or a drill proved it, since the list was read.
    const auto current = ports_.ledger.backup(id);
    if (!current || current->locked || current->drill_asked_at ||
        current->verified_at != one->verified_at)
      continue;
    GANTRY_TRY(jobs_.expire(*current, "its schedule keeps it no longer"));
  }
  return done();
}

void BackupRunner::plan_drill(const std::vector<Backup>& backups, const InstanceId& id,
                              TimePoint now) {
  const Backup* newest = nullptr;
  for (const Backup& one : backups)
    if (one.status == BackupStatus::good && one.trigger != BackupTrigger::upload) newest = &one;
  if (newest == nullptr) return;
  if (recent(last_verified_restore(backups), now, options_.drill_interval)) return;
  const auto tried = tried_.find(id);
  if (tried != tried_.end() && recent(tried->second, now, options_.drill_again)) return;
  tried_[id] = now;
  enqueue("drill/" + newest->id.str(), [this, wanted = newest->id](const std::stop_token& stop) {
    if (const auto ended = jobs_.drill(wanted, stop); !ended)
      options_.log("drill not recorded detail=\"" + ended.error().detail + "\"");
  });
}

void BackupRunner::raise(const std::vector<Backup>& backups, const InstanceSchedules& plan,
                         TimePoint now) {
  const auto project = ports_.store.project_of(plan.instance_id);
  const auto origin = origin_in(project, plan.instance_id);
  if (!origin) return;
  Backup about;
  about.origin = *origin;
  for (const BackupAlert& alert :
       backup_alerts(backups, plan.schedules, plan.since, options_.alerts, now)) {
    if (alert.code == "backup_failed") continue;  // told when it happened
    const std::string key = plan.instance_id.str() + "/" + alert.code;
    const auto before = raised_.find(key);
    if (before != raised_.end() && recent(before->second, now, kRaiseAgain)) continue;
    raised_[key] = now;
    jobs_.tell(about, alert.code == "backup_missing" ? "backup.missing" : "restore.unverified",
               alert.detail);
  }
}

Result<> BackupRunner::dispatch(const std::vector<Backup>& backups) {
  // Restores of safety copies are made by the restore itself, never by a queue.
  for (const Backup& one : backups)
    if (one.status == BackupStatus::queued && one.trigger != BackupTrigger::safety &&
        one.trigger != BackupTrigger::upload)
      enqueue(one.id.str(), [this, id = one.id](const std::stop_token& stop) {
        if (const auto ended = jobs_.back_up(id, stop); !ended)
          options_.log("backup not recorded id=" + id.str() + " detail=\"" + ended.error().detail +
                       "\"");
        wake();
      });
  for (const Backup& one : backups)
    if (one.drill_asked_at)
      enqueue("drill/" + one.id.str(), [this, id = one.id](const std::stop_token& stop) {
        if (const auto ended = jobs_.asked_drill(id, stop); !ended)
          options_.log("drill not recorded detail=\"" + ended.error().detail + "\"");
      });
  const auto restores = ports_.ledger.restores({});
  if (!restores) return restores.error();
  for (const Restore& one : *restores)
    if (one.status == RestoreStatus::queued)
      enqueue(one.id.str(), [this, id = one.id](const std::stop_token& stop) {
        if (const auto ended = jobs_.restore(id, stop); !ended)
          options_.log("restore not recorded id=" + id.str() + " detail=\"" + ended.error().detail +
                       "\"");
        wake();
      });
  return done();
}

std::optional<BackupOrigin> origin_in(const ProjectPtr& project, const InstanceId& id) {
  if (!project) return std::nullopt;
  const auto view = project->instances.find(id);
  if (view == project->instances.end()) return std::nullopt;
  const ServiceInstance& instance = view->second->instance;
  const auto environment = project->environments.find(instance.environment_id);
  const auto service = project->services.find(instance.service_id);
  if (environment == project->environments.end() || service == project->services.end() ||
      environment->second->environment.deleted_at)
    return std::nullopt;
  return BackupOrigin{.project_id = project->project.id,
                      .environment_id = instance.environment_id,
                      .service_id = instance.service_id,
                      .instance_id = id,
                      .project = project->project.name.str(),
                      .environment = environment->second->environment.name.str(),
                      .service = service->second->name.str()};
}

}  // namespace gantry
