// One backup from its row to its end.
#include "runtime/backup/jobs.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace gantry {
namespace {

Error not_running() {
  return {Code::conflict, "not_running",
          "the service does not run, and only a running one can be asked for its data"};
}

}  // namespace

std::string object_key_of(const Backup& backup) {
  return backup.origin.project + "/" + backup.origin.environment + "/" + backup.origin.service +
         "/" + backup.id.str() + ".gantry";
}
std::string label_of(const Backup& backup) { return backup.id.str(); }
Copied copied_of(const Backup& backup) {
  return {backup.bytes, backup.stored_bytes, backup.sha256};
}

void BackupJobs::tell(const Backup& backup, std::string_view event, const std::string& message) {
  Event told;
  told.type = std::string(event);
  told.project_id = backup.origin.project_id;
  told.environment_id = backup.origin.environment_id.str();
  told.service_id = backup.origin.service_id.str();
  told.instance_id = backup.origin.instance_id.str();
  told.message = message;
  if (const auto kept = ports_.store.record_event(told); !kept)
    options_.log("event not recorded type=" + told.type + " detail=\"" + kept.error().detail +
                 "\"");
  options_.log(told.type + " backup=" + backup.id.str() + " service=" + backup.origin.service +
               (message.empty() ? "" : " detail=\"" + message + "\""));
}

bool BackupJobs::wait(const std::stop_token& stop) const {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  return !changed.wait_for(lock, stop, options_.pause, [&] { return stop.stop_requested(); });
}

Result<BackupJobs::Subject> BackupJobs::subject(const InstanceId& id,
                                                const std::string& from_template) {
  const ProjectPtr project = ports_.store.project_of(id);
  if (!project || !project->instances.contains(id)) return not_found("instance " + id.str());
  Subject found;
  found.view = project->instances.at(id);
  const auto environment = project->environments.find(found.view->instance.environment_id);
  if (environment == project->environments.end() || environment->second->environment.deleted_at)
    return not_found("environment of " + id.str());
  found.environment = environment->second->environment;
  found.made_from = ports_.made_from(from_template);
  for (const auto& deployment : found.view->deployments) {
    if (!has_served(deployment->status)) continue;
    auto whole = ports_.store.deployment(deployment->id);
    if (!whole) return whole.error();
    found.image = whole->progress.image;
    if (found.image.empty() && whole->settings.source.image)
      found.image = whole->settings.source.image->str();
    found.variables = std::move(whole->variables);
    break;
  }
  for (const Volume* volume : project->volumes_of(id)) found.volumes.push_back(*volume);
  return found;
}

Result<std::string> BackupJobs::container_of(const InstanceId& id, BackupKind kind) {
  const auto replicas = ports_.store.replicas(id);
  if (!replicas) return replicas.error();
  const ProjectPtr project = ports_.store.project_of(id);
  if (!project || !project->instances.contains(id)) return not_running();
  // A worker, where nothing listens, is never ready: for its files it is enough that its deployment
  // went well.
  const auto serves = [&](const Replica& one) {
    if (one.ready || kind == BackupKind::dump) return one.ready;
    for (const auto& deployment : project->instances.at(id)->deployments)
      if (deployment->id == one.key.deployment_id)
        return deployment->status == DeploymentStatus::success;
    return false;
  };
  for (const Replica& one : *replicas)
    if (one.status == ReplicaStatus::running && !one.container_id.empty() && serves(one))
      return one.container_id;
  return not_running();
}

Result<Manifest> BackupJobs::inspect(const std::string& container, const DataTools& tools,
                                     const std::stop_token& stop) {
  if (tools.inspect.empty()) return Manifest();
  const auto lines = run_in(ports_.exec, {.container_id = container, .command = tools.inspect},
                            "the count of rows", nullptr, stop);
  if (!lines) return lines.error();
  return parse_manifest(*lines);
}

Result<Copied> BackupJobs::copy(Backup& backup, std::unique_ptr<Execution> execution,
                                const std::string& what, const std::stop_token& stop) {
  const auto destination = places_.open(backup.destination);
  if (!destination) return destination.error();
  const auto origin = origin_of(std::move(execution), what, stop);
  return take_copy(*origin, options_.key, **destination, backup.object_key, label_of(backup));
}

Result<> BackupJobs::make(Backup& backup, const std::stop_token& stop) {
  const auto found = subject(backup.origin.instance_id, backup.from_template);
  if (!found) return found.error();
  const auto container = container_of(backup.origin.instance_id, backup.kind);
  if (!container) return container.error();
  backup.image = found->image;
  ExecSpec spec{.container_id = *container, .command = {}, .input = false};
  DataTools none;
  const DataTools& tools = found->made_from == nullptr ? none : found->made_from->tools;
  const bool dump = backup.kind == BackupKind::dump;
  if (dump && tools.dump.empty())
    return Error{Code::conflict, "no_dump", "its template does not say how it is dumped"};
  spec.command = tools.dump;
  if (!dump) {
    auto pack = pack_command(backup, *found, *container, stop);
    if (!pack) return pack.error();
    spec.command = *std::move(pack);
    spec.user = "0";  // whose files they are is no reason to leave them out
  } else {
    auto before = inspect(*container, tools, stop);
    if (!before) return before.error();
    backup.before = *std::move(before);
  }
  auto execution = ports_.exec.exec(spec);
  if (!execution) return execution.error();
  const auto copied =
      copy(backup, std::move(*execution), dump ? "the dump" : "the copy of the volumes", stop);
  if (!copied) return copied.error();
  backup.bytes = copied->bytes;
  backup.stored_bytes = copied->stored_bytes;
  backup.sha256 = copied->sha256;
  if (!dump) return done();
  auto after = inspect(*container, tools, stop);
  if (!after) return after.error();
  backup.after = *std::move(after);
  return done();
}

Result<> BackupJobs::back_up(const BackupId& id, const std::stop_token& stop) {
  const auto begun = ports_.ledger.begin_backup(id);
  if (!begun) return begun.error();
  if (!*begun) return done();
  auto backup = ports_.ledger.backup(id);
  if (!backup) return backup.error();
  const auto made = make(*backup, stop);
  if (!made && backup->bytes > 0)  // whole, but not as good as it has to be
    if (const auto place = places_.open(backup->destination); place)
      (void)(*place)->remove(backup->object_key);
  backup->status = made ? BackupStatus::good : BackupStatus::failed;
  backup->reason = made ? "" : made.error().detail;
  backup->finished_at = ports_.clock.now();
  GANTRY_TRY(ports_.ledger.record_backup(*backup));
  if (!backup->schedule.empty())
    GANTRY_TRY(
        ports_.ledger.record_outcome(backup->origin.instance_id, backup->schedule, made.ok()));
  tell(*backup, made ? "backup.succeeded" : "backup.failed",
       made ? std::to_string(backup->bytes) + " bytes" : backup->reason);
  return done();
}

Result<> BackupJobs::expire(Backup backup, const std::string& reason) {
  if (backup.status == BackupStatus::good) {
    const auto place = places_.open(backup.destination);
    if (!place) return place.error();
    GANTRY_TRY((*place)->remove(backup.object_key));
  }
  GANTRY_TRY(ports_.ledger.erase_backup(backup.id));
  if (backup.status == BackupStatus::good) tell(backup, "backup.expired", reason);
  return done();
}

}  // namespace gantry
