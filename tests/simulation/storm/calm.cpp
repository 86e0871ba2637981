// What must be true when nothing has gone wrong for long enough.
#include <algorithm>

#include <fmt/format.h>

#include "tests/simulation/storm/storm.hpp"

namespace gantry::storm {

std::string Storm::picture() const {
  std::string out;
  for (const auto& [id, row] : ledger_.rows) {
    for (const Deployment& one : row.deployments)
      out +=
          fmt::format("{}{}x{} ", row.base.service, name(one.status), one.settings.deploy.replicas);
    for (const ReplicaKey& key : rotation(id)) out += key.id();
  }
  for (const Container& one : engine_.all())
    out += fmt::format(" {}:{}", one.key.id(), static_cast<int>(one.state));
  return out;
}

// It was to go, but the version before it does not come up: better that than nobody.
bool Storm::serves_on(const Row& row, const Deployment& one) const {
  if (one.status != DeploymentStatus::removing && one.status != DeploymentStatus::failed)
    return false;
  for (const ReplicaKey& key : rotation(row.base.instance_id))
    if (key.deployment_id == one.id) return row.active() != nullptr;
  return false;
}

void Storm::check_deployments(const Row& row) {
  for (const Deployment& one : row.deployments) {
    if (serves_on(row, one)) continue;
    if (!is_terminal(one.status) && !has_served(one.status))
      broke("an operation does not end",
            fmt::format("{} is {}: {}", one.id.str(), name(one.status), one.reason));
    const App app = app_of(one);
    const bool judged = one.settings.deploy.rollout.strategy == Strategy::canary &&
                        one.settings.deploy.rollout.judge && !row.alone.contains(one.id) &&
                        !row.ordered.contains(one.id) && !row.plain();
    if (judged && (app == App::failing || app == App::slow) && has_served(one.status) &&
        !row.as_bad.contains(one.id))
      broke("a bad canary serves", one.id.str());
  }
  const auto serving = std::count_if(row.deployments.begin(), row.deployments.end(),
                                     [](const Deployment& one) { return has_served(one.status); });
  if (serving > 1) broke("two versions stay", row.base.service);
}

void Storm::check_serving(const Row& row) {
  const InstanceId& id = row.base.instance_id;
  for (const std::string& host : row.base.hosts) {
    const auto owner = edge_.live().hosts().find(host);
    if (owner == edge_.live().hosts().end() || owner->second != id)
      broke("a host is not where it belongs", host);
  }
  const Deployment* active = row.active();
  if (active == nullptr) return;
  for (const Deployment& one : row.deployments)
    if (serves_on(row, one)) return;
  const auto keys = rotation(id);
  const auto all = containers();
  for (int ordinal = 0; ordinal < active->settings.deploy.replicas; ++ordinal) {
    const ReplicaKey key{active->id, row.base.epoch, ordinal};
    const auto told = ledger_.replicas.find(key);
    const bool ended =
        told != ledger_.replicas.end() && (told->second.status == ReplicaStatus::crashed ||
                                           told->second.status == ReplicaStatus::exited);
    const auto container = all.find(key);
    const bool runs = container != all.end() && container->second.state == ContainerState::running;
    if (!ended && over(row) == 0 && (!runs || (!row.plain() && !keys.contains(key))))
      broke("a replica is missing", fmt::format("{} runs={}", key.id(), runs));
  }
  for (const ReplicaKey& key : keys)
    if ((key.deployment_id != active->id || key.epoch != row.base.epoch) && over(row) == 0)
      broke("somebody else serves", key.id());
  const auto route = edge_.live().routes().find(id);
  if (route == edge_.live().routes().end()) return;
  if (row.base.split && edge_.live().routes().contains(row.base.split->to) &&
      is_serving(edge_.live().routes().at(row.base.split->to).route) !=
          (route->second.split_slot != 0))
    broke("a split is not in force", row.base.service);
  if (row.load > 0 && edge_.held(id) > 0 && over(row) == 0)
    broke("requests are held for ever", row.base.service);
}

void Storm::check_containers() {
  for (const auto& [key, container] : containers()) {
    const Row* row = ledger_.row(container.instance_id);
    const Deployment* deployment = ledger_.deployment(key.deployment_id);
    const bool known = row != nullptr && !row->erased && deployment != nullptr &&
                       (is_live(deployment->status) || serves_on(*row, *deployment)) &&
                       key.epoch == row->base.epoch &&
                       key.ordinal < deployment->settings.deploy.replicas;
    if (row != nullptr && over(*row) > 0) continue;
    if (row != nullptr && std::any_of(row->deployments.begin(), row->deployments.end(),
                                      [&](const Deployment& one) { return serves_on(*row, one); }))
      continue;
    const bool asleep = known && deployment->status == DeploymentStatus::sleeping;
    if (!known || asleep) broke("an orphan stays", key.id());
  }
  if (!engine_.has_foreign("somebody-else")) broke("a foreign container was touched", "");
}

void Storm::check_calm() {
  for (const auto& [id, row] : ledger_.rows) {
    if (row.erased) continue;
    check_deployments(row);
    check_serving(row);
  }
  for (const auto& [host, owner] : edge_.live().hosts())
    if (const Row* row = ledger_.row(owner); row == nullptr || row->erased)
      broke("a host of nobody is routed", host);
  check_containers();
  check_volumes_calm();
  for (const Daemon& daemon : daemons_) {
    if (!daemon.up || !ledger_.holds(daemon.number)) continue;
    for (const auto& [id, instance] : daemon.world.instances)
      for (const Action& action : plan(daemon.world, instance, clock_.now()).actions)
        if (!std::holds_alternative<Probe>(action))
          broke("there is still something to do", gantry::describe(action));
  }
}

}  // namespace gantry::storm
