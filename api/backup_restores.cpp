// Restores: into the service itself, into another environment, into a service made for it.
#include <algorithm>
#include <set>

#include "api/authority.hpp"
#include "api/backup_parts.hpp"
#include "api/body.hpp"
#include "api/nearest.hpp"
#include "api/page.hpp"
#include "api/reply.hpp"
#include "api/write.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kNameMax = 30;

std::string json_of(const Restore& restore) {
  std::string out;
  append_json(out, restore);
  return out;
}

struct Target {
  InstanceId instance_id;
  std::string location;
  bool fresh = false;
};

bool is_taken(const Place& from, const EnvironmentView& environment, const std::string& name,
              const std::set<std::string>& made) {
  if (made.contains(name)) return true;
  return std::any_of(from.project->volumes.begin(), from.project->volumes.end(),
                     [&](const auto& each) {
                       const Volume& one = *each.second;
                       return one.environment_id == environment.environment.id && !one.deleted_at &&
                              one.name.str() == name;
                     });
}

// Names of volumes are one environment's. The service's own says whose it is, and a number which.
Result<Name> free_volume_name(const Place& from, const EnvironmentView& environment,
                              const Name& wanted, std::set<std::string>& made) {
  std::string name = wanted.str();
  for (int number = 2; is_taken(from, environment, name, made); ++number) {
    const std::string end = "-" + std::to_string(number);
    name = wanted.str().substr(0, kNameMax - end.size()) + end;
  }
  made.insert(name);
  return Name::parse(name);
}

// With the sizes and mount paths of the volumes of the one that was backed up, all of them empty.
Result<> make_volumes(const Place& from, const EnvironmentView& environment, const Name& wanted,
                      const InstanceId& to, Transaction& transaction) {
  std::set<std::string> names;
  for (const Volume* volume : from.project->volumes_of(from.instance->instance.id)) {
    const auto name = free_volume_name(from, environment, wanted, names);
    if (!name) return name.error();
    const auto made =
        transaction.create_volume({environment.environment.id, *name, volume->size_bytes});
    if (!made) return made.error();
    if (const auto on = transaction.attach_volume(made->id, to, volume->mount_path); !on)
      return on.error();
  }
  return done();
}

// A service with the settings, the variables and empty volumes of the one that was backed up.
Result<Target> make_service(const Place& from, const EnvironmentView& environment,
                            const Name& wanted, Transaction& transaction) {
  const Service* known = from.project->service(wanted.str());
  ServiceId service_id;
  if (known != nullptr) {
    service_id = known->id;
  } else {
    const auto made = transaction.create_service(from.project->project.id, wanted);
    if (!made) return made.error();
    service_id = made->id;
  }
  const auto instance = transaction.create_instance(service_id, environment.environment.id,
                                                    from.instance->instance.settings);
  if (!instance) return instance.error();
  for (const auto& [key, variable] : *from.instance->variables)
    if (const auto kept = transaction.put_variable(instance->id, key, variable.value, {}); !kept)
      return kept.error();
  GANTRY_TRY(make_volumes(from, environment, wanted, instance->id, transaction));
  return Target{instance->id,
                "/v1/projects/" + from.project->project.id.str() + "/environments/" +
                    environment.environment.id.str() + "/services/" + service_id.str(),
                true};
}

Result<Target> find_target(const Context& context, const Place& from,
                           const std::optional<std::string>& environment,
                           const std::optional<Name>& service, Transaction& transaction) {
  const EnvironmentView* in =
      environment ? from.project->environment(*environment) : from.environment;
  if (in == nullptr)
    return invalid("/environment", "unknown_environment",
                   "there is no environment \"" + clipped(*environment) + "\" in project " +
                       from.project->project.name.str());
  GANTRY_TRY(may(context, Permission::edit, *from.project, *in));
  const Name wanted = service ? *service : from.service->name;
  const Service* known = from.project->service(wanted.str());
  const InstanceView* view =
      known == nullptr ? nullptr : from.project->instance(known->id, in->environment.id);
  if (view == nullptr) return make_service(from, *in, wanted, transaction);
  if (view->instance.settings.source.from_template !=
      from.instance->instance.settings.source.from_template)
    return Error{Code::conflict, "other_template",
                 "the service " + wanted.str() + " is of another kind: name a new one"};
  return Target{view->instance.id,
                "/v1/projects/" + from.project->project.id.str() + "/environments/" +
                    in->environment.id.str() + "/services/" + known->id.str(),
                false};
}

