// What the reconciler looks at beside facts that come by themselves: the lease, the proxy's
// counters, what containers use, what volumes hold.
#include <condition_variable>

#include "scheduler/lease.hpp"
#include "scheduler/reconciler.hpp"

namespace gantry {
namespace {

// False when it was told to stop.
bool wait_for(const std::stop_token& stop, Duration span) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any changed;
  return !changed.wait_for(lock, stop, span, [] { return false; }) && !stop.stop_requested();
}

}  // namespace

// Another daemon may have acted meanwhile: what it wrote is read again before this one acts.
void Reconciler::hold_lease(const std::stop_token& stop) {
  bool held = false;
  auto answer = LeaseAnswer::refused;
  do {
    if (!held && answer == LeaseAnswer::away) {
      if (ports_.store.reload()) answer = LeaseAnswer::back;
      continue;
    }
    const TimePoint asked_at = ports_.clock.now();
    const auto lease = ports_.store.hold_lease(options_.holder, options_.lease);
    const bool away = !lease && lease.error().code == Code::unavailable;
    if (away && held && leads_at(asked_at, TimePoint(Duration(lease_until_)))) {
      // It was not over yet when the database went away: nobody else can have it from there, and
      // what runs is looked after.
      lease_until_ = leads_until(asked_at, options_.lease).time_since_epoch().count();
      answer = LeaseAnswer::away;
      continue;
    }
    answer = lease.ok() ? LeaseAnswer::held : away ? LeaseAnswer::away : LeaseAnswer::refused;
    if (lease.ok() != held) {
      held = lease.ok();
      options_.log(held ? "lease held term=" + std::to_string(lease->term)
                        : "lease lost detail=\"" + lease.error().detail + "\"");
      if (held) {
        ask_reload();
        ++terms_;
        push(Fact(TookOver{remembered()}));
      }
    }
    if (lease) {
      lease_until_ = leads_until(asked_at, options_.lease).time_since_epoch().count();
      inbox_->changed.notify_one();
    } else if (lease.error().code == Code::conflict) {
      lease_until_ = 0;  // a clock that is set back must not bring it again
    }
  } while (wait_for(stop, lease_pause(answer, options_.lease)));
  (void)ports_.store.release_lease(options_.holder);
}

bool Reconciler::leads(TimePoint now) const {
  return options_.holder.empty() ||
         (terms_ == heard_terms_ && leads_at(now, TimePoint(Duration(lease_until_))));
}

bool Reconciler::may_act() const {
  return options_.holder.empty() || leads_at(ports_.clock.now(), TimePoint(Duration(lease_until_)));
}

// Who wants to be looked at; the loop's thread.
void Reconciler::watch_demand(const InstanceWorld& instance) {
  const auto keep = [&](std::set<InstanceId>& set, bool wanted) {
    if (wanted)
      set.insert(instance.id);
    else
      set.erase(instance.id);
    return !set.empty();
  };
  const Deployment* active = success_of(instance);
  const DeploySettings deploy = active == nullptr ? DeploySettings() : active->settings.deploy;
  const bool scales = deploy.scaling.max_replicas > 0;
  looks_at_load_ = keep(by_load_, scales || deploy.sleep.enabled);
  looks_at_measures_ = keep(by_measure_, instance.applied.measured);
  tell_metrics(instance);
  const std::scoped_lock lock(meter_mutex_);
  metered_.erase(instance.id);
  if (!scales || (deploy.scaling.cpu_percent == 0 && deploy.scaling.memory_percent == 0)) return;
  for (const auto& [key, replica] : instance.replicas)
    if (key.deployment_id == active->id && replica.container) metered_[instance.id].push_back(key);
}

// The loop's thread.
void Reconciler::tell_metrics(const InstanceWorld& instance) {
  if (ports_.metrics == nullptr) return;
  std::vector<std::string> containers;
  for (const auto& [key, replica] : instance.replicas)
    if (replica.container && replica.container->state == ContainerState::running)
      containers.push_back(replica.container->container_id);
  ports_.metrics->runs(instance.id, std::move(containers));
}

