#include "api/document_apply.hpp"

#include <algorithm>

#include "api/deploying.hpp"
#include "api/document_draft.hpp"
#include "api/template_services.hpp"
#include "proto/variables.hpp"

namespace gantry::api {
namespace {

std::map<std::string, DocumentVolume> all_volumes(const Document& document,
                                                  std::map<std::string, std::string>& owners) {
  std::map<std::string, DocumentVolume> all = document.volumes;
  for (const auto& [service, one] : document.services)
    for (const auto& [name, volume] : one.volumes) {
      all[name] = volume;
      owners[name] = service;
    }
  return all;
}

// An error of a verb, told where in the document it comes from.
Error placed(Error error, const std::string& pointer) {
  error.fields = {{pointer, error.reason, error.detail}};
  return error;
}

class Application {
 public:
  Application(const Context& context, Transaction& transaction, const Place& place,
              const DocumentPlan& plan)
      : context_(context),
        transaction_(transaction),
        place_(place),
        plan_(plan),
        draft_(place),
        was_volumes_(all_volumes(plan.current, was_owners_)),
        is_volumes_(all_volumes(plan.wanted, is_owners_)) {}

  // In this order: what is in the way of something else goes first.
  Result<Applied> run() {
    GANTRY_TRY(leave_volumes());
    for (const auto& [name, service] : plan_.wanted.services) GANTRY_TRY(make(name, service));
    for (const auto& [name, service] : plan_.wanted.services) GANTRY_TRY(settle(name, service));
    GANTRY_TRY(mount_volumes());
    GANTRY_TRY(set_shared());
    for (const auto& [name, service] : plan_.wanted.services)
      GANTRY_TRY(set_variables(name, service));
    GANTRY_TRY(set_domains());
    GANTRY_TRY(set_ports());
    GANTRY_TRY(set_splits());
    for (const auto& [name, service] : plan_.current.services)
      if (!plan_.wanted.services.contains(name)) GANTRY_TRY(remove(name));
    GANTRY_TRY(check_variables());
    for (const std::string& name : plan_.deploys) GANTRY_TRY(deploy(name));
    return std::move(applied_);
  }

 private:
  const DocumentService& before(const std::string& name) const {
    static const DocumentService none;
    const auto found = plan_.current.services.find(name);
    return found == plan_.current.services.end() ? none : found->second;
  }
  const EnvironmentId& environment() const { return place_.environment->environment.id; }

  // Of the row as it was planned with, unless this transaction has written it already.
  IfMatch seen(const ServiceInstance& instance) const {
    if (written_.contains(instance.id)) return std::nullopt;
    return instance.stamp.version;
  }
  void wrote(const ServiceInstance& instance) {
    written_.insert(instance.id);
    draft_.put(instance);
  }
  void wrote(const Volume& volume) {
    if (!volume.instance_id.empty()) written_.insert(volume.instance_id);
    draft_.put(volume);
  }

  // ---- volumes ----

  const Volume* volume(const std::string& name) const {
    return draft_.project().volume(environment(), name);
  }
  bool stays_mounted(const std::string& name) const {
    const auto was = was_owners_.find(name), is = is_owners_.find(name);
    return was != was_owners_.end() && is != is_owners_.end() && was->second == is->second &&
           was_volumes_.at(name).mount_path == is_volumes_.at(name).mount_path;
  }

  Result<> leave_volumes() {
    for (const auto& [name, was] : was_volumes_) {
      const Volume* found = volume(name);
      if (found == nullptr) return gone();
      if (!found->instance_id.empty() && !stays_mounted(name)) {
        written_.insert(found->instance_id);
        const auto left = transaction_.detach_volume(found->id);
        if (!left) return left.error();
        wrote(*left);
      }
      if (is_volumes_.contains(name)) continue;
      const auto deleted = transaction_.delete_volume(volume(name)->id, {});
      if (!deleted) return deleted.error();
      wrote(*deleted);
    }
    return done();
  }

