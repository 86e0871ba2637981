// A backup on its way into a service.
#include "proto/variables.hpp"
#include "runtime/backup/jobs.hpp"

namespace gantry {
namespace {

Error interrupted() { return {Code::unavailable, "interrupted", "the daemon stopped meanwhile"}; }

}  // namespace

Result<> BackupJobs::deploy(const InstanceView& view, const ProjectSnapshot& project,
                            const BackupId& backup) {
  NewDeployment wanted;
  wanted.instance_id = view.instance.id;
  wanted.id = DeploymentId::make(ports_.clock.now());
  wanted.settings = view.instance.settings;
  wanted.trigger = "deploy";
  wanted.message = "for the restore of " + backup.str();
  if (wanted.settings.source.image)
    wanted.progress = {.prepared = true,
                       .image = wanted.settings.source.image->str(),
                       .pre_deployed = wanted.settings.deploy.pre_deploy_command.empty()};
  auto resolution = resolve_variables(
      project, view, {.base_domain = options_.base_domain, .deployment_id = wanted.id});
  if (!resolution) return resolution.error();
  if (!resolution->missing.empty())
    return Error{Code::conflict, "unresolved_reference",
                 resolution->missing[0].variable + " refers to " +
                     resolution->missing[0].reference + ", which is not there"};
  wanted.variables = std::move(resolution->variables);
  auto transaction = ports_.store.begin({});
  if (!transaction) return transaction.error();
  if (const auto made = (*transaction)->create_deployment(wanted); !made) return made.error();
  return (*transaction)->commit();
}

Result<> BackupJobs::committed(const InstanceId& id, const std::stop_token& stop) {
  const TimePoint start = ports_.clock.now();
  do {
    if (const auto project = ports_.store.project_of(id);
        project && project->instances.contains(id))
      return done();
    if (ports_.clock.now() - start > options_.committed_within) return not_found("the new service");
  } while (wait(stop));
  return interrupted();
}

Result<> BackupJobs::bring_up(const Restore& restore, BackupKind kind,
                              const std::stop_token& stop) {
  const InstanceId& id = restore.instance_id;
  GANTRY_TRY(committed(id, stop));
  const TimePoint start = ports_.clock.now();
  do {
    const ProjectPtr project = ports_.store.project_of(id);
    if (!project || !project->instances.contains(id)) return not_found("the new service");
    if (container_of(id, kind)) return done();
    const InstanceView& view = *project->instances.at(id);
    if (view.deployments.empty()) {
      GANTRY_TRY(deploy(view, *project, restore.backup_id));
    } else if (view.deployments.front()->status == DeploymentStatus::failed) {
      return Error{Code::conflict, "not_running",
                   "the new service was not deployed: " + view.deployments.front()->reason};
    }
    if (ports_.clock.now() - start > options_.deployed_within)
      return Error{Code::conflict, "not_running",
                   "the new service did not become ready in time" +
                       (view.deployments.empty() || view.deployments.front()->reason.empty()
                            ? std::string()
                            : ": " + view.deployments.front()->reason)};
  } while (wait(stop));
  return interrupted();
}

// What is there before it is replaced. Without a good copy of it nothing is replaced.
Result<> BackupJobs::keep_safety(Restore& restore, const Backup& wanted,
                                 const std::stop_token& stop) {
  const ProjectPtr project = ports_.store.project_of(restore.instance_id);
  if (!project) return not_found("instance " + restore.instance_id.str());
  const ServiceInstance& to = project->instances.at(restore.instance_id)->instance;
  Backup safety;
  safety.id = BackupId::make(ports_.clock.now());
  safety.origin = {
      .project_id = project->project.id,
      .environment_id = to.environment_id,
      .service_id = to.service_id,
      .instance_id = to.id,
      .project = project->project.name.str(),
      .environment = project->environments.at(to.environment_id)->environment.name.str(),
      .service = project->services.at(to.service_id)->name.str()};
  safety.from_template = to.settings.source.from_template;
  safety.kind = wanted.kind;
  safety.trigger = BackupTrigger::safety;
  safety.extension = wanted.extension;
  safety.created_at = ports_.clock.now();
  const auto place = places_.find("");
  if (!place) return place.error();
  safety.destination = place->name;
  safety.object_key = object_key_of(safety);
  GANTRY_TRY(ports_.ledger.add_backup(safety));
  restore.safety_id = safety.id;
  GANTRY_TRY(ports_.ledger.record_restore(restore));
  GANTRY_TRY(back_up(safety.id, stop));
  const auto made = ports_.ledger.backup(safety.id);
  if (!made) return made.error();
  if (made->status == BackupStatus::good) return done();
  return Error{
      Code::conflict, "no_safety_copy",
      "nothing was changed, since what is there could not be copied first: " + made->reason};
}

Result<> BackupJobs::give_back(Restore& restore, const Backup& backup,
                               const std::stop_token& stop) {
  if (backup.status != BackupStatus::good)
    return Error{Code::conflict, "not_good", "only a good backup is restored"};
  const auto place = places_.open(backup.destination);
  if (!place) return place.error();
  // All of it, before anything is touched.
  GANTRY_TRY(
      check_copy(copied_of(backup), options_.key, **place, backup.object_key, label_of(backup)));
  if (backup.kind == BackupKind::snapshot) return give_back_snapshot(restore, backup, stop);
  if (restore.fresh) GANTRY_TRY(bring_up(restore, backup.kind, stop));
  const auto to = subject(restore.instance_id, backup.from_template);
  if (!to) return to.error();
  if (to->made_from == nullptr)
    return Error{Code::conflict, "no_restore", "its template is not known any more"};
  const auto container = container_of(restore.instance_id, backup.kind);
  if (!container) return container.error();
  if (!restore.fresh) GANTRY_TRY(keep_safety(restore, backup, stop));
  const auto given = put_into(backup, *container, to->made_from->tools, stop);
  // What came to its end and differs is for a person to judge; half of it is not.
  if (given || restore.fresh || given.error().reason == "restored_differs" ||
      given.error().reason == "interrupted")
    return given;
  return Error{given.error().code, given.error().reason,
               given.error().detail + "; " + safety_back(restore, stop)};
}

// How that went, for a person.
std::string BackupJobs::safety_back(const Restore& restore, const std::stop_token& stop) {
  const auto given = try_safety_back(restore, stop);
  if (given) return "what was there before was given back";
  return "what was there before could not be given back (" + given.error().detail +
         "): restore the safety copy " + restore.safety_id.str();
}

Result<> BackupJobs::try_safety_back(const Restore& restore, const std::stop_token& stop) {
  const auto safety = ports_.ledger.backup(restore.safety_id);
  if (!safety) return safety.error();
  const auto to = subject(restore.instance_id, safety->from_template);
  if (!to) return to.error();
  if (to->made_from == nullptr) return not_found("its template");
  const TimePoint deadline = ports_.clock.now() + options_.ready_within;
  auto container = container_of(restore.instance_id, safety->kind);
  while (!container && ports_.clock.now() < deadline) {
    if (!wait(stop)) return interrupted();
    container = container_of(restore.instance_id, safety->kind);
  }
  if (!container) return container.error();
  return put_into(*safety, *container, to->made_from->tools, stop);
}

// The daemon died in the middle of it.
Result<> BackupJobs::undo(const RestoreId& id, const std::stop_token& stop) {
  auto restore = ports_.ledger.restore(id);
  if (!restore) return restore.error();
  if (restore->status != RestoreStatus::running) return done();
  const std::string told = safety_back(*restore, stop);
  if (stop.stop_requested()) return done();  // the next daemon does it
  restore->status = RestoreStatus::failed;
  restore->reason = "the daemon stopped meanwhile; " + told;
  restore->finished_at = ports_.clock.now();
  GANTRY_TRY(ports_.ledger.record_restore(*restore));
  if (const auto backup = ports_.ledger.backup(restore->backup_id); backup)
    tell(*backup, "restore.failed", restore->reason);
  return done();
}

Result<> BackupJobs::restore(const RestoreId& id, const std::stop_token& stop) {
  auto restore = ports_.ledger.restore(id);
  if (!restore) return restore.error();
  if (restore->status != RestoreStatus::queued) return done();
  restore->status = RestoreStatus::running;
  GANTRY_TRY(ports_.ledger.record_restore(*restore));
  auto backup = ports_.ledger.backup(restore->backup_id);
  const auto given = backup ? give_back(*restore, *backup, stop) : Result<>(backup.error());
  // Left as it is: the next daemon gives back what was there.
  if (!given && given.error().reason == "interrupted") return done();
  restore->status = given ? RestoreStatus::done : RestoreStatus::failed;
  restore->reason = given ? "" : given.error().detail;
  restore->finished_at = ports_.clock.now();
  GANTRY_TRY(ports_.ledger.record_restore(*restore));
  if (backup)
    tell(*backup, given ? "restore.succeeded" : "restore.failed",
         given ? "restored into " + restore->instance_id.str() : restore->reason);
  return done();
}

}  // namespace gantry