// The edge's thread.
void Reconciler::look_at_edge() {
  if (looks_at_measures_ || ports_.metrics != nullptr) {
    std::vector<ReplicaMeasure> measured = ports_.edge.measured();
    if (ports_.metrics != nullptr) ports_.metrics->measured(measured);
    std::map<InstanceId, std::vector<ReplicaMeasure>> by_instance;
    for (ReplicaMeasure& one : measured)
      if (one.whole) by_instance[one.instance_id].push_back(std::move(one));
    for (auto& [id, replicas] : by_instance) push(Fact(TrafficMeasured{id, std::move(replicas)}));
  }
  if (!looks_at_load_) return;
  if (auto loads = ports_.edge.load(); loads)
    for (const RouteLoad& load : *loads) push(Fact(LoadSeen{load}));
}

// The edge's thread. A port that cannot be had is its instance's trouble and nobody else's.
void Reconciler::tell_closed_ports() {
  if (!may_act()) return;  // nothing would be recorded: told once the lease is held
  std::map<int, ClosedPort> now;
  for (ClosedPort& one : ports_.edge.closed_ports()) now.emplace(one.port, std::move(one));
  for (const auto& [port, one] : now) {
    const auto told = closed_ports_.find(port);
    if (told == closed_ports_.end() || told->second.instance_id != one.instance_id ||
        told->second.error.detail != one.error.detail)
      tell(one, "instance.tcp_proxy_failed",
           "nobody can connect to port " + std::to_string(port) + ": " + one.error.detail);
  }
  for (const auto& [port, one] : closed_ports_)
    if (!now.contains(port))
      tell(one, "instance.tcp_proxy_mended",
           "port " + std::to_string(port) + " is no obstacle now");
  closed_ports_ = std::move(now);
}

void Reconciler::tell(const ClosedPort& port, const std::string& type, const std::string& message) {
  options_.log(type + " instance=" + port.instance_id.str() + " detail=\"" + message + "\"");
  records_.post([this, id = port.instance_id, type, message] {
    const ProjectPtr project = ports_.store.project_of(id);
    if (!project) return;
    const ServiceInstance& instance = project->instances.at(id)->instance;
    Event event;
    event.type = type;
    event.project_id = project->project.id;
    event.environment_id = instance.environment_id.str();
    event.service_id = instance.service_id.str();
    event.instance_id = id.str();
    event.message = message;
    if (const auto recorded = ports_.store.record_event(event); !recorded)
      options_.log("event not recorded type=" + type + " detail=\"" + recorded.error().detail +
                   "\"");
  });
}

// Who leads does it; a look that takes longer than its interval is not begun a second time.
void Reconciler::keep_volumes(TimePoint now) {
  if (!keeper_ || !world_.engine_up || !leads(now)) return;
  if (now >= next_purge_) {
    next_purge_ = now + options_.purge_look;
    keeps_.post([this, now] { keeper_->purge(now); });
  }
  if (now >= next_measure_) {
    next_measure_ = now + options_.measure;
    keeps_.post([this] { keeper_->measure(); });
  }
}

void Reconciler::keep_environments(TimePoint now) {
  if (!leads(now) || now < next_environment_purge_) return;
  next_environment_purge_ = now + options_.purge_look;
  keeps_.post([this, now] { environments_.purge(now); });
}

void Reconciler::meter_usage(const std::stop_token& stop) {
  while (wait_for(stop, options_.meter)) {
    std::map<InstanceId, std::vector<ReplicaKey>> metered;
    {
      const std::scoped_lock lock(meter_mutex_);
      metered = metered_;
    }
    for (const auto& [id, keys] : metered)
      if (auto usage = ports_.usage->usage(keys, stop); usage)
        push(Fact(UsageSeen{id, std::move(*usage)}));
  }
}

}  // namespace gantry