  Result<> mount_volumes() {
    for (const auto& [name, is] : is_volumes_) {
      const auto owner = is_owners_.find(name);
      const std::string at = owner == is_owners_.end()
                                 ? "/volumes/" + name
                                 : "/services/" + owner->second + "/volumes/" + name;
      GANTRY_TRY(make_volume(name, is));
      if (owner == is_owners_.end() || stays_mounted(name)) continue;
      const auto mounted =
          transaction_.attach_volume(volume(name)->id, draft_.at(owner->second).id, is.mount_path);
      if (!mounted) return placed(mounted.error(), at);
      wrote(*mounted);
    }
    return done();
  }

  Result<> make_volume(const std::string& name, const DocumentVolume& is) {
    const auto was = was_volumes_.find(name);
    if (was != was_volumes_.end() && was->second.size_bytes == is.size_bytes) return done();
    const auto made =
        was == was_volumes_.end()
            ? transaction_.create_volume({environment(), *Name::parse(name), is.size_bytes})
            : transaction_.change_volume(volume(name)->id, {.size_bytes = is.size_bytes}, {});
    if (!made) return made.error();
    wrote(*made);
    return done();
  }

  // ---- services ----

  static Error gone() {
    return {Code::conflict, "superseded", "something of the plan was changed meanwhile"};
  }

  // The instance, and the service where the project has none of that name.
  Result<> make(const std::string& name, const DocumentService& service) {
    if (plan_.current.services.contains(name))
      return draft_.instance(name) == nullptr ? Result<>(gone()) : done();
    const Service* known = place_.project->service(name);
    if (known == nullptr) {
      const auto made = transaction_.create_service(place_.project->project.id, *Name::parse(name));
      if (!made) return made.error();
      draft_.put(*made);
    }
    const Service* owner = draft_.project().service(name);
    const auto settings = settings_of(service.settings, service.from_template, "/services/" + name);
    if (!settings) return settings.error();
    const auto instance = transaction_.create_instance(owner->id, environment(), *settings);
    if (!instance) return instance.error();
    wrote(*instance);
    return done();
  }

  Result<> settle(const std::string& name, const DocumentService& service) {
    const DocumentService& was = before(name);
    if (!plan_.current.services.contains(name) ||
        (was.settings == service.settings && was.from_template == service.from_template))
      return done();
    auto settings = settings_of(service.settings, service.from_template, "/services/" + name);
    if (!settings) return settings.error();
    const ServiceInstance& there = draft_.at(name);
    const Settings& old = there.settings;
    Source source = old.source;
    source.commit.clear();
    if (source == settings->source) settings->source.commit = old.source.commit;
    const ScalingSettings& scaling = settings->deploy.scaling;
    if (scaling.max_replicas > 0)
      settings->deploy.replicas =
          std::clamp(old.deploy.replicas, scaling.min_replicas, scaling.max_replicas);
    const auto changed = transaction_.update_settings(there.id, *settings, seen(there));
    if (!changed) return placed(changed.error(), "/services/" + name);
    wrote(*changed);
    return done();
  }

  Result<> remove(const std::string& name) {
    const ServiceInstance there = draft_.at(name);
    GANTRY_TRY(transaction_.delete_instance(there.id, seen(there)));
    draft_.drop(there.id);
    const auto& instances = draft_.project().instances;
    for (const auto& [id, view] : instances)  // the store ends their share of what is gone
      if (view->instance.split && view->instance.split->to == there.id) written_.insert(id);
    const bool elsewhere = std::any_of(instances.begin(), instances.end(), [&](const auto& each) {
      return each.second->instance.service_id == there.service_id;
    });
    return elsewhere ? done() : transaction_.delete_service(there.service_id, {});
  }

  // ---- variables ----

