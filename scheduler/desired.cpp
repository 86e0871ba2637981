#include "scheduler/desired.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "proto/command.hpp"

namespace gantry {
namespace {

constexpr Seconds kPreDeployDeadline(1800);

}  // namespace

std::string subnet(const std::string& range, int index) {
  std::uint32_t octets[4] = {10, 192, 0, 0};
  const char* at = range.data();
  const char* end = at + range.size();
  for (auto& octet : octets) {
    at = std::from_chars(at, end, octet).ptr;
    if (at != end) ++at;
  }
  const std::uint32_t base = (octets[0] << 24) | (octets[1] << 16) | (octets[2] << 8);
  const std::uint32_t net = base + (static_cast<std::uint32_t>(index) << 8);
  return std::to_string(net >> 24) + "." + std::to_string((net >> 16) & 255) + "." +
         std::to_string((net >> 8) & 255) + ".0/24";
}

namespace {

// What has a schedule runs at its ticks and not all the time.
bool is_scheduled(const DeploySettings& deploy) { return !deploy.cron.schedule.empty(); }

bool takes_requests(const DeploySettings& deploy) {
  return deploy.exposed && deploy.port != 0 && !is_scheduled(deploy);
}

// An instance has an address when something that runs, or is to run, may listen. What is deployed
// decides; settings that no deployment has taken up yet do not.
bool has_address(const InstanceView& view) {
  bool any_live = false;
  for (const auto& deployment : view.deployments) {
    if (!is_live(deployment->status)) continue;
    any_live = true;
    if (takes_requests(deployment->settings.deploy)) return true;
  }
  return !any_live && takes_requests(view.instance.settings.deploy);
}

bool waits_to_be_prepared(const InstanceView& view) {
  if (view.deployments.empty()) return false;
  const Deployment& newest = *view.deployments.front();
  return is_live(newest.status) && !newest.progress.prepared;
}

std::vector<Neighbour> neighbours_of(const ProjectSnapshot& project, const InstanceView& view) {
  std::vector<Neighbour> neighbours;
  for (const auto& [id, other] : project.instances) {
    const bool here = other->instance.environment_id == view.instance.environment_id;
    if (!here || id == view.instance.id || other->deployments.empty()) continue;
    const Deployment& newest = *other->deployments.front();
    const auto service = project.services.find(other->instance.service_id);
    if (newest.settings.source.archive.empty() || service == project.services.end()) continue;
    neighbours.push_back({.service = service->second->name.str(),
                          .archive = newest.settings.source.archive,
                          .build = other->instance.settings.build});
  }
  return neighbours;
}

void mount_volumes(const ProjectSnapshot& project, Desired& desired) {
  for (const Volume* volume : project.volumes_of(desired.instance_id)) {
    if (desired.volume.empty()) desired.volume = volume->name.str();
    desired.mounts.push_back({volume->id, volume->mount_path, volume->made});
  }
}

// What mounts a volume has one replica, and the one before it stops first: two writers would
// destroy the data.
std::vector<std::shared_ptr<const Deployment>> one_writer(
    const std::vector<std::shared_ptr<const Deployment>>& deployments) {
  std::vector<std::shared_ptr<const Deployment>> single;
  for (const auto& deployment : deployments) {
    auto copy = std::make_shared<Deployment>(*deployment);
    DeploySettings& deploy = copy->settings.deploy;
    deploy.rollout.strategy = Strategy::recreate;
    deploy.replicas = std::min(deploy.replicas, 1);
    deploy.scaling.max_replicas = std::min(deploy.scaling.max_replicas, 1);
    single.push_back(std::move(copy));
  }
  return single;
}

// A version with a schedule has no replicas: nothing of it starts, is probed or takes over.
std::vector<std::shared_ptr<const Deployment>> without_scheduled(
    const std::vector<std::shared_ptr<const Deployment>>& deployments) {
  std::vector<std::shared_ptr<const Deployment>> all;
  for (const auto& deployment : deployments) {
    all.push_back(deployment);
    if (!is_scheduled(deployment->settings.deploy)) continue;
    auto copy = std::make_shared<Deployment>(*deployment);
    DeploySettings& deploy = copy->settings.deploy;
    deploy.replicas = 0;
    deploy.rollout = {};
    deploy.scaling = {};
    deploy.sleep = {};
    all.back() = std::move(copy);
  }
  return all;
}

}  // namespace

DesiredPtr desired_of(const ProjectSnapshot& project, const InstanceId& id,
                      const DesiredOptions& options) {
  const auto found = project.instances.find(id);
  if (found == project.instances.end()) return nullptr;
  const InstanceView& view = *found->second;
  const auto service = project.services.find(view.instance.service_id);
  const auto environment = project.environments.find(view.instance.environment_id);
  if (service == project.services.end() || environment == project.environments.end() ||
      environment->second->environment.deleted_at)
    return nullptr;

  auto desired = std::make_shared<Desired>();
  desired->instance_id = id;
  desired->service_id = view.instance.service_id;
  desired->environment_id = view.instance.environment_id;
  desired->project_id = project.project.id;
  desired->service = service->second->name.str();
  desired->environment = environment->second->environment.name.str();
  if (has_address(view)) {
    desired->hosts.push_back(view.instance.host_label + "." + options.base_domain);
    desired->hosts.insert(desired->hosts.end(), view.instance.domains.begin(),
                          view.instance.domains.end());
    desired->preview_host = preview_host(view.instance.host_label, options.base_domain);
    desired->split = view.instance.split;
  }
  desired->epoch = view.instance.restart_epoch;
  desired->network = {view.instance.environment_id,
                      network_name(options.installation, view.instance.environment_id),
                      subnet(options.network_range, environment->second->environment.subnet_index)};
  mount_volumes(project, *desired);
  desired->deployments =
      without_scheduled(desired->mounts.empty() ? view.deployments : one_writer(view.deployments));
  if (waits_to_be_prepared(view)) desired->neighbours = neighbours_of(project, view);
  return desired;
}

PortMode port_mode(const Deployment& deployment, int& port) {
  port = 8080;
  if (deployment.settings.deploy.port) {
    port = *deployment.settings.deploy.port;
    return port == 0 ? PortMode::none : PortMode::fixed;
  }
  if (const auto variable = deployment.variables.find("PORT");
      variable != deployment.variables.end()) {
    const std::string& text = variable->second;
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && value > 0 && value < 65536) {
      port = value;
      return PortMode::fixed;
    }
  }
  return PortMode::automatic;
}

