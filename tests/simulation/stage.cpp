#include "tests/simulation/stage.hpp"

#include <algorithm>

#include "proto/transitions.hpp"

namespace gantry::tests {
namespace {

const InstallationId kInstallation = *InstallationId::parse("gty_01jd8yq5x8c5v0m6r7k2n4t9wz");
const EnvironmentId kEnvironment = *EnvironmentId::parse("env_01jd8yq5x8c5v0m6r7k2n4t9wz");
constexpr Duration kResync = Seconds(30);

}  // namespace

Stage::Stage(StageOptions options)
    : engine(clock), options_(options), driver_(engine, kInstallation) {
  (void)edge.start();
  start_daemon();
}

// ---- people ----

InstanceId Stage::create_service(const std::string& name, DeploySettings deploy) {
  const InstanceId id = InstanceId::make(clock.now());
  Service& service = services_[id];
  service.desired.instance_id = id;
  service.desired.environment_id = kEnvironment;
  service.desired.service = name;
  if (deploy.port != 0 && deploy.exposed) {
    service.desired.hosts = {name + "-production.localhost"};
    service.desired.preview_host = name + "-production-preview.localhost";
  }
  service.desired.network = {kEnvironment, "gantry-test", "10.192.0.0/24"};
  Deployment settings;
  settings.settings.deploy = deploy;
  settings.status = DeploymentStatus::removed;
  service.deployments = {settings};  // carries the settings until the first deployment
  changed(id);
  return id;
}

DeploymentId Stage::deploy(const InstanceId& id, const std::string& image) {
  const auto& deploy = services_.at(id).deployments.back().settings.deploy;
  return add_deployment(
      id, {.image = *ImageRef::parse(image), .archive = {}, .from_template = {}},
      {.prepared = true, .image = image, .pre_deployed = deploy.pre_deploy_command.empty()});
}

DeploymentId Stage::deploy_source(const InstanceId& id, const std::string& archive) {
  return add_deployment(id, {.image = {}, .archive = archive, .from_template = {}}, {});
}

DeploymentId Stage::add_deployment(const InstanceId& id, const Source& source,
                                   BuildProgress progress) {
  Service& service = services_.at(id);
  for (Deployment& old : service.deployments)
    if (is_pending(old.status)) old.status = DeploymentStatus::removing;
  Deployment deployment;
  deployment.id = DeploymentId::make(clock.now());
  deployment.instance_id = id;
  deployment.settings = service.deployments.back().settings;
  deployment.settings.source = source;
  deployment.progress = std::move(progress);
  deployment.trigger = "deploy";
  deployment.created_at = deployment.updated_at = clock.now();
  service.deployments.push_back(deployment);
  changed(id);
  return deployment.id;
}

void Stage::scale(const InstanceId& id, int replicas) {
  for (Deployment& deployment : services_.at(id).deployments)
    deployment.settings.deploy.replicas = replicas;
  changed(id);
}

void Stage::restart(const InstanceId& id) {
  ++services_.at(id).desired.epoch;
  changed(id);
}

void Stage::remove(const DeploymentId& id) {
  for (auto& [instance, service] : services_)
    for (Deployment& deployment : service.deployments)
      if (deployment.id == id) {
        deployment.status = DeploymentStatus::removing;
        changed(instance);
      }
}

void Stage::order(const DeploymentId& id, RolloutOrder order) {
  for (auto& [instance, service] : services_)
    if (Deployment* deployment = find_deployment(instance, id)) {
      deployment->rollout.order = order;
      changed(instance);
    }
}

void Stage::erase(const InstanceId& id) {
  services_.at(id).erased = true;
  changed(id);
}

void Stage::give_host(const InstanceId& id, const std::string& host) {
  for (auto& [instance, service] : services_)
    if (std::erase(service.desired.hosts, host) > 0) changed(instance);
  services_.at(id).desired.hosts.push_back(host);
  changed(id);
}

void Stage::give_port(const InstanceId& id, const std::optional<TcpProxy>& proxy) {
  services_.at(id).desired.tcp_proxy = proxy;
  changed(id);
}

void Stage::changed(const InstanceId& id) { facts_.push_back(DesiredChanged{id, desired(id)}); }

DesiredPtr Stage::desired(const InstanceId& id) const {
  const Service& service = services_.at(id);
  if (service.erased) return nullptr;
  auto out = std::make_shared<Desired>(service.desired);
  for (auto at = service.deployments.rbegin(); at != service.deployments.rend(); ++at)
    if (!at->id.empty() && (is_live(at->status) || at->status == DeploymentStatus::removing ||
                            at == service.deployments.rbegin()))
      out->deployments.push_back(std::make_shared<Deployment>(*at));
  return out;
}

void Stage::add_image(const std::string& name, App app, SimImage image) {
  apps_[name] = app;
  engine.add_image(name, std::move(image));
}
void Stage::add_image(const std::string& name) {
  add_image(name, App(), {{8080}, {}, std::nullopt});
}

void Stage::add_archive(const std::string& digest) {
  SimArchive archive;
  archive.image.exposed = {8080};
  add_archive(digest, std::move(archive));
}

void Stage::add_archive(const std::string& digest, SimArchive archive) {
  builder.add_archive(digest, std::move(archive));
}

void Stage::set_sick(const ReplicaKey& key, bool sick) {
  if (sick)
    sick_.insert(key);
  else
    sick_.erase(key);
}

// ---- the daemon's life ----

void Stage::start_daemon() {
  const Policy policy = world.policy;
  world = World();
  world.policy = policy;
  facts_.clear();
  actions_.clear();
  drains_.clear();
  wakes_.clear();
  (void)driver_.take_events();
  (void)edge.start();
  for (const auto& [id, service] : services_)
    if (!service.erased) changed(id);
  for (const auto& [key, replica] : replicas_) facts_.push_back(ReplicaRemembered{replica});
  facts_.push_back(RoutesApplied{0, edge.table()});
  resync_at_ = clock.now();
}

void Stage::crash_now() { start_daemon(); }

void Stage::boundary() {
  if (crash_at_ && boundary_++ == *crash_at_) {
    crash_at_.reset();
    throw Crash();
  }
  if (!crash_at_) ++boundary_;
}

bool Stage::turn() {
  try {
    collect_events();
    if (!facts_.empty()) {
      const Fact fact = facts_.front();
      facts_.pop_front();
      absorb(world, fact, clock.now());
      return true;
    }
    if (!actions_.empty()) {
      const Action action = actions_.front();
      actions_.pop_front();
      perform(action);
      check();
      return true;
    }
    if ((options_.resync || !world.adopted) && clock.now() >= resync_at_) {
      if (auto listed = driver_.list(); listed) facts_.push_back(Listed{clock.now(), *listed});
      sweep_runs();
      resync_at_ = clock.now() + kResync;
      return true;
    }
    for (auto at = wakes_.begin(); at != wakes_.end();) {
      if (at->second <= clock.now()) {
        world.dirty.insert(at->first);
        at = wakes_.erase(at);
      } else {
        ++at;
      }
    }
    if (!world.dirty.empty()) {
      plan_all();
      return true;
    }
    const std::size_t before = facts_.size();
    poll_drains();
    return facts_.size() != before;
  } catch (const Crash&) {
    start_daemon();
    return true;
  }
}

void Stage::plan_all() {
  std::set<InstanceId> dirty;
  dirty.swap(world.dirty);
  if (!world.adopted && world.engine_up) return;
  for (const InstanceId& id : dirty) {
    const auto found = world.instances.find(id);
    if (found == world.instances.end()) continue;
    if (world.adopted && is_finished(found->second)) {
      world.instances.erase(found);
      continue;
    }
    Plan planned = plan(world, found->second, clock.now());
    for (const Action& action : planned.actions) {
      dispatched(world, action, clock.now());
      actions_.push_back(action);
    }
    // Planning twice on the same facts gives nothing new.
    if (const Plan again = plan(world, found->second, clock.now()); !again.actions.empty())
      violations.push_back("planned twice: " + describe(again.actions.front()));
    wakes_.erase(id);
    if (planned.wake_at) wakes_[id] = *planned.wake_at;
  }
}

std::optional<TimePoint> Stage::next_time() const {
  std::optional<TimePoint> at;
  const auto consider = [&](TimePoint one) {
    if (!at || one < *at) at = one;
  };
  for (const auto& [id, wake] : wakes_) consider(wake);
  if (options_.resync || !world.adopted) consider(resync_at_);
  if (!drains_.empty()) consider(clock.now() + std::chrono::milliseconds(25));
  return at;
}

void Stage::run_for(Duration span) {
  const TimePoint end = clock.now() + span;
  for (;;) {
    while (turn()) {
    }
    const auto next = next_time();
    if (!next || *next > end) break;
    clock.set(std::max(*next, clock.now() + Duration(1)));
  }
  clock.set(end);
}

bool Stage::settle(Duration limit) {
  const TimePoint end = clock.now() + limit;
  std::string before;
  int same = 0;
  while (clock.now() < end) {
    run_for(Seconds(15));
    const std::string now = picture();
    same = now == before && drains_.empty() ? same + 1 : 0;
    if (same >= 3) return true;
    before = now;
  }
  return false;
}

// ---- seeing ----

DeploymentStatus Stage::status(const DeploymentId& id) const {
  for (const auto& [instance, service] : services_)
    for (const Deployment& deployment : service.deployments)
      if (deployment.id == id) return deployment.status;
  return DeploymentStatus::removed;
}

std::string Stage::reason(const DeploymentId& id) const {
  for (const auto& [instance, service] : services_)
    for (const Deployment& deployment : service.deployments)
      if (deployment.id == id) return deployment.reason;
  return "";
}

std::vector<ReplicaKey> Stage::running() const {
  std::vector<ReplicaKey> out;
  for (const Container& container : engine.all())
    if (container.state == ContainerState::running) out.push_back(container.key);
  std::sort(out.begin(), out.end());
  return out;
}

std::string Stage::host(const InstanceId& id) const {
  return services_.at(id).desired.service + "-production.localhost";
}

std::vector<ReplicaKey> Stage::receivers(const InstanceId& id) const {
  return edge.receivers(host(id));
}

double Stage::share(const InstanceId& id, const DeploymentId& deployment) const {
  double own = 0, all = 0;
  for (const Route& route : edge.table())
    for (const RouteBackend& backend : route.backends)
      if (route.instance_id == id && !backend.draining) {
        all += backend.weight;
        if (backend.key.deployment_id == deployment) own += backend.weight;
      }
  return all == 0 ? 0 : own / all;
}

std::optional<DeploymentId> Stage::previewed(const InstanceId& id) const {
  for (const Route& route : edge.table())
    for (const Preview& preview : route.previews)
      if (route.instance_id == id && !preview.keys.empty())
        return preview.keys.front().deployment_id;
  return std::nullopt;
}

std::string Stage::picture() const {
  std::string out;
  std::map<DeploymentId, int> number;  // ids differ from run to run, their order does not
  for (const auto& [id, service] : services_) {
    for (const Deployment& deployment : service.deployments) {
      if (deployment.id.empty()) continue;
      number[deployment.id] = static_cast<int>(number.size());
      out += "d" + std::to_string(number[deployment.id]) + "=" +
             std::string(name(deployment.status)) + " ";
    }
  }
  const auto label = [&](const ReplicaKey& key) {
    return "d" + std::to_string(number[key.deployment_id]) + "/" + std::to_string(key.epoch) + "/" +
           std::to_string(key.ordinal);
  };
  std::vector<std::string> lines;
  for (const Container& container : engine.all())
    lines.push_back("has " + label(container.key) +
                    (container.state == ContainerState::running ? " up" : " down"));
  for (const auto& [id, service] : services_) {
    if (edge.knows_host(host(id))) lines.push_back("host " + service.desired.service);
    for (const ReplicaKey& key : receivers(id)) lines.push_back("serves " + label(key));
  }
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) out += "; " + line;
  return out;
}

}  // namespace gantry::tests
