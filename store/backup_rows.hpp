// Rows of the ledger of backups as nouns.
#pragma once

#include <pqxx/pqxx>

#include "proto/backup_ledger.hpp"
#include "store/secrets.hpp"

namespace gantry {

inline constexpr const char* kBackupColumns =
    "id, project_id, environment_id, service_id, instance_id, project, environment, service, "
    "from_template, image, kind, trigger, schedule, status, reason, destination, object_key, "
    "extension, bytes, stored_bytes, sha256, manifest_before, manifest_after, created_at, "
    "finished_at, verified_at, verify_reason, locked, mounts, "
    "drill_asked_at, drill_attempts";
inline constexpr const char* kScheduleColumns =
    "instance_id, name, cron, keep_count, keep_seconds, enabled, last_started_at, failures";
inline constexpr const char* kRestoreColumns =
    "id, backup_id, instance_id, safety_id, fresh, status, reason, created_at, finished_at";
inline constexpr const char* kDestinationColumns =
    "name, kind, path, endpoint, region, bucket, prefix, access_key_id, secret_access_key, "
    "path_style, preferred, created_at";

Backup backup_from(const pqxx::row&);
BackupSchedule schedule_from(const pqxx::row&);
Restore restore_from(const pqxx::row&);
// Errors: internal "cannot_decrypt".
Result<BackupDestination> destination_from(const pqxx::row&, const Secrets&);

// What a destination's ciphertext is bound to.
std::string destination_identity(const std::string& name);

}  // namespace gantry
