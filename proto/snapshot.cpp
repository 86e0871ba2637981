#include "proto/snapshot.hpp"

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
}

const EnvironmentView* ProjectSnapshot::environment(std::string_view id_or_name) const {
  if (index) return part_of(environments, index->environments, id_or_name);
  for (const auto& [id, view] : environments)
    if (id.str() == id_or_name || view->environment.name.str() == id_or_name) return view.get();
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

ProjectPtr within(const ProjectSnapshot& project, const EnvironmentId& environment_id) {
  const auto environment = project.environments.find(environment_id);
  if (environment == project.environments.end()) return nullptr;
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
  view->index = std::make_shared<const SnapshotIndex>(*view);
  made = std::move(view);
  return made;
}

}  // namespace gantry
