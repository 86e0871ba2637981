// The ledger of backups in PostgreSQL.
#include <map>

#include "store/backup_rows.hpp"
#include "store/open_ledger.hpp"
#include "store/pg_store.hpp"
#include "store/rows.hpp"

namespace gantry {
namespace {

std::optional<std::string> text_of(const std::optional<TimePoint>& time) {
  if (!time) return std::nullopt;
  return format_time(*time);
}

// Absolute paths have no line breaks: parse_mount_path() takes none.
std::string text_of(const std::vector<std::string>& mounts) {
  std::string text;
  for (const std::string& one : mounts) text += one + "\n";
  return text;
}

class PgLedger final : public BackupLedger {
 public:
  explicit PgLedger(PgStore& store) : store_(store) {}

  Result<bool> leads() override;
  Result<> add_backup(const Backup&) override;
  Result<> record_backup(const Backup&) override;
  Result<Backup> lock_backup(const BackupId&, bool locked) override;
  Result<bool> begin_backup(const BackupId&) override;
  Result<Backup> backup(const BackupId&) override;
  Result<std::vector<Backup>> backups(const BackupFilter&) override;
  Result<> record_drill(const BackupId&, std::optional<TimePoint>, int attempts) override;
  Result<> erase_backup(const BackupId&) override;
  Result<std::optional<InstanceSchedules>> schedules(const InstanceId&) override;
  Result<std::vector<InstanceSchedules>> all_schedules() override;
  Result<> put_schedules(const InstanceId&, const std::vector<BackupSchedule>&,
                         TimePoint now) override;
  Result<> record_run(const InstanceId&, const std::string&, TimePoint) override;
  Result<> record_outcome(const InstanceId&, const std::string&, bool good) override;
  Result<> add_restore(const Restore&) override;
  Result<> record_restore(const Restore&) override;
  Result<Restore> restore(const RestoreId&) override;
  Result<std::vector<Restore>> restores(const InstanceId&) override;
  Result<std::vector<BackupDestination>> destinations() override;
  Result<> put_destination(const BackupDestination&) override;
  Result<> remove_destination(const std::string& name) override;

 private:
  PgStore& store_;
};

Result<bool> PgLedger::leads() {
  const std::int64_t term = store_.term();
  if (term == 0) return false;
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<bool> {
    return !work.exec_params("select 1 from lease where term = $1", term).empty();
  });
}

Result<> PgLedger::add_backup(const Backup& one) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "insert into backups (id, project_id, environment_id, service_id, instance_id, project, "
        "environment, service, from_template, image, kind, trigger, schedule, status, reason, "
        "destination, object_key, extension, bytes, stored_bytes, sha256, created_at, finished_at, "
        "locked) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
        "$17, $18, $19, $20, $21, $22, $23, $24) on conflict (id) do nothing",
        one.id.str(), one.origin.project_id.str(), one.origin.environment_id.str(),
        one.origin.service_id.str(), one.origin.instance_id.str(), one.origin.project,
        one.origin.environment, one.origin.service, one.from_template, one.image,
        std::string(name(one.kind)), std::string(name(one.trigger)), one.schedule,
        std::string(name(one.status)), one.reason, one.destination, one.object_key, one.extension,
        one.bytes, one.stored_bytes, one.sha256, format_time(one.created_at),
        text_of(one.finished_at), one.locked);
    return done();
  });
}

Result<> PgLedger::record_backup(const Backup& one) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    const auto rows = work.exec_params(
        "update backups set status = $2, reason = $3, bytes = $4, stored_bytes = $5, sha256 = $6, "
        "manifest_before = $7, manifest_after = $8, finished_at = $9, verified_at = $10, "
        "verify_reason = $11, image = $12, destination = $13, mounts = $14 where id = $1 returning "
        "1",
        one.id.str(), std::string(name(one.status)), one.reason, one.bytes, one.stored_bytes,
        one.sha256, manifest_lines(one.before), manifest_lines(one.after), text_of(one.finished_at),
        text_of(one.verified_at), one.verify_reason, one.image, one.destination,
        text_of(one.mounts));
    return rows.empty() ? Result<>(not_found("backup " + one.id.str())) : done();
  });
}