namespace {

// As it is now, not when it was deployed.
void name_volume(const Desired& desired, const std::vector<Mount>& mounts,
                 ResolvedVariables& variables) {
  for (const char* prefix : {"RAILWAY_", "GANTRY_"}) {
    variables.erase(prefix + std::string("VOLUME_NAME"));
    variables.erase(prefix + std::string("VOLUME_MOUNT_PATH"));
    if (mounts.empty()) continue;
    variables[prefix + std::string("VOLUME_NAME")] = desired.volume;
    variables[prefix + std::string("VOLUME_MOUNT_PATH")] = mounts.front().path;
  }
}

}  // namespace

ContainerSpec container_spec(const Desired& desired, const Deployment& deployment,
                             const ReplicaKey& key) {
  ContainerSpec spec;
  spec.key = key;
  spec.instance_id = desired.instance_id;
  spec.environment_id = desired.environment_id;
  spec.service = desired.service;
  spec.image = deployment.progress.image;
  const DeploySettings& deploy = deployment.settings.deploy;
  spec.command = deploy.start_command;
  spec.variables = deployment.variables;
  spec.variables["RAILWAY_REPLICA_ID"] = key.id();
  spec.variables["GANTRY_REPLICA_ID"] = key.id();
  name_volume(desired, desired.mounts, spec.variables);
  spec.cpu_millicores = deploy.cpu_millicores;
  spec.memory_bytes = deploy.memory_bytes;
  spec.pids_limit = deploy.pids_limit;
  spec.port_mode = port_mode(deployment, spec.port);
  // Who names a health check says that something answers there: silence is no success.
  spec.listens = deploy.healthcheck_path.has_value() || !deploy.healthcheck_command.empty();
  spec.network = desired.network;
  spec.mounts = desired.mounts;
  return spec;
}

JobSpec job_spec(const Desired& desired, const Deployment& deployment, const JobRun& run) {
  const DeploySettings& deploy = deployment.settings.deploy;
  JobSpec spec{.run_id = run.id,
               .instance_id = desired.instance_id,
               .environment_id = desired.environment_id,
               .image = deployment.progress.image,
               .command = run.command.empty() ? deploy.start_command : run.command,
               .variables = deployment.variables,
               .cpu_millicores = deploy.cpu_millicores,
               .memory_bytes = deploy.memory_bytes,
               .pids_limit = deploy.pids_limit,
               .network = desired.network};
  if (run.alone) spec.mounts = desired.mounts;
  name_volume(desired, spec.mounts, spec.variables);
  for (const auto& [name, value] : run.variables) spec.variables[name] = value;
  spec.variables["RAILWAY_REPLICA_ID"] = run.id.str();
  spec.variables["GANTRY_RUN_ID"] = run.id.str();
  if (run.tick) spec.variables["GANTRY_RUN_TICK"] = format_time(*run.tick);
  return spec;
}

RunSpec run_spec(const Desired& desired, const Deployment& deployment) {
  const DeploySettings& deploy = deployment.settings.deploy;
  std::string all;
  for (const std::string& command : deploy.pre_deploy_command)
    all += (all.empty() ? "" : " && ") + command;
  auto argv = command_argv(all);
  return {
      .deployment_id = deployment.id,
      .instance_id = desired.instance_id,
      .environment_id = desired.environment_id,
      .image = deployment.progress.image,
      .command = argv ? *std::move(argv) : std::vector{all},  // each was checked when it was set
      .variables = deployment.variables,
      .cpu_millicores = deploy.cpu_millicores,
      .memory_bytes = deploy.memory_bytes,
      .pids_limit = deploy.pids_limit,
      .network = desired.network,
      .deadline = kPreDeployDeadline};
}

}  // namespace gantry
