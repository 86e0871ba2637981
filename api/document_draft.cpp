#include "api/document_draft.hpp"

#include <algorithm>

namespace gantry::api {
namespace {

bool is_mounted(const Volume& volume) { return !volume.deleted_at && !volume.instance_id.empty(); }

}  // namespace

Draft::Draft(const Place& place)
    : project_(*place.project),
      index_(project_.index ? std::make_shared<SnapshotIndex>(*project_.index)
                            : std::make_shared<SnapshotIndex>(project_)),
      environment_(place.environment->environment.id) {
  project_.index = index_;
  for (const auto& [id, view] : project_.instances)
    if (view->instance.environment_id == environment_)
      instances_[service_name(view->instance)] = id;
  for (const auto& [id, volume] : project_.volumes)
    if (volume->environment_id == environment_ && !volume->deleted_at)
      volumes_[volume->name.str()] = id;
}

const EnvironmentView& Draft::environment() const {
  return *project_.environments.at(environment_);
}

const std::string& Draft::service_name(const ServiceInstance& instance) const {
  return service_of(project_, instance)->name.str();
}

const Service* Draft::service(const std::string& name) const { return project_.service(name); }

const InstanceView* Draft::instance(const std::string& service) const {
  const auto found = instances_.find(service);
  return found == instances_.end() ? nullptr : project_.instances.at(found->second).get();
}

const Volume* Draft::volume(const std::string& name) const {
  const auto found = volumes_.find(name);
  return found == volumes_.end() ? nullptr : project_.volumes.at(found->second).get();
}

bool Draft::is_somewhere(const ServiceId& id) const {
  const auto found = index_->instances.find(std::string_view(id.str()));
  return found != index_->instances.end() && !found->second.empty();
}

void Draft::put(const Service& service) {
  project_.services[service.id] = std::make_shared<const Service>(service);
  index_->services.emplace(service.id.str(), service.id);
  index_->services.emplace(service.name.str(), service.id);
}

void Draft::put(const ServiceInstance& instance) {
  auto& slot = project_.instances[instance.id];
  if (!slot)
    index_->instances[instance.service_id.str()].emplace_back(instance.environment_id, instance.id);
  auto view = slot ? std::make_shared<InstanceView>(*slot)
                   : std::make_shared<InstanceView>(
                         InstanceView{instance, std::make_shared<const Variables>(), {}});
  view->instance = instance;
  slot = std::move(view);
  instances_[service_name(instance)] = instance.id;
}

void Draft::put(const Volume& volume) {
  auto& slot = project_.volumes[volume.id];
  if (slot && is_mounted(*slot)) std::erase(index_->mounted[slot->instance_id.str()], volume.id);
  if (is_mounted(volume)) index_->mounted[volume.instance_id.str()].push_back(volume.id);
  if (volume.deleted_at)
    volumes_.erase(volume.name.str());
  else if (volume.environment_id == environment_)
    volumes_[volume.name.str()] = volume.id;
  slot = std::make_shared<const Volume>(volume);
}

void Draft::put(const InstanceId& id, std::shared_ptr<const Variables> variables) {
  auto view = std::make_shared<InstanceView>(*project_.instances.at(id));
  view->variables = std::move(variables);
  project_.instances[id] = std::move(view);
}

void Draft::put(std::shared_ptr<const Variables> shared) {
  auto view = std::make_shared<EnvironmentView>(environment());
  view->shared = std::move(shared);
  project_.environments[environment_] = std::move(view);
}

void Draft::drop(const InstanceId& id) {
  const auto found = project_.instances.find(id);
  if (found == project_.instances.end()) return;
  const ServiceInstance& instance = found->second->instance;
  std::erase_if(index_->instances[instance.service_id.str()],
                [&](const auto& item) { return item.second == id; });
  instances_.erase(service_name(instance));
  project_.instances.erase(found);
}

}  // namespace gantry::api