Result<Backup> PgLedger::lock_backup(const BackupId& id, bool locked) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<Backup> {
    const auto rows = work.exec_params(
        std::string("update backups set locked = $2 where id = $1 returning ") + kBackupColumns,
        id.str(), locked);
    if (rows.empty()) return not_found("backup " + id.str());
    return backup_from(rows[0]);
  });
}

Result<bool> PgLedger::begin_backup(const BackupId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<bool> {
    return !work.exec_params(
                    "update backups set status = 'running' where id = $1 and status = 'queued' "
                    "returning 1",
                    id.str())
                .empty();
  });
}

Result<Backup> PgLedger::backup(const BackupId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<Backup> {
    const auto rows = work.exec_params(
        std::string("select ") + kBackupColumns + " from backups where id = $1", id.str());
    if (rows.empty()) return not_found("backup " + id.str());
    return backup_from(rows[0]);
  });
}

Result<std::vector<Backup>> PgLedger::backups(const BackupFilter& filter) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<Backup>> {
    std::vector<Backup> found;
    for (const auto& row : work.exec_params(
             std::string("select ") + kBackupColumns +
                 " from backups where ($1 = '' or instance_id = $1) and ($2 = '' or project_id = "
                 "$2) order by seq",
             filter.instance_id.str(), filter.project_id.str()))
      found.push_back(backup_from(row));
    return found;
  });
}

Result<> PgLedger::record_drill(const BackupId& id, std::optional<TimePoint> asked_at,
                                int attempts) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    const auto rows = work.exec_params(
        "update backups set drill_asked_at = $2, drill_attempts = $3 where id = $1 returning 1",
        id.str(), text_of(asked_at), attempts);
    return rows.empty() ? Result<>(not_found("backup " + id.str())) : done();
  });
}

Result<> PgLedger::erase_backup(const BackupId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0("delete from backups where id = $1", id.str());
    return done();
  });
}

Result<std::optional<InstanceSchedules>> PgLedger::schedules(const InstanceId& id) {
  return with_work(
      store_.pool(), [&](pqxx::work& work) -> Result<std::optional<InstanceSchedules>> {
        const auto plan =
            work.exec_params("select since from backup_plans where instance_id = $1", id.str());
        if (plan.empty()) return std::optional<InstanceSchedules>();
        InstanceSchedules found{id, {}, time_from(plan[0]["since"])};
        for (const auto& row :
             work.exec_params(std::string("select ") + kScheduleColumns +
                                  " from backup_schedules where instance_id = $1 order by name",
                              id.str()))
          found.schedules.push_back(schedule_from(row));
        return std::optional(std::move(found));
      });
}

Result<std::vector<InstanceSchedules>> PgLedger::all_schedules() {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<InstanceSchedules>> {
    std::map<InstanceId, InstanceSchedules> all;
    for (const auto& row : work.exec("select instance_id, since from backup_plans")) {
      const auto id = InstanceId::parse(row["instance_id"].c_str());
      if (id) all[*id] = {*id, {}, time_from(row["since"])};
    }
    for (const auto& row : work.exec(std::string("select ") + kScheduleColumns +
                                     " from backup_schedules order by instance_id, name")) {
      const auto id = InstanceId::parse(row["instance_id"].c_str());
      if (id) all[*id].schedules.push_back(schedule_from(row));
    }
    std::vector<InstanceSchedules> found;
    for (auto& [id, one] : all) found.push_back(std::move(one));
    return found;
  });
}

Result<> PgLedger::put_schedules(const InstanceId& id, const std::vector<BackupSchedule>& wanted,
                                 TimePoint now) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "insert into backup_plans (instance_id, since) values ($1, $2) on conflict do nothing",
        id.str(), format_time(now));
    std::vector<std::string> names;
    for (const BackupSchedule& one : wanted) {
      names.push_back(one.name);
      work.exec_params0(
          "insert into backup_schedules (instance_id, name, cron, keep_count, keep_seconds, "
          "enabled, last_started_at) values ($1, $2, $3, $4, $5, $6, $7) on conflict "
          "(instance_id, name) do update set cron = $3, keep_count = $4, keep_seconds = $5, "
          "enabled = $6",
          id.str(), one.name, one.cron, one.keep_count, one.keep_seconds, one.enabled,
          format_time(now));
    }
    std::string list;
    for (const std::string& each : names) list += (list.empty() ? "" : ",") + each;
    work.exec_params0(
        "delete from backup_schedules where instance_id = $1 and not name = "
        "any(string_to_array($2, ','))",
        id.str(), list);
    return done();
  });
}

