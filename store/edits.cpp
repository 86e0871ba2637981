#include "store/edits.hpp"

#include <algorithm>

namespace gantry::edits {
namespace {

template <class F>
void change_variables(ProjectSnapshot& project, const std::string& owner_id, F&& change) {
  if (const auto id = InstanceId::parse(owner_id)) {
    const auto found = project.instances.find(*id);
    if (found == project.instances.end()) return;
    auto view = std::make_shared<InstanceView>(*found->second);
    auto variables = std::make_shared<Variables>(*view->variables);
    change(*variables);
    view->variables = std::move(variables);
    found->second = std::move(view);
  } else if (const auto environment_id = EnvironmentId::parse(owner_id)) {
    const auto found = project.environments.find(*environment_id);
    if (found == project.environments.end()) return;
    auto view = std::make_shared<EnvironmentView>(*found->second);
    auto variables = std::make_shared<Variables>(*view->shared);
    change(*variables);
    view->shared = std::move(variables);
    found->second = std::move(view);
  }
}

}  // namespace

void put_environment(ProjectSnapshot& project, const Environment& environment) {
  auto& slot = project.environments[environment.id];
  project.index.reset();
  auto shared = slot ? slot->shared : std::make_shared<const Variables>();
  slot = std::make_shared<const EnvironmentView>(EnvironmentView{environment, std::move(shared)});
}

void drop_environment(ProjectSnapshot& project, const EnvironmentId& id) {
  project.index.reset();
  project.environments.erase(id);
  std::erase_if(project.instances,
                [&](const auto& item) { return item.second->instance.environment_id == id; });
}

void put_service(ProjectSnapshot& project, const Service& service) {
  project.index.reset();
  project.services[service.id] = std::make_shared<const Service>(service);
}

void drop_service(ProjectSnapshot& project, const ServiceId& id) {
  project.index.reset();
  project.services.erase(id);
  std::erase_if(project.instances,
                [&](const auto& item) { return item.second->instance.service_id == id; });
}

void put_instance(ProjectSnapshot& project, const ServiceInstance& instance) {
  if (!project.services.contains(instance.service_id) ||
      !project.environments.contains(instance.environment_id))
    return;
  auto& slot = project.instances[instance.id];
  if (!slot) project.index.reset();
  auto view = slot ? std::make_shared<InstanceView>(*slot)
                   : std::make_shared<InstanceView>(
                         InstanceView{instance, std::make_shared<const Variables>(), {}});
  view->instance = instance;
  slot = std::move(view);
}

void drop_instance(ProjectSnapshot& project, const InstanceId& id) {
  project.index.reset();
  project.instances.erase(id);
}

void put_deployment(ProjectSnapshot& project, const Deployment& deployment) {
  const auto found = project.instances.find(deployment.instance_id);
  if (found == project.instances.end()) return;
  auto view = std::make_shared<InstanceView>(*found->second);
  auto& list = view->deployments;
  std::erase_if(list, [&](const auto& old) { return old->id == deployment.id; });
  const auto place = std::find_if(list.begin(), list.end(),
                                  [&](const auto& old) { return old->id < deployment.id; });
  list.insert(place, std::make_shared<const Deployment>(deployment));
  const DeploymentId newest = list.front()->id;
  std::erase_if(list,
                [&](const auto& old) { return is_terminal(old->status) && old->id != newest; });
  found->second = std::move(view);
}

void put_volume(ProjectSnapshot& project, const Volume& volume) {
  auto& slot = project.volumes[volume.id];
  if (!slot || slot->instance_id != volume.instance_id || slot->deleted_at != volume.deleted_at)
    project.index.reset();
  slot = std::make_shared<const Volume>(volume);
}

void drop_volume(ProjectSnapshot& project, const VolumeId& id) {
  project.index.reset();
  project.volumes.erase(id);
}

void put_variable(ProjectSnapshot& project, const std::string& owner_id, const Variable& variable) {
  change_variables(project, owner_id,
                   [&](Variables& variables) { variables[variable.name] = variable; });
}

void drop_variable(ProjectSnapshot& project, const std::string& owner_id, const std::string& name) {
  change_variables(project, owner_id, [&](Variables& variables) { variables.erase(name); });
}

}  // namespace gantry::edits
