#include "api/document_draft.hpp"

namespace gantry::api {

Draft::Draft(const Place& place)
    : project_(*place.project), environment_(place.environment->environment.id) {
  project_.index = nullptr;
  for (const auto& [id, view] : project_.instances)
    if (view->instance.environment_id == environment_)
      instances_[service_of(project_, view->instance)->name.str()] = id;
}

const EnvironmentView& Draft::environment() const {
  return *project_.environments.at(environment_);
}

const InstanceView* Draft::instance(const std::string& service) const {
  const auto found = instances_.find(service);
  return found == instances_.end() ? nullptr : project_.instances.at(found->second).get();
}

void Draft::put(const Service& service) {
  project_.services[service.id] = std::make_shared<const Service>(service);
}

void Draft::put(const ServiceInstance& instance) {
  auto& slot = project_.instances[instance.id];
  auto view = slot ? std::make_shared<InstanceView>(*slot)
                   : std::make_shared<InstanceView>(
                         InstanceView{instance, std::make_shared<const Variables>(), {}});
  view->instance = instance;
  slot = std::move(view);
  instances_[service_of(project_, instance)->name.str()] = instance.id;
}

void Draft::put(const Volume& volume) {
  project_.volumes[volume.id] = std::make_shared<const Volume>(volume);
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
  std::erase_if(instances_, [&](const auto& item) { return item.second == id; });
  project_.instances.erase(id);
}

}  // namespace gantry::api