Answer begin(const Request& request, Context& context, const BackupId& backup,
             const Target& target) {
  Restore restore;
  restore.backup_id = backup;
  restore.instance_id = target.instance_id;
  if (is_dry_run(request)) {
    restore.id = RestoreId::make(context.clock.now());
    restore.created_at = context.clock.now();
  } else {
    auto asked = context.backups->request_restore(backup, target.instance_id, target.fresh);
    if (!asked) return asked.error();
    restore = *std::move(asked);
  }
  return accepted(target.location + "/restores/" + restore.id.str(), json_of(restore));
}

// Whether who asks may read it: it is of what is seen, or of where they may work, or the operator
// asks.
bool may_read(const Context& context, const Place& place, const Backup& backup) {
  if (backup.origin.environment_id == place.environment->environment.id) return true;
  if (!context.authority) return true;
  const ProjectPtr project = context.store.project(backup.origin.project_id.str());
  const EnvironmentView* environment =
      project ? project->environment(backup.origin.environment_id.str()) : nullptr;
  return environment != nullptr && context.authority->is_user() &&
         may(context, Permission::edit, *project, *environment).ok();
}

}  // namespace

Answer restore_backup(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto backup = find_backup(request, context, *place);
  if (!backup) return backup.error();
  auto body = Fields::read(request, {"service", "environment"});
  if (!body) return body.error();
  const auto service = body->optional_name("service");
  const auto environment = body->optional_text("environment");
  GANTRY_TRY(body->check());
  if (backup->status != BackupStatus::good)
    return Error{Code::conflict, "not_good", "only a good backup is restored"};
  const auto target = find_target(context, *place, environment, service, transaction);
  if (!target) return target.error();
  return begin(request, context, backup->id, *target);
}

// Any backup, also of what is gone, into this instance.
Answer create_restore(const Request& request, Context& context, Transaction&) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  auto body = Fields::read(request, {"backup"});
  if (!body) return body.error();
  const std::string wanted = body->text("backup");
  GANTRY_TRY(body->check());
  const auto id = BackupId::parse(wanted);
  const Error unknown =
      invalid("/backup", "unknown_backup", "there is no backup " + clipped(wanted));
  if (!id) return unknown;
  const auto backup = (*backups)->ledger().backup(*id);
  if (!backup) return backup.error().code == Code::not_found ? unknown : backup.error();
  if (!may_read(context, *place, *backup)) return unknown;
  return begin(request, context, backup->id,
               {place->instance->instance.id, instance_location(*place), false});
}

Answer list_restores(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  const auto found = (*backups)->ledger().restores(place->instance->instance.id);
  if (!found) return found.error();
  std::string items;
  for (const Restore& one : *found) {
    if (!items.empty()) items += ',';
    append_json(items, one);
  }
  return unversioned(request, "{\"data\":[" + items + "]}");
}

Answer get_restore(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto backups = backups_of(context);
  if (!backups) return backups.error();
  const std::string& wanted = request.path_parameters[3];
  const Error missing = not_found("restore " + clipped(wanted));
  const auto id = RestoreId::parse(wanted);
  if (!id) return missing;
  const auto found = (*backups)->ledger().restore(*id);
  if (!found) return found.error();
  if (found->instance_id != place->instance->instance.id) return missing;
  return unversioned(request, json_of(*found));
}

}  // namespace gantry::api
