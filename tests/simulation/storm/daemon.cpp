// A daemon's shell, as the reconciler is: facts in, plan, dispatch; the lease, lists, reloads.
#include <fmt/format.h>

#include "scheduler/lease.hpp"
#include "tests/simulation/storm/storm.hpp"

namespace gantry::storm {
namespace {

const InstallationId kInstallation = *InstallationId::parse("gty_01jd8yq5x8c5v0m6r7k2n4t9wz");
constexpr Seconds kLease(10);

}  // namespace

void Storm::start(Daemon& daemon) {
  const int number = daemon.number, life = daemon.life + 1;
  const auto again = [this, number] { start(daemons_[static_cast<std::size_t>(number)]); };
  if (ledger_.down) return after(Seconds(1), again);
  if (now_ - ledger_.back_at < Seconds(1)) return after(Seconds(1), again);  // it takes a while
  daemon.world = World();
  daemon.world.policy.promotion_deadline = Seconds(300);
  daemon.memory.clear();
  daemon.inbox.clear();
  daemon.wakes.clear();
  daemon.building.clear();
  daemon.life = life;
  daemon.up = true;
  daemon.held = daemon.listing = false;
  daemon.took_over = true;
  daemon.drains.clear();
  daemon.leads_until = TimePoint();
  daemon.lease = LeaseAnswer::refused;
  daemon.records_free = daemon.edge_free = daemon.events_free = Duration(0);
  daemon.doom = -1;
  daemon.driver.emplace(engine_, kInstallation);
  tell(fmt::format("d{} starts", number));
  const Before before = look_before(daemon);
  (void)edge_.start();
  check_change(daemon, before, "start");
  for (const auto& [id, row] : ledger_.rows) {
    if (row.erased) continue;
    daemon.memory[id] = ledger_.desired(id);
    daemon.inbox.emplace_back(id);
  }
  for (const Replica& replica : remembered()) push(daemon, ReplicaRemembered{replica});
  push(daemon, RoutesApplied{0, edge_.table()});
  push(daemon, engine_down_ ? Fact(EngineLost{}) : Fact(EngineBack{}));
  hold_lease(daemon);
  look(daemon);
  resync(daemon);
  if (about_ == Story::volumes) keep_volumes(daemon);
}

void Storm::crash(Daemon& daemon) {
  if (!daemon.up) return;
  tell(fmt::format("d{} dies", daemon.number));
  daemon.up = false;
  daemon.doom = -1;
  disturbed_at_ = now_;
  after(dice_.span(Duration(100'000), Seconds(20)), [this, &daemon] { start(daemon); });
}

void Storm::push(Daemon& daemon, Fact fact) { daemon.inbox.emplace_back(std::move(fact)); }

void Storm::reply(Daemon& daemon, Duration lag, Fact fact) {
  after(daemon, lag, [this, &daemon, fact = std::move(fact)] { push(daemon, fact); });
}

void Storm::counted(Daemon& daemon) {
  ++steps_;
  if (daemon.doom >= 0 && daemon.doom-- == 0) crash(daemon);
}

bool Storm::leads(const Daemon& daemon) const {
  return daemon.took_over && leads_at(clock_.now(), daemon.leads_until);
}

bool Storm::leads_on(const Daemon& daemon) const {
  return leads_at(clock_.now(), daemon.leads_until);
}

LeaseAnswer Storm::ask_lease(Daemon& daemon) {
  if (!daemon.held && daemon.lease == LeaseAnswer::away)
    return ledger_.down ? LeaseAnswer::away : LeaseAnswer::back;
  const TimePoint asked_at = clock_.now();
  const auto lease = ledger_.hold_lease(daemon.number, kLease);
  const bool away = !lease && lease.error().code == Code::unavailable;
  if (away && daemon.held &&
      leads_at(asked_at, daemon.leads_until)) {  // nobody else can have it from there
    daemon.leads_until = leads_until(asked_at, kLease);
    return LeaseAnswer::away;
  }
  if (lease.ok() != daemon.held) tell(fmt::format("d{} lease {}", daemon.number, lease.ok()));
  if (lease && !daemon.held) take_lease(daemon);
  daemon.held = lease.ok();
  if (lease)
    daemon.leads_until = leads_until(asked_at, kLease);
  else if (!away)
    daemon.leads_until = TimePoint();
  return lease ? LeaseAnswer::held : away ? LeaseAnswer::away : LeaseAnswer::refused;
}

void Storm::take_lease(Daemon& daemon) {
  reload(daemon);
  push(daemon, RoutesApplied{0, edge_.table()});
  push(daemon, TookOver{remembered()});
  daemon.took_over = false;
}

void Storm::hold_lease(Daemon& daemon) {
  daemon.lease = ask_lease(daemon);
  after(daemon, lease_pause(daemon.lease, kLease), [this, &daemon] { hold_lease(daemon); });
}

// What the store knows of the replicas of live deployments.
std::vector<Replica> Storm::remembered() const {
  std::vector<Replica> all;
  for (const auto& [key, replica] : ledger_.replicas)
    if (const Deployment* one = ledger_.deployment(key.deployment_id);
        one != nullptr && !is_terminal(one->status))
      all.push_back(replica);
  return all;
}

// The engine's list and the store, again and again.
void Storm::resync(Daemon& daemon) {
  list(daemon);
  if (now_ >= daemon.reload_at) {
    reload(daemon);
    daemon.reload_at = now_ + Seconds(300);
  }
  after(daemon, Seconds(30), [this, &daemon] { resync(daemon); });
}

void Storm::reload(Daemon& daemon) {
  if (!ledger_.down)
    for (const auto& [id, row] : ledger_.rows) publish(daemon, id);
}

void Storm::publish(Daemon& daemon, const InstanceId& id) {
  DesiredPtr fresh = ledger_.desired(id);
  DesiredPtr& known = daemon.memory[id];
  if (fresh == known) return;
  known = std::move(fresh);
  daemon.inbox.emplace_back(id);
}

// A person's write: each daemon's listener hears of it, mostly.
void Storm::publish(const InstanceId& id) {
  for (Daemon& daemon : daemons_) {
    if (!daemon.up || (lossy_ && dice_.percent(10))) continue;
    after(daemon, lag(Duration(5000), Seconds(2)), [this, &daemon, id] {
      if (!ledger_.down) publish(daemon, id);
    });
  }
}

void Storm::list(Daemon& daemon) {
  if (daemon.listing) return;
  daemon.listing = true;
  const TimePoint asked_at = clock_.now();
  const auto listed = daemon.driver->list();
  after(daemon, lag(Duration(20'000), Seconds(3)), [this, &daemon, asked_at, listed] {
    daemon.listing = false;
    if (listed)
      push(daemon, Listed{asked_at, *listed});
    else
      after(daemon, Seconds(1), [this, &daemon] { list(daemon); });
  });
}

// Once a second: the proxy is looked after, and asked what it saw. The edge is shared here, so
// only one of two looks.
void Storm::look(Daemon& daemon) {
  if (leads(daemon) && daemon.held) {
    const Before before = look_before(daemon);
    (void)edge_.supervise();
    check_change(daemon, before, "supervise");
    std::map<InstanceId, std::vector<ReplicaMeasure>> measured;
    for (ReplicaMeasure& one : edge_.measured()) measured[one.instance_id].push_back(one);
    for (auto& [id, replicas] : measured) push(daemon, TrafficMeasured{id, std::move(replicas)});
    if (const auto loads = edge_.load(); loads)
      for (const RouteLoad& load : *loads) {
        const Row* row = ledger_.row(load.instance_id);
        if (row != nullptr && (row->deploy.scaling.max_replicas > 0 || row->deploy.sleep.enabled))
          push(daemon, LoadSeen{load});
      }
  }
  after(daemon, Seconds(1), [this, &daemon] { look(daemon); });
}

// The engine's stream of events, in its order; some get lost.
void Storm::collect(Daemon& daemon) {
  for (const EngineEvent& event : daemon.driver->take_events()) {
    std::optional<Fact> fact;
    switch (event.kind) {
      case EngineEvent::Kind::container_changed:
        fact = ContainerSeen{*event.container};
        break;
      case EngineEvent::Kind::container_gone:
        fact = ContainerGone{*event.key, *event.instance_id, event.container_id};
        break;
      case EngineEvent::Kind::engine_lost:
        fact = EngineLost{};
        break;
      case EngineEvent::Kind::engine_back:
        fact = EngineBack{};
        break;
    }
    const bool container = event.kind == EngineEvent::Kind::container_changed ||
                           event.kind == EngineEvent::Kind::container_gone;
    if (container && lossy_ && dice_.percent(10)) continue;
    daemon.events_free = std::max(daemon.events_free, now_ + lag(Duration(3000), Seconds(2)));
    reply(daemon, daemon.events_free - now_, std::move(*fact));
  }
}

bool Storm::turn(Daemon& daemon) {
  collect(daemon);
  if (follow_clock(daemon.world, clock_.now())) {
    daemon.wakes.clear();
    daemon.leads_until = TimePoint();  // until it asks again
  }
  if (!daemon.inbox.empty()) {
    int batch = dice_.percent(70) ? 1 : 100;
    while (batch-- > 0 && !daemon.inbox.empty() && daemon.up) {
      auto entry = std::move(daemon.inbox.front());
      daemon.inbox.pop_front();
      take(daemon, entry);
    }
    if (daemon.up) plan_dirty(daemon);
    return true;
  }
  for (auto at = daemon.wakes.begin(); at != daemon.wakes.end();) {
    if (at->second <= clock_.now()) {
      daemon.world.dirty.insert(at->first);
      at = daemon.wakes.erase(at);
    } else {
      ++at;
    }
  }
  const bool blind = !daemon.world.adopted && daemon.world.engine_up;
  if (daemon.world.dirty.empty() || blind || !leads(daemon)) return false;
  plan_dirty(daemon);
  return true;
}

void Storm::take(Daemon& daemon, std::variant<Fact, InstanceId>& entry) {
  counted(daemon);
  if (const auto* id = std::get_if<InstanceId>(&entry)) {
    DesiredPtr desired = daemon.memory[*id];
    if (!desired && !daemon.world.instances.contains(*id)) return;
    entry = Fact(DesiredChanged{*id, std::move(desired)});
  }
  const Fact& fact = std::get<Fact>(entry);
  if (kept_lines > 0) tell(fmt::format("d{} hears {}", daemon.number, describe(fact)));
  if (const auto* seen = std::get_if<ContainerSeen>(&fact);
      seen != nullptr && seen->container.exit && seen->container.exit->code != 0)
    truth_[seen->container.key].crashed_at = seen->container.exit->at;
  if (std::holds_alternative<TookOver>(fact)) daemon.took_over = true;
  absorb(daemon.world, fact, clock_.now());
  if (std::holds_alternative<EngineBack>(fact) || std::holds_alternative<TookOver>(fact))
    list(daemon);
}

void Storm::plan_dirty(Daemon& daemon) {
  World& world = daemon.world;
  if ((!world.adopted && world.engine_up) || !leads(daemon)) return;
  std::set<InstanceId> dirty;
  dirty.swap(world.dirty);
  for (const InstanceId& id : dirty) {
    const auto found = world.instances.find(id);
    if (found == world.instances.end()) continue;
    daemon.wakes.erase(id);
    if (world.adopted && is_finished(found->second)) {
      world.instances.erase(found);
      continue;
    }
    const Plan planned = plan(world, found->second, clock_.now());
    for (const Action& action : planned.actions) {
      dispatched(world, action, clock_.now());
      execute(daemon, action);
    }
    if (planned.wake_at) daemon.wakes[id] = *planned.wake_at;
    if (planned.actions.empty()) continue;
    if (const Plan again = plan(world, found->second, clock_.now()); !again.actions.empty())
      broke("planning twice gives something new", gantry::describe(again.actions.front()));
    if (!ledger_.holds(daemon.number) && daemons_.size() == 2 && !ledger_.down &&
        ledger_.holds(1 - daemon.number))
      broke("a daemon without the lease acts", gantry::describe(planned.actions.front()));
  }
}

}  // namespace gantry::storm
