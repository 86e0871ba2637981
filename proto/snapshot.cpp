#include "proto/snapshot.hpp"

#include <algorithm>

namespace gantry {
namespace {

// The part that an index names; null when there is none.
template <class Parts, class Index>
auto part_of(const Parts& parts, const Index& index, std::string_view text)
    -> decltype(parts.begin()->second.get()) {
  const auto known = index.find(text);
  if (known == index.end()) return nullptr;
  const auto found = parts.find(known->second);
  return found == parts.end() ? nullptr : found->second.get();
}

}  // namespace

SnapshotIndex::SnapshotIndex(const ProjectSnapshot& project) {
  for (const auto& [id, view] : project.environments) {
    if (view->environment.deleted_at) continue;
    environments.emplace(id.str(), id);
    environments.emplace(view->environment.name.str(), id);
  }
  services.reserve(2 * project.services.size());
  for (const auto& [id, service] : project.services) {
    services.emplace(id.str(), id);
    services.emplace(service->name.str(), id);
  }
  instances.reserve(project.services.size());
  for (const auto& [id, view] : project.instances)
    instances[view->instance.service_id.str()].emplace_back(view->instance.environment_id, id);
  for (const auto& [id, volume] : project.volumes)
    if (!volume->deleted_at) mounted[volume->instance_id.str()].push_back(id);
}

const EnvironmentView* ProjectSnapshot::environment(std::string_view id_or_name) const {
  if (index) return part_of(environments, index->environments, id_or_name);
  for (const auto& [id, view] : environments)
    if (!view->environment.deleted_at &&
        (id.str() == id_or_name || view->environment.name.str() == id_or_name))
      return view.get();
  return nullptr;
}

const Service* ProjectSnapshot::service(std::string_view id_or_name) const {
  if (index) return part_of(services, index->services, id_or_name);
  for (const auto& [id, found] : services)
    if (id.str() == id_or_name || found->name.str() == id_or_name) return found.get();
  return nullptr;
}

const InstanceView* ProjectSnapshot::instance(const ServiceId& service_id,
                                              const EnvironmentId& environment_id) const {
  if (index) {
    const auto known = index->instances.find(std::string_view(service_id.str()));
    if (known == index->instances.end()) return nullptr;
    for (const auto& [environment, id] : known->second)
      if (environment == environment_id)
        if (const auto found = instances.find(id); found != instances.end())
          return found->second.get();
    return nullptr;
  }
  for (const auto& [id, view] : instances)
    if (view->instance.service_id == service_id && view->instance.environment_id == environment_id)
      return view.get();
  return nullptr;
}

const Volume* ProjectSnapshot::volume(const EnvironmentId& environment_id,
                                      std::string_view id_or_name) const {
  for (const auto& [id, found] : volumes) {
    if (found->environment_id != environment_id) continue;
    if (id.str() == id_or_name || (!found->deleted_at && found->name.str() == id_or_name))
      return found.get();
  }
  return nullptr;
}

std::vector<const Volume*> ProjectSnapshot::volumes_of(const InstanceId& instance_id) const {
  std::vector<const Volume*> mounted;
  if (index) {
    const auto known = index->mounted.find(std::string_view(instance_id.str()));
    if (known == index->mounted.end()) return mounted;
    for (const VolumeId& id : known->second)
      if (const auto found = volumes.find(id); found != volumes.end())
        mounted.push_back(found->second.get());
  } else {
    for (const auto& [id, found] : volumes)
      if (found->instance_id == instance_id && !found->deleted_at) mounted.push_back(found.get());
  }
  std::sort(mounted.begin(), mounted.end(),
            [](const Volume* a, const Volume* b) { return a->mount_path < b->mount_path; });
  return mounted;
}

ProjectPtr within(const ProjectSnapshot& project, const EnvironmentId& environment_id) {
  const auto environment = project.environments.find(environment_id);
  if (environment == project.environments.end() || environment->second->environment.deleted_at)
    return nullptr;
  const std::scoped_lock lock(project.views.mutex_);
  auto& made = project.views.views_[environment_id];
  if (made) return made;
  auto view = std::make_shared<ProjectSnapshot>();
  view->project = project.project;
  view->environments.insert(*environment);
  view->services = project.services;
  for (const auto& instance : project.instances)
    if (instance.second->instance.environment_id == environment_id)
      view->instances.insert(instance);
  for (const auto& volume : project.volumes)
    if (volume.second->environment_id == environment_id) view->volumes.insert(volume);
  view->index = std::make_shared<const SnapshotIndex>(*view);
  made = std::move(view);
  return made;
}

}  // namespace gantry
