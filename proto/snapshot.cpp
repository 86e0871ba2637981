#include "proto/snapshot.hpp"

namespace gantry {

const EnvironmentView* ProjectSnapshot::environment(std::string_view id_or_name) const {
  for (const auto& [id, view] : environments)
    if (id.str() == id_or_name || view->environment.name.str() == id_or_name) return view.get();
  return nullptr;
}

const Service* ProjectSnapshot::service(std::string_view id_or_name) const {
  for (const auto& [id, found] : services)
    if (id.str() == id_or_name || found->name.str() == id_or_name) return found.get();
  return nullptr;
}

const InstanceView* ProjectSnapshot::instance(const ServiceId& service_id,
                                              const EnvironmentId& environment_id) const {
  for (const auto& [id, view] : instances)
    if (view->instance.service_id == service_id && view->instance.environment_id == environment_id)
      return view.get();
  return nullptr;
}

}  // namespace gantry