  template <class Put, class Erase>
  Result<std::shared_ptr<const Variables>> write_variables(const Variables& there,
                                                           const DocumentVariables& was,
                                                           const DocumentVariables& is,
                                                           const std::string& service,
                                                           const Put& put, const Erase& erase) {
    auto all = std::make_shared<Variables>(there);
    for (const auto& [name, variable] : is) {
      const auto known = was.find(name);
      if (known != was.end() && known->second.value == variable.value) continue;
      Result<std::string> value = variable.value;
      if (plan_.made.contains({service, name})) value = with_secrets(variable.value);
      if (!value) return value.error();
      const auto seen_at = there.find(name);
      if ((seen_at == there.end()) != (known == was.end())) return gone();
      IfMatch version;
      if (seen_at != there.end()) version = seen_at->second.stamp.version;
      const auto written = put(name, *value, version);
      if (!written) return written.error();
      (*all)[name] = *written;
      changed_.emplace_back(service, name);
    }
    for (const auto& [name, variable] : was) {
      if (is.contains(name)) continue;
      const auto seen_at = there.find(name);
      if (seen_at == there.end()) return gone();
      GANTRY_TRY(erase(name, seen_at->second.stamp.version));
      all->erase(name);
    }
    return std::shared_ptr<const Variables>(std::move(all));
  }

  Result<> set_shared() {
    if (plan_.current.shared == plan_.wanted.shared) return done();
    const auto written = write_variables(
        *place_.environment->shared, plan_.current.shared, plan_.wanted.shared, "",
        [&](const std::string& name, const std::string& value, IfMatch version) {
          return transaction_.put_shared_variable(environment(), name, value, version);
        },
        [&](const std::string& name, IfMatch version) {
          return transaction_.delete_shared_variable(environment(), name, version);
        });
    if (!written) return written.error();
    draft_.put(*written);
    return done();
  }

  Result<> set_variables(const std::string& name, const DocumentService& service) {
    const DocumentService& was = before(name);
    if (was.variables == service.variables) return done();
    const InstanceView& view = *draft_.instance(name);
    const InstanceId id = view.instance.id;
    const auto written = write_variables(
        *view.variables, was.variables, service.variables, name,
        [&](const std::string& key, const std::string& value, IfMatch version) {
          return transaction_.put_variable(id, key, value, version);
        },
        [&](const std::string& key, IfMatch version) {
          return transaction_.delete_variable(id, key, version);
        });
    if (!written) return written.error();
    draft_.put(id, *written);
    return done();
  }

  // Once all are there, since they refer to each other.
  Result<> check_variables() {
    std::vector<FieldError> errors;
    for (const auto& [service, name] : changed_) {
      const InstanceView* view = service.empty() ? nullptr : draft_.instance(service);
      const Variables& all = view == nullptr ? *draft_.environment().shared : *view->variables;
      const auto checked = check_variable(draft_.project(), draft_.environment(), view, name,
                                          all.at(name).value, Unresolved::refuse);
      if (checked) continue;
      const std::string at =
          service.empty() ? "/shared/" + name : "/services/" + service + "/variables/" + name;
      errors.push_back({at, checked.error().reason, checked.error().detail});
    }
    if (errors.empty()) return done();
    return Error{Code::invalid, errors[0].code, errors[0].detail, std::move(errors)};
  }

  // ---- the edge ----

  Result<> set_domains() {
    std::map<std::string, std::string> was, is;
    for (const auto& [name, service] : plan_.current.services)
      for (const std::string& host : service.domains) was[host] = name;
    for (const auto& [name, service] : plan_.wanted.services)
      for (const std::string& host : service.domains) is[host] = name;
    for (const auto& [host, name] : was) {
      const auto to = is.find(host);
      if (to != is.end() && to->second == name) continue;
      const auto left = to == is.end() ? transaction_.remove_domain(draft_.at(name).id, host)
                                       : transaction_.move_domain(host, draft_.at(to->second).id);
      if (!left) return left.error();
      written_.insert(draft_.at(name).id);
      wrote(*left);
    }
    for (const auto& [host, name] : is) {
      if (was.contains(host)) continue;
      const auto added = transaction_.add_domain(draft_.at(name).id, host);
      if (!added) return placed(added.error(), "/services/" + name + "/domains");
      wrote(*added);
    }
    return done();
  }

