#include "api/blueprint.hpp"

#include <algorithm>
#include <set>

#include "api/deploying.hpp"
#include "proto/template_value.hpp"
#include "proto/variables.hpp"

namespace gantry::api {
namespace {

using Names = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t kNameMax = 30;

// "postgres-2", within a name's length.
std::string numbered(const std::string& name, int number) {
  const std::string behind = "-" + std::to_string(number);
  std::string stem = name.substr(0, kNameMax - behind.size());
  while (!stem.empty() && stem.back() == '-') stem.pop_back();
  return stem + behind;
}

template <class Taken>
std::string free_name(const std::string& wanted, const Taken& taken) {
  std::string name = wanted;
  for (int number = 2; taken(name); ++number) name = numbered(wanted, number);
  return name;
}

// The project has it, but not here, and elsewhere it was made from the same template.
bool may_join(const Place& place, const NewService& wanted) {
  const ProjectSnapshot& project = *place.project;
  const Service* service = project.service(wanted.name.str());
  const std::string& origin = wanted.settings.source.from_template;
  if (service == nullptr || origin.empty() ||
      project.instance(service->id, place.environment->environment.id) != nullptr)
    return false;
  return std::any_of(project.instances.begin(), project.instances.end(), [&](const auto& each) {
    const ServiceInstance& instance = each.second->instance;
    return instance.service_id == service->id && instance.settings.source.from_template == origin;
  });
}

// The names that the services get; every reference to one that got another name follows.
void choose_names(const Place& place, std::vector<NewService>& services) {
  Names renamed;
  std::set<std::string> chosen;
  for (NewService& each : services) {
    const std::string wanted = each.name.str();
    const auto taken = [&](const std::string& name) {
      return chosen.contains(name) || place.project->service(name) != nullptr;
    };
    if (each.may_be_renamed && !may_join(place, each))
      each.name = *Name::parse(free_name(wanted, taken));
    chosen.insert(each.name.str());
    if (each.name.str() != wanted) renamed[wanted] = each.name.str();
  }
  if (renamed.empty()) return;
  for (NewService& each : services)
    for (auto& [name, value] : each.variables) value = rename_services(value, renamed);
}

Result<Service> service_for(Transaction& transaction, const Place& place,
                            const NewService& wanted) {
  if (may_join(place, wanted)) return *place.project->service(wanted.name.str());
  auto service = transaction.create_service(place.project->project.id, wanted.name);
  // Somebody else has it since the names were chosen: they are chosen again.
  if (!service && service.error().reason == "name_taken" && wanted.may_be_renamed)
    return Error{Code::conflict, "superseded", "the name was taken meanwhile"};
  return service;
}

Result<MadeService> make(Transaction& transaction, const Place& place, const NewService& wanted,
                         std::set<std::string>& volume_names) {
  const EnvironmentId& environment = place.environment->environment.id;
  const auto service = service_for(transaction, place, wanted);
  if (!service) return service.error();
  auto instance = transaction.create_instance(service->id, environment, wanted.settings);
  if (!instance) return instance.error();
  const InstanceId id = instance->id;
  auto variables = std::make_shared<Variables>();
  for (const auto& [name, value] : wanted.variables) {
    auto variable = transaction.put_variable(id, name, value, {});
    if (!variable) return variable.error();
    (*variables)[name] = *std::move(variable);
  }
  MadeService made{.service = *service,
                   .view = {.instance = *std::move(instance),
                            .variables = std::move(variables),
                            .deployments = {}},
                   .volumes = {},
                   .deployment_id = {}};
  for (const NewMount& mount : wanted.mounts) {
    const std::string name = free_name(mount.volume.str(), [&](const std::string& each) {
      return volume_names.contains(each) || place.project->volume(environment, each) != nullptr;
    });
    volume_names.insert(name);
    const auto volume = transaction.create_volume(
        {.environment_id = environment, .name = *Name::parse(name), .size_bytes = 0});
    if (!volume) return volume.error();
    auto attached = transaction.attach_volume(volume->id, id, mount.path);
    if (!attached) return attached.error();
    made.volumes.push_back(*std::move(attached));
  }
  return made;
}

// The project as it will be: what variables refer to.
ProjectSnapshot with(const Place& place, const std::vector<MadeService>& made) {
  ProjectSnapshot project = *place.project;
  project.index = nullptr;
  for (const MadeService& each : made) {
    project.services[each.service.id] = std::make_shared<const Service>(each.service);
    project.instances[each.view.instance.id] = std::make_shared<const InstanceView>(each.view);
    for (const Volume& volume : each.volumes)
      project.volumes[volume.id] = std::make_shared<const Volume>(volume);
  }
  project.index = std::make_shared<const SnapshotIndex>(project);
  return project;
}

Error unresolved(const std::vector<Missing>& missing) {
  Error error{Code::invalid, "unresolved_reference", ""};
  for (const Missing& each : missing) {
    const std::string detail =
        each.variable + " refers to " + each.reference + ", which is not there";
    error.fields.push_back({"/variables/" + each.variable, error.reason, detail});
    error.detail += (error.detail.empty() ? "" : "; ") + detail;
  }
  return error;
}

Result<> deploy(const Context& context, Transaction& transaction, const ProjectSnapshot& project,
                MadeService& made, std::string trigger) {
  const Settings& settings = made.view.instance.settings;
  NewDeployment wanted{.instance_id = made.view.instance.id,
                       .id = next_id(context, made.view),
                       .settings = settings,
                       .variables = {},
                       .trigger = std::move(trigger)};
  if (settings.source.image)
    wanted.progress = {.prepared = true,
                       .image = settings.source.image->str(),
                       .pre_deployed = settings.deploy.pre_deploy_command.empty()};
  auto resolution = resolve_variables(
      project, made.view, {.base_domain = context.options.base_domain, .deployment_id = wanted.id});
  if (!resolution) return resolution.error();
  if (!resolution->missing.empty()) return unresolved(resolution->missing);
  wanted.variables = std::move(resolution->variables);
  const auto deployment = transaction.create_deployment(wanted);
  if (!deployment) return deployment.error();
  made.deployment_id = deployment->id;
  return done();
}

}  // namespace

Result<std::vector<MadeService>> make_services(const Context& context, Transaction& transaction,
                                               const Place& place,
                                               std::vector<NewService> services) {
  choose_names(place, services);
  std::vector<MadeService> made;
  std::set<std::string> volume_names;
  for (const NewService& each : services) {
    auto one = make(transaction, place, each, volume_names);
    if (!one) return one.error();
    made.push_back(*std::move(one));
  }
  const ProjectSnapshot project = with(place, made);
  for (std::size_t i = 0; i < made.size(); ++i)
    if (services[i].deploy) GANTRY_TRY(deploy(context, transaction, project, made[i], "deploy"));
  return made;
}

std::string services_json(const std::vector<MadeService>& made) {
  std::string out;
  for (const MadeService& each : made) {
    out += out.empty() ? "[" : ",";
    std::string volumes;
    for (const Volume& volume : each.volumes) {
      volumes += volumes.empty() ? "[" : ",";
      JsonObject(volumes)
          .text("id", volume.id.str())
          .text("name", volume.name.str())
          .text("mount_path", volume.mount_path);
    }
    std::string service;
    JsonObject(service).text("id", each.service.id.str()).text("name", each.service.name.str());
    std::string names;
    for (const auto& [name, variable] : *each.view.variables) {
      names += names.empty() ? "[" : ",";
      append_json_string(names, name);
    }
    JsonObject(out)
        .raw("service", service)
        .text("instance_id", each.view.instance.id.str())
        .text_or_null("deployment_id", each.deployment_id ? each.deployment_id->str() : "")
        .raw("volumes", volumes.empty() ? "[]" : volumes + "]")
        .raw("variables", names.empty() ? "[]" : names + "]");
  }
  return out.empty() ? "[]" : out + "]";
}

}  // namespace gantry::api
