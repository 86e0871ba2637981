// The proof that a backup can be restored: it is, into a container that is thrown away.
#include "runtime/backup/archive_check.hpp"
#include "runtime/backup/jobs.hpp"

namespace gantry {
namespace {

// A server that initialises itself answers for a moment, and then begins again.
constexpr int kReadyInARow = 3;
// One that ends the daemon must not do so for ever.
constexpr int kAttempts = 3;

Error cannot_drill(const std::string& why) {
  return {Code::conflict, "cannot_drill", "it cannot be tried: " + why};
}

}  // namespace

OneOffSpec BackupJobs::one_off(const Subject& found) const {
  const DeploySettings& deploy = found.view->instance.settings.deploy;
  return {.session_id = SessionId::make(ports_.clock.now()),
          .instance_id = found.view->instance.id,
          .environment_id = found.environment.id,
          .image = found.image,
          .command = deploy.start_command,
          .variables = found.variables,
          .cpu_millicores = deploy.cpu_millicores,
          .memory_bytes = deploy.memory_bytes,
          .pids_limit = deploy.pids_limit,
          .network = options_.network(found.environment),
          .input = false};
}

Result<> BackupJobs::wait_ready(const ThrowAway& container, const TemplateService& made_from,
                                const std::stop_token& stop) {
  const TimePoint deadline = ports_.clock.now() + options_.ready_within;
  std::string last = "it has no health command";
  for (int in_a_row = 0; in_a_row < kReadyInARow;) {
    if (!wait(stop)) return Error{Code::unavailable, "interrupted", "the daemon stopped meanwhile"};
    const auto healthy =
        run_in(ports_.exec,
               {.container_id = container.container_id(), .command = made_from.healthcheck_command},
               "its health command", nullptr, stop);
    in_a_row = healthy ? in_a_row + 1 : 0;
    if (!healthy) last = healthy.error().detail;
    if (ports_.clock.now() > deadline)
      return cannot_drill("the throw-away container did not become ready within " +
                          std::to_string(options_.ready_within.count()) + " s: " + last + " " +
                          container.last_words());
  }
  return done();
}

Result<> BackupJobs::put_into(const Backup& backup, const std::string& container,
                              const DataTools& tools, const std::stop_token& stop) {
  if (tools.restore.empty())
    return Error{Code::conflict, "no_restore", "its template does not say how it is restored"};
  const auto place = places_.open(backup.destination);
  if (!place) return place.error();
  const auto plain =
      open_copy(copied_of(backup), options_.key, **place, backup.object_key, label_of(backup));
  if (!plain) return plain.error();
  const auto restored = run_in(ports_.exec, {.container_id = container, .command = tools.restore},
                               "the restore", plain->get(), stop);
  if (!restored) return restored.error();
  GANTRY_TRY(read_to_end(**plain));  // where the program stopped reading
  const auto counted = inspect(container, tools, stop);
  if (!counted) return counted.error();
  if (backup.trigger != BackupTrigger::upload) {  // of an upload nobody counted anything
    const auto wrong = differences(backup.before, backup.after, *counted);
    std::string list;
    for (std::size_t i = 0; i < wrong.size() && i < 5; ++i) list += (i == 0 ? "" : "; ") + wrong[i];
    if (!wrong.empty())
      return Error{Code::conflict, "restored_differs",
                   std::to_string(wrong.size()) + " tables are not as they were: " + list};
  }
  return done();
}

Result<> BackupJobs::read_archive(const Backup& backup) {
  const auto place = places_.open(backup.destination);
  if (!place) return place.error();
  const auto plain =
      open_copy(copied_of(backup), options_.key, **place, backup.object_key, label_of(backup));
  if (!plain) return plain.error();
  const auto entries = check_archive(**plain);
  return entries ? done() : Result<>(entries.error());
}

Result<> BackupJobs::try_restore(const Backup& backup, const std::stop_token& stop) {
  if (backup.kind == BackupKind::snapshot) return read_archive(backup);
  auto found = subject(backup.origin.instance_id, backup.from_template);
  if (!found) return cannot_drill(found.error().detail);
  if (found->made_from == nullptr) return cannot_drill("its template is not known any more");
  if (found->made_from->healthcheck_command.empty())
    return cannot_drill("its template has no health command");
  if (!backup.image.empty()) found->image = backup.image;
  const auto container = ports_.workbench.start(one_off(*found));
  if (!container) return container.error();
  GANTRY_TRY(wait_ready(**container, *found->made_from, stop));
  const DataTools& tools = found->made_from->tools;
  const std::string& id = (*container)->container_id();
  GANTRY_TRY(put_into(backup, id, tools, stop));
  // Here and never in a service: a check may leave things behind, as an extension.
  if (tools.check.empty()) return done();
  const auto sound =
      run_in(ports_.exec, {.container_id = id, .command = tools.check}, "the check", nullptr, stop);
  return sound ? done() : Result<>(sound.error());
}

Result<> BackupJobs::drill(const BackupId& id, const std::stop_token& stop) {
  auto backup = ports_.ledger.backup(id);
  if (!backup) return backup.error();
  if (backup->status != BackupStatus::good) return done();
  const auto tried = try_restore(*backup, stop);
  if (!tried && tried.error().reason == "interrupted") return done();
  if (tried) backup->verified_at = ports_.clock.now();
  backup->verify_reason = tried ? "" : tried.error().detail;
  GANTRY_TRY(ports_.ledger.record_backup(*backup));
  tell(*backup, tried ? "backup.verified" : "backup.unverified",
       tried ? "it was restored and is the same" : backup->verify_reason);
  return done();
}

Result<> BackupJobs::asked_drill(const BackupId& id, const std::stop_token& stop) {
  const auto backup = ports_.ledger.backup(id);
  if (!backup) return backup.error();
  if (!backup->drill_asked_at) return done();
  if (backup->drill_attempts < kAttempts) {
    GANTRY_TRY(ports_.ledger.record_drill(id, backup->drill_asked_at, backup->drill_attempts + 1));
    GANTRY_TRY(drill(id, stop));
    if (stop.stop_requested()) return done();  // the next daemon does it
  } else {
    Backup given_up = *backup;
    given_up.verify_reason =
        "the daemon stopped " + std::to_string(kAttempts) + " times while it was tried: ask again";
    GANTRY_TRY(ports_.ledger.record_backup(given_up));
    tell(given_up, "backup.unverified", given_up.verify_reason);
  }
  return ports_.ledger.record_drill(id, std::nullopt, 0);
}

}  // namespace gantry