  // Those that go first: another service may want their port.
  Result<> set_ports() {
    for (const bool coming : {false, true})
      for (const auto& [name, service] : coming ? plan_.wanted.services : plan_.current.services) {
        const auto to = plan_.wanted.services.find(name);
        const auto wanted = to == plan_.wanted.services.end() ? std::nullopt : to->second.tcp_proxy;
        if (wanted == before(name).tcp_proxy || (coming && !wanted)) continue;
        if (!coming && !before(name).tcp_proxy) continue;
        const auto set =
            transaction_.set_tcp_proxy(draft_.at(name).id, coming ? wanted : std::nullopt, {});
        if (!set) return placed(set.error(), "/services/" + name + "/tcp_proxy");
        wrote(*set);
      }
    return done();
  }

  Result<> set_splits() {
    for (const auto& [name, service] : plan_.wanted.services) {
      if (service.split == before(name).split) continue;
      std::optional<TrafficSplit> split;
      if (service.split)
        split = TrafficSplit{draft_.at(service.split->service).id, service.split->percent};
      const auto set = transaction_.set_split(draft_.at(name).id, split, {});
      if (!set) return placed(set.error(), "/services/" + name + "/split");
      wrote(*set);
    }
    return done();
  }

  // ---- deployments ----

  // What was deployed last, where the source is not another one: its commit goes on.
  Source source_of(const std::string& name) const {
    const InstanceView& view = *draft_.instance(name);
    const Source& declared = view.instance.settings.source;
    if (declared.image || view.deployments.empty()) return declared;
    const Source& last = view.deployments.front()->settings.source;
    const bool same = !last.image && last.repository == declared.repository &&
                      (declared.archive.empty() || declared.archive == last.archive);
    return same ? last : declared;
  }

  Result<> deploy(const std::string& name) {
    const InstanceView& view = *draft_.instance(name);
    Settings settings = view.instance.settings;
    settings.source = source_of(name);
    if (!settings.source.image && settings.source.archive.empty()) return done();
    NewDeployment wanted{.instance_id = view.instance.id,
                         .id = next_id(context_, view),
                         .settings = settings,
                         .variables = {},
                         .trigger = "apply"};
    if (settings.source.image)
      wanted.progress = {.prepared = true,
                         .image = settings.source.image->str(),
                         .pre_deployed = settings.deploy.pre_deploy_command.empty()};
    auto resolution = resolve_variables(
        draft_.project(), view,
        {.base_domain = context_.options.base_domain, .deployment_id = wanted.id});
    if (!resolution) return resolution.error();
    if (!resolution->missing.empty()) return unresolved(name, resolution->missing);
    wanted.variables = std::move(resolution->variables);
    const auto deployment = transaction_.create_deployment(wanted);
    if (!deployment) return deployment.error();
    applied_.deployments.emplace_back(name, deployment->id);
    return done();
  }

  static Error unresolved(const std::string& service, const std::vector<Missing>& missing) {
    Error error{Code::invalid, "unresolved_reference", ""};
    for (const Missing& each : missing) {
      const std::string detail = each.variable + " refers to " + each.reference +
                                 ", which is not there: declare it or change the reference";
      error.fields.push_back({"/services/" + service + "/variables", error.reason, detail});
      error.detail += (error.detail.empty() ? "" : "; ") + detail;
    }
    return error;
  }

  const Context& context_;
  Transaction& transaction_;
  const Place& place_;
  const DocumentPlan& plan_;
  Draft draft_;
  std::map<std::string, std::string> was_owners_, is_owners_;  // of volumes: the service
  const std::map<std::string, DocumentVolume> was_volumes_, is_volumes_;
  std::set<InstanceId> written_;
  std::vector<std::pair<std::string, std::string>> changed_;  // variables: service and name
  Applied applied_;
};

// What these say of rows that the plan knows: it is not as it was.
bool came_between(const Error& error) {
  return error.code == Code::stale || error.code == Code::not_found ||
         error.reason == "name_taken" || error.reason == "instance_exists";
}

}  // namespace

Result<Applied> apply_plan(const Context& context, Transaction& transaction, const Place& place,
                           const DocumentPlan& plan) {
  auto applied = Application(context, transaction, place, plan).run();
  if (!applied && came_between(applied.error()))
    return Error{Code::conflict, "superseded", applied.error().detail};
  return applied;
}

}  // namespace gantry::api
