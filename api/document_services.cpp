// Services of a plan: made, set otherwise, removed.
#include <algorithm>

#include "api/document_writing.hpp"

namespace gantry::api {
namespace {

Result<> add(PlanWriting& w, const std::string& name, const DocumentService& service) {
  const Service* owner = w.draft.service(name);
  if (owner == nullptr) {
    const auto made = w.transaction.create_service(w.place.project->project.id, *Name::parse(name));
    if (!made) return made.error();
    w.draft.put(*made);
    owner = w.draft.service(name);
  }
  const auto settings = settings_of(service.settings, service.from_template, "/services/" + name);
  if (!settings) return settings.error();
  const auto instance = w.transaction.create_instance(owner->id, w.environment(), *settings);
  if (!instance) return instance.error();
  w.wrote(*instance);
  return done();
}

Result<> change(PlanWriting& w, const std::string& name, const DocumentService& service) {
  auto settings = settings_of(service.settings, service.from_template, "/services/" + name);
  if (!settings) return settings.error();
  const ServiceInstance& there = w.draft.at(name);
  const Settings& old = there.settings;
  Source source = old.source;
  source.commit.clear();
  if (source == settings->source) settings->source.commit = old.source.commit;
  const ScalingSettings& scaling = settings->deploy.scaling;
  if (scaling.max_replicas > 0)
    settings->deploy.replicas =
        std::clamp(old.deploy.replicas, scaling.min_replicas, scaling.max_replicas);
  const auto changed = w.transaction.update_settings(there.id, *settings, w.seen(there));
  if (!changed) return placed(changed.error(), "/services/" + name);
  w.wrote(*changed);
  return done();
}

Result<> remove(PlanWriting& w, const ServiceInstance& there) {
  GANTRY_TRY(w.transaction.delete_instance(there.id, w.seen(there)));
  w.draft.drop(there.id);
  return w.draft.is_somewhere(there.service_id)
             ? done()
             : w.transaction.delete_service(there.service_id, {});
}

}  // namespace

Result<> add_services(PlanWriting& w) {
  for (const auto& [name, service] : w.plan.wanted.services) {
    if (!w.plan.current.services.contains(name))
      GANTRY_TRY(add(w, name, service));
    else if (w.draft.instance(name) == nullptr)
      return gone();
  }
  return done();
}

Result<> change_settings(PlanWriting& w) {
  for (const auto& [name, service] : w.plan.wanted.services) {
    const DocumentService& was = w.before(name);
    const bool same =
        was.settings == service.settings && was.from_template == service.from_template;
    if (w.plan.current.services.contains(name) && !same) GANTRY_TRY(change(w, name, service));
  }
  return done();
}

Result<> remove_services(PlanWriting& w) {
  std::set<InstanceId> going;
  for (const auto& [name, service] : w.plan.current.services)
    if (!w.plan.wanted.services.contains(name)) going.insert(w.draft.at(name).id);
  if (going.empty()) return done();
  for (const auto& [id, view] : w.draft.project().instances)  // the store ends their share of it
    if (view->instance.split && going.contains(view->instance.split->to)) w.written.insert(id);
  for (const auto& [name, service] : w.plan.current.services)
    if (!w.plan.wanted.services.contains(name)) {
      const ServiceInstance there = w.draft.at(name);
      GANTRY_TRY(remove(w, there));
    }
  return done();
}

}  // namespace gantry::api
