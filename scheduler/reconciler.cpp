#include "scheduler/reconciler.hpp"

#include <algorithm>

namespace gantry {
namespace {

constexpr Duration kLeaseLook = std::chrono::milliseconds(100);

}  // namespace

Reconciler::Reconciler(ReconcilerPorts ports, ReconcilerOptions options)
    : ports_(ports),
      options_(std::move(options)),
      environments_(ports_.store, {.grace = options_.environment_grace, .log = options_.log}),
      starts_(options_.start_threads),
      stops_(options_.stop_threads),
      records_(1),
      prepares_(2),
      builds_(options_.builds),
      runs_(options_.run_threads),
      keeps_(1) {
  world_.policy = options_.policy;
  if (ports_.volumes != nullptr)
    keeper_.emplace(ports_.store, *ports_.volumes,
                    VolumeKeeperOptions{.grace = options_.volume_grace, .log = options_.log});
}

Reconciler::~Reconciler() { stop(); }

void Reconciler::start() {
  ports_.store.on_change([inbox = inbox_](const InstanceId& id) { inbox->push(id); });
  for (const ProjectPtr& project : ports_.store.projects())
    for (const auto& [id, view] : project->instances) push(id);
  for (Replica& replica : remembered()) push(Fact(ReplicaRemembered{std::move(replica)}));
  push(Fact(RoutesApplied{0, ports_.edge.table()}));
  loop_thread_ = std::thread([this] { loop(); });
  edge_thread_ = std::thread([this] { edge_loop(); });
  ports_.edge.on_wake([inbox = inbox_](const InstanceId& id) { inbox->push(Fact(WakeAsked{id})); });
  if (!options_.holder.empty())
    lease_thread_ = std::jthread([this](const std::stop_token& stop) { hold_lease(stop); });
  if (ports_.usage != nullptr)
    meter_thread_ = std::jthread([this](const std::stop_token& stop) { meter_usage(stop); });
  watch_thread_ = std::jthread([this](std::stop_token stop) { watch_engine(std::move(stop)); });
}

void Reconciler::stop() {
  {
    const std::scoped_lock lock(inbox_->mutex);
    if (inbox_->stopping) return;
    inbox_->stopping = true;
  }
  inbox_->changed.notify_all();
  { const std::scoped_lock lock(edge_mutex_); }
  edge_changed_.notify_all();
  watch_thread_.request_stop();
  lease_thread_.request_stop();
  meter_thread_.request_stop();
  if (loop_thread_.joinable()) loop_thread_.join();
  if (edge_thread_.joinable()) edge_thread_.join();
  stopping_.request_stop();
  ports_.builder.stop();
  if (ports_.volumes != nullptr) ports_.volumes->stop();
  keeps_.stop();
  starts_.stop();
  stops_.stop();
  prepares_.stop();
  builds_.stop();
  runs_.stop();
  records_.stop();
  if (watch_thread_.joinable()) watch_thread_.join();
}

// What the store knows of replicas comes before the first list, so that restart counts go on where
// they were.
std::vector<Replica> Reconciler::remembered() {
  std::vector<Replica> all;
  for (const ProjectPtr& project : ports_.store.projects())
    for (const auto& [id, view] : project->instances)
      if (auto replicas = ports_.store.replicas(id); replicas)
        all.insert(all.end(), replicas->begin(), replicas->end());
  return all;
}

void Reconciler::Inbox::push(Entry entry) {
  {
    const std::scoped_lock lock(mutex);
    if (stopping) return;
    queue.push_back(std::move(entry));
  }
  changed.notify_one();
}

void Reconciler::loop() {
  for (;;) {
    std::deque<Entry> taken;
    {
      std::unique_lock lock(inbox_->mutex);
      const TimePoint now = ports_.clock.now();
      const Duration wait = std::max<Duration>(next_wake(now) - now, Duration(0));
      inbox_->changed.wait_for(lock, wait, [this] {
        return inbox_->stopping || !inbox_->queue.empty() || list_failed_;
      });
      if (inbox_->stopping) return;
      taken.swap(inbox_->queue);
    }
    TimePoint now = ports_.clock.now();
    if (follow_clock(world_, now)) forget_wakes(now);
    for (Entry& entry : taken) take(entry, now);
    now = ports_.clock.now();
    while (!by_time_.empty() && by_time_.begin()->first <= now) {
      world_.dirty.insert(by_time_.begin()->second);
      wakes_.erase(by_time_.begin()->second);
      by_time_.erase(by_time_.begin());
    }
    plan_dirty(now);
    if (list_failed_.exchange(false)) next_resync_ = now + Seconds(1);
    if (now >= next_reload_) {
      if (next_reload_ != TimePoint()) ask_reload();
      next_reload_ = now + options_.reload;
    }
    if (now >= next_sweep_) {
      if (next_sweep_ != TimePoint()) builds_.post([this] { sweep_builds(); });
      next_sweep_ = now + options_.sweep;
    }
    keep_volumes(now);
    keep_environments(now);
    if (now >= next_resync_)
      next_resync_ =
          now + (ask_list() ? options_.resync : Duration(std::chrono::milliseconds(200)));
  }
}

TimePoint Reconciler::next_wake(TimePoint now) {
  TimePoint at = next_resync_ == TimePoint() ? now : next_resync_;
  if (!by_time_.empty()) at = std::min(at, by_time_.begin()->first);
  if (!world_.dirty.empty() && !leads(now)) at = std::min(at, now + kLeaseLook);
  return at;
}

void Reconciler::take(Entry& entry, TimePoint now) {
  ++counters_.facts;
  if (const auto* id = std::get_if<InstanceId>(&entry)) {
    const ProjectPtr project = ports_.store.project_of(*id);
    DesiredPtr desired = project ? desired_of(*project, *id, options_.desired) : nullptr;
    const auto known = world_.instances.find(*id);
    if (!desired && known == world_.instances.end()) return;
    if (project && known != world_.instances.end())
      take_gainers(*project, known->second, desired.get(), now);
    absorb(world_, DesiredChanged{*id, std::move(desired)}, now);
    return;
  }
  const Fact& fact = std::get<Fact>(entry);
  if (std::holds_alternative<TookOver>(fact)) ++heard_terms_;
  absorb(world_, fact, now);
  if (std::holds_alternative<EngineBack>(fact) || std::holds_alternative<TookOver>(fact))
    next_resync_ = now;
  counters_.engine_up = world_.engine_up;
  counters_.adopted = world_.adopted;
}

// Who has a host now that an instance gives away is to be known before it does: else nobody would
// have it for a moment.
void Reconciler::take_gainers(const ProjectSnapshot& project, const InstanceWorld& loser,
                              const Desired* next, TimePoint now) {
  if (!loser.desired) return;
  for (const std::string& host : loser.desired->hosts) {
    const auto has = [&](const auto& hosts) {
      return std::find(hosts.begin(), hosts.end(), host) != hosts.end();
    };
    if (next != nullptr && has(next->hosts)) continue;
    for (const auto& [id, view] : project.instances)
      if (id != loser.id && has(view->instance.domains))
        absorb(world_, DesiredChanged{id, desired_of(project, id, options_.desired)}, now);
  }
}

void Reconciler::plan_dirty(TimePoint now) {
  if (!world_.adopted && world_.engine_up) return;
  if (!leads(now)) return;
  std::set<InstanceId> dirty;
  dirty.swap(world_.dirty);
  for (const InstanceId& id : dirty) {
    const auto found = world_.instances.find(id);
    if (found == world_.instances.end()) continue;
    if (world_.adopted && is_finished(found->second)) {
      wake_at(id, std::nullopt);
      InstanceWorld nobody;
      nobody.id = id;
      watch_demand(nobody);
      world_.instances.erase(found);
      next_resync_ =
          std::min<TimePoint>(next_resync_, now + Seconds(1));  // its network may be free now
      starts_.post([this, id] { ports_.logs.remove(id); });
      continue;
    }
    Plan planned = plan(world_, found->second, now);
    ++counters_.plans;
    for (Action& action : planned.actions) {
      dispatched(world_, action, now);
      execute(std::move(action));
    }
    wake_at(id, planned.wake_at);
    watch_demand(found->second);
  }
  counters_.instances = world_.instances.size();
}

// They were set by a clock that has been set back since: everything is looked at now.
void Reconciler::forget_wakes(TimePoint now) {
  wakes_.clear();
  by_time_.clear();
  lease_until_ = 0;  // one that was over would begin again: until it is asked for anew
  next_resync_ = now;
  next_reload_ = std::min<TimePoint>(next_reload_, now + options_.reload);
  next_sweep_ = std::min<TimePoint>(next_sweep_, now + options_.sweep);
}

void Reconciler::wake_at(const InstanceId& id, std::optional<TimePoint> at) {
  if (const auto known = wakes_.find(id); known != wakes_.end()) {
    by_time_.erase({known->second, id});
    wakes_.erase(known);
  }
  if (!at) return;
  wakes_[id] = *at;
  by_time_.insert({*at, id});
}

// The engine's list is the truth; asked for at the start, after the engine was lost, and
// periodically.
bool Reconciler::ask_list() {
  if (listing_.exchange(true)) return false;
  starts_.post([this] {
    const TimePoint asked_at = ports_.clock.now();
    auto containers = ports_.driver.list();
    listing_ = false;
    if (!containers) {
      options_.log("engine list failed detail=\"" + containers.error().detail + "\"");
      list_failed_ = true;
      inbox_->changed.notify_one();
      return;
    }
    std::set<EnvironmentId> occupied;
    for (const Container& container : *containers) occupied.insert(container.environment_id);
    push(Fact(Listed{asked_at, std::move(*containers)}));
    sweep_networks(occupied);
    sweep_runs();
  });
  return true;
}

// Networks of environments that are gone. The store is asked after the engine: an environment is
// older than its network, so one that is being used for the first time is never taken for gone.
void Reconciler::sweep_networks(const std::set<EnvironmentId>& occupied) {
  auto networks = ports_.driver.networks();
  if (!networks) return;
  std::set<EnvironmentId> wanted = occupied;
  for (const ProjectPtr& project : ports_.store.projects())
    for (const auto& [id, view] : project->environments)
      if (!view->environment.deleted_at) wanted.insert(id);
  for (const EnvironmentId& id : *networks)
    if (!wanted.contains(id)) (void)ports_.driver.remove_network(id);
}

// Containers of pre-deploy commands that nobody waits for: their deployment has ended, or the
// daemon before this one did between two steps.
void Reconciler::sweep_runs() {
  const auto runs = ports_.driver.runs();
  if (!runs || runs->empty()) return;
  std::set<DeploymentId> waited_for;
  for (const ProjectPtr& project : ports_.store.projects())
    for (const auto& [id, view] : project->instances)
      for (const auto& deployment : view->deployments)
        if (is_live(deployment->status) && !deployment->progress.pre_deployed)
          waited_for.insert(deployment->id);
  for (const DeploymentId& id : *runs)
    if (!waited_for.contains(id)) (void)ports_.driver.end_run(id);
}

void Reconciler::sweep_builds() {
  const auto releases = ports_.store.releases(options_.kept_releases);
  if (!releases) return;
  if (auto swept = ports_.builder.sweep(*releases); !swept)
    options_.log("sweep of builds failed detail=\"" + swept.error().detail + "\"");
}

// Covers a notification that was lost, and writes that somebody made by hand.
void Reconciler::ask_reload() {
  records_.post([this] {
    if (auto reloaded = ports_.store.reload(); !reloaded)
      options_.log("store reload failed detail=\"" + reloaded.error().detail + "\"");
  });
}

void Reconciler::watch_engine(std::stop_token stop) {
  const auto sink = [this](const EngineEvent& event) {
    switch (event.kind) {
      case EngineEvent::Kind::container_changed:
        if (event.container) push(Fact(ContainerSeen{*event.container}));
        break;
      case EngineEvent::Kind::container_gone:
        if (event.key && event.instance_id)
          push(Fact(ContainerGone{*event.key, *event.instance_id, event.container_id}));
        break;
      case EngineEvent::Kind::engine_lost:
        options_.log("engine lost");
        push(Fact(EngineLost{}));
        break;
      case EngineEvent::Kind::engine_back:
        options_.log("engine back");
        push(Fact(EngineBack{}));
        break;
    }
  };
  ports_.driver.watch(sink, std::move(stop));
}

}  // namespace gantry
