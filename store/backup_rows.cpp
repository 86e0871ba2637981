#include "store/backup_rows.hpp"

#include <algorithm>

#include "store/rows.hpp"

namespace gantry {
namespace {

template <class T>
T id_from(const pqxx::field& field) {
  const auto id = T::parse(field.c_str());
  return id ? *id : T();
}

std::optional<TimePoint> maybe_time(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return time_from(field);
}

Manifest manifest_from(const pqxx::field& field) {
  auto manifest = parse_manifest(field.c_str());
  return manifest ? *std::move(manifest) : Manifest();
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

Backup backup_from(const pqxx::row& row) {
  Backup backup;
  backup.id = id_from<BackupId>(row["id"]);
  backup.origin = {.project_id = id_from<ProjectId>(row["project_id"]),
                   .environment_id = id_from<EnvironmentId>(row["environment_id"]),
                   .service_id = id_from<ServiceId>(row["service_id"]),
                   .instance_id = id_from<InstanceId>(row["instance_id"]),
                   .project = row["project"].c_str(),
                   .environment = row["environment"].c_str(),
                   .service = row["service"].c_str()};
  backup.from_template = row["from_template"].c_str();
  backup.image = row["image"].c_str();
  backup.kind = *parse_backup_kind(row["kind"].c_str());
  backup.trigger = *parse_backup_trigger(row["trigger"].c_str());
  backup.schedule = row["schedule"].c_str();
  backup.status = *parse_backup_status(row["status"].c_str());
  backup.reason = row["reason"].c_str();
  backup.destination = row["destination"].c_str();
  backup.object_key = row["object_key"].c_str();
  backup.extension = row["extension"].c_str();
  backup.bytes = row["bytes"].as<std::int64_t>();
  backup.stored_bytes = row["stored_bytes"].as<std::int64_t>();
  backup.sha256 = row["sha256"].c_str();
  backup.before = manifest_from(row["manifest_before"]);
  backup.after = manifest_from(row["manifest_after"]);
  backup.created_at = time_from(row["created_at"]);
  backup.finished_at = maybe_time(row["finished_at"]);
  backup.verified_at = maybe_time(row["verified_at"]);
  backup.verify_reason = row["verify_reason"].c_str();
  backup.locked = row["locked"].as<bool>();
  backup.drill_asked_at = maybe_time(row["drill_asked_at"]);
  backup.drill_attempts = row["drill_attempts"].as<int>();
  backup.mounts = lines_of(row["mounts"].c_str());
  return backup;
}

BackupSchedule schedule_from(const pqxx::row& row) {
  BackupSchedule schedule;
  schedule.name = row["name"].c_str();
  schedule.cron = row["cron"].c_str();
  schedule.keep_count = row["keep_count"].as<int>();
  schedule.keep_seconds = row["keep_seconds"].as<std::int64_t>();
  schedule.enabled = row["enabled"].as<bool>();
  schedule.last_started_at = time_from(row["last_started_at"]);
  schedule.failures = row["failures"].as<int>();
  return schedule;
}

Restore restore_from(const pqxx::row& row) {
  Restore restore;
  restore.id = id_from<RestoreId>(row["id"]);
  restore.backup_id = id_from<BackupId>(row["backup_id"]);
  restore.instance_id = id_from<InstanceId>(row["instance_id"]);
  restore.safety_id = id_from<BackupId>(row["safety_id"]);
  restore.fresh = row["fresh"].as<bool>();
  restore.status = *parse_restore_status(row["status"].c_str());
  restore.reason = row["reason"].c_str();
  restore.created_at = time_from(row["created_at"]);
  restore.finished_at = maybe_time(row["finished_at"]);
  return restore;
}

Result<BackupDestination> destination_from(const pqxx::row& row, const Secrets& secrets) {
  BackupDestination found;
  found.name = row["name"].c_str();
  found.kind = row["kind"].c_str();
  found.path = row["path"].c_str();
  found.endpoint = row["endpoint"].c_str();
  found.region = row["region"].c_str();
  found.bucket = row["bucket"].c_str();
  found.prefix = row["prefix"].c_str();
  found.access_key_id = row["access_key_id"].c_str();
  found.path_style = row["path_style"].as<bool>();
  found.preferred = row["preferred"].as<bool>();
  found.created_at = time_from(row["created_at"]);
  if (row["secret_access_key"].is_null()) return found;
  auto secret =
      secrets.open(bytes_from(row["secret_access_key"]), destination_identity(found.name));
  if (!secret) return secret.error();
  found.secret_access_key = *std::move(secret);
  return found;
}

std::string destination_identity(const std::string& name) { return "backup_destination/" + name; }

}  // namespace gantry