Result<> PgLedger::record_run(const InstanceId& id, const std::string& schedule,
                              TimePoint started_at) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "update backup_schedules set last_started_at = $3 where instance_id = $1 and name = $2",
        id.str(), schedule, format_time(started_at));
    return done();
  });
}

Result<> PgLedger::record_outcome(const InstanceId& id, const std::string& schedule, bool good) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "update backup_schedules set failures = case when $3 then 0 else failures + 1 end where "
        "instance_id = $1 and name = $2",
        id.str(), schedule, good);
    return done();
  });
}

Result<> PgLedger::add_restore(const Restore& one) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "insert into backup_restores (id, backup_id, instance_id, safety_id, fresh, status, "
        "reason, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        one.id.str(), one.backup_id.str(), one.instance_id.str(), one.safety_id.str(), one.fresh,
        std::string(name(one.status)), one.reason, format_time(one.created_at));
    return done();
  });
}

Result<> PgLedger::record_restore(const Restore& one) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "update backup_restores set safety_id = $2, status = $3, reason = $4, finished_at = $5 "
        "where id = $1",
        one.id.str(), one.safety_id.str(), std::string(name(one.status)), one.reason,
        text_of(one.finished_at));
    return done();
  });
}

Result<Restore> PgLedger::restore(const RestoreId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<Restore> {
    const auto rows = work.exec_params(
        std::string("select ") + kRestoreColumns + " from backup_restores where id = $1", id.str());
    if (rows.empty()) return not_found("restore " + id.str());
    return restore_from(rows[0]);
  });
}

Result<std::vector<Restore>> PgLedger::restores(const InstanceId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<Restore>> {
    std::vector<Restore> found;
    for (const auto& row :
         work.exec_params(std::string("select ") + kRestoreColumns +
                              " from backup_restores where $1 = '' or instance_id = $1 order by "
                              "created_at desc, id desc limit 200",
                          id.str()))
      found.push_back(restore_from(row));
    return found;
  });
}

Result<std::vector<BackupDestination>> PgLedger::destinations() {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<BackupDestination>> {
    std::vector<BackupDestination> found;
    for (const auto& row : work.exec(std::string("select ") + kDestinationColumns +
                                     " from backup_destinations order by name")) {
      auto one = destination_from(row, store_.secrets());
      if (!one) return one.error();
      found.push_back(*std::move(one));
    }
    return found;
  });
}

Result<> PgLedger::put_destination(const BackupDestination& one) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    if (one.preferred) work.exec("update backup_destinations set preferred = false");
    const std::string sealed =
        store_.secrets().seal(one.secret_access_key, destination_identity(one.name));
    work.exec_params0(
        "insert into backup_destinations (name, kind, path, endpoint, region, bucket, prefix, "
        "access_key_id, secret_access_key, path_style, preferred, created_at) values ($1, $2, $3, "
        "$4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (name) do update set kind = $2, path = "
        "$3, endpoint = $4, region = $5, bucket = $6, prefix = $7, access_key_id = $8, "
        "secret_access_key = $9, path_style = $10, preferred = $11",
        one.name, one.kind, one.path, one.endpoint, one.region, one.bucket, one.prefix,
        one.access_key_id, bytea(sealed), one.path_style, one.preferred,
        format_time(one.created_at));
    return done();
  });
}

Result<> PgLedger::remove_destination(const std::string& wanted) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    const auto used = work.exec_params(
        "select count(*) from backups where destination = $1 and status in ('queued', 'running', "
        "'good')",
        wanted);
    if (const auto count = used[0][0].as<std::int64_t>(); count > 0)
      return Error{Code::conflict, "destination_in_use",
                   std::to_string(count) + " backups lie at " + wanted + ": delete them first"};
    const auto gone =
        work.exec_params("delete from backup_destinations where name = $1 returning 1", wanted);
    return gone.empty() ? Result<>(not_found("backup destination " + wanted)) : done();
  });
}

}  // namespace

std::unique_ptr<BackupLedger> open_backup_ledger(Store& store) {
  return std::make_unique<PgLedger>(dynamic_cast<PgStore&>(store));
}

}  // namespace gantry
