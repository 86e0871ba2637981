// Copies of data that outlive what they were made from: what a backup is, when one is due, which
// may go, and whether a restored one is the same. Pure values and functions: `now` comes in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/id.hpp"
#include "proto/result.hpp"
#include "proto/time.hpp"

namespace gantry {

struct RestoreTag {
  static constexpr std::string_view prefix = "rst";
};
using RestoreId = Id<RestoreTag>;

enum class BackupKind { dump, snapshot };                       // "dump" "snapshot"
enum class BackupTrigger { manual, schedule, safety, upload };  // safety: before a restore
enum class BackupStatus {
  queued,   // waits for its turn
  running,  // bytes flow, or are read again
  good,     // every exit code, size and checksum agrees, read again from where it lies
  failed,   // reason says why; nothing of it is kept
  expired   // its object is gone by a schedule's rule, or by a person's word
};
std::string_view name(BackupKind);
std::string_view name(BackupTrigger);
std::string_view name(BackupStatus);
std::optional<BackupKind> parse_backup_kind(std::string_view);
std::optional<BackupTrigger> parse_backup_trigger(std::string_view);
std::optional<BackupStatus> parse_backup_status(std::string_view);

// Where it comes from, by id and as people called it then.
struct BackupOrigin {
  ProjectId project_id;
  EnvironmentId environment_id;
  ServiceId service_id;
  InstanceId instance_id;
  std::string project;
  std::string environment;
  std::string service;
};

// Rows of each table, by name.
using Manifest = std::map<std::string, std::int64_t>;

struct Backup {
  BackupId id;
  BackupOrigin origin;
  std::string from_template;  // whose tools made it: "postgres"
  std::string image;          // that ran then, and that a drill runs
  BackupKind kind = BackupKind::dump;
  // Of a snapshot: where each volume in it was mounted, sorted. One: the archive's names begin
  // there; several: at the root. Empty: one, from before that was kept.
  std::vector<std::string> mounts = {};
  BackupTrigger trigger = BackupTrigger::manual;
  std::string schedule;  // its name; empty: no schedule's
  BackupStatus status = BackupStatus::queued;
  std::string reason;
  std::string destination;         // the name of where it lies
  std::string object_key;          // its name there
  std::string extension = "dump";  // of the file people get
  std::int64_t bytes = 0;          // of the plain content
  std::int64_t stored_bytes = 0;   // encrypted, as it lies there
  std::string sha256;              // of the plain content, 64 hex digits
  // As counted before and after the copy was taken: what is in it lies between the two.
  Manifest before;
  Manifest after;
  TimePoint created_at{};
  std::optional<TimePoint> finished_at;
  std::optional<TimePoint> verified_at;  // when it was last restored in a drill and was the same
  std::string verify_reason;             // of the last drill that found it was not
  bool locked = false;                   // no rule removes it
  std::optional<TimePoint> drill_asked_at = {};  // one that has not come to its end
  int drill_attempts = 0;                        // of it, so far
};

// Several may be on for one instance.
struct BackupSchedule {
  std::string name;               // "daily" "weekly" "monthly", or a Name of its own
  std::string cron;               // proto/cron.hpp
  int keep_count = 0;             // 0: not limited by number
  std::int64_t keep_seconds = 0;  // 0: not limited by age
  bool enabled = true;
  TimePoint last_started_at{};  // at first: when it was made
  int failures = 0;             // in a row, since the last good one
};

// "standard" (daily, kept 7 days) and "long" (daily, kept 14 days); nothing for another name.
std::optional<std::vector<BackupSchedule>> backup_profile(std::string_view name);
// Errors point into the list: "/schedules/0/cron".
Result<> check_schedules(const std::vector<BackupSchedule>&);

// A backup on its way into a service.
enum class RestoreStatus { queued, running, done, failed };
std::string_view name(RestoreStatus);
std::optional<RestoreStatus> parse_restore_status(std::string_view);

struct Restore {
  RestoreId id;
  BackupId backup_id;
  InstanceId instance_id;  // that gets the data
  BackupId safety_id;      // copy of what was there; empty: nothing was
  bool fresh = false;      // into a service made for it: no safety copy
  RestoreStatus status = RestoreStatus::queued;
  std::string reason;
  TimePoint created_at{};
  std::optional<TimePoint> finished_at;
};

// ---- what follows from them ----

// The newest moment at or before `now` that the schedule names, looked for within `back`; nothing
// when there is none.
std::optional<TimePoint> latest_firing(std::string_view cron, TimePoint now, Seconds back);

// Whether a schedule wants a run. However many moments were missed, it is one run. A clock that
// went back does not silence it: a last run that lies ahead counts as none. After a failure it is
// tried again, three times at growing distance, before the next regular moment.
bool due(const BackupSchedule&, TimePoint now);

// Backups of one instance, oldest first, that the rules give up. The order is that in which they
// were begun, not that of their times: clocks move. Never: locked ones, what a
// person made or sent, the last verified copy, the newest good one, and as many of the newest good
// ones of a schedule as it makes within its span, so that a clock that jumped ahead, or weeks
// without a good run, cost nothing.
std::vector<BackupId> retention(const std::vector<Backup>&, const std::vector<BackupSchedule>&,
                                TimePoint now);

// Lines "<name>\t<rows>". Errors: invalid "inspect_unreadable".
Result<Manifest> parse_manifest(std::string_view lines);
std::string manifest_lines(const Manifest&);

// What of a restored copy cannot come from the data it was made of; empty: it is the same.
std::vector<std::string> differences(const Manifest& before, const Manifest& after,
                                     const Manifest& restored);

// What a person must look at, for one instance.
struct BackupAlert {
  std::string code;  // "backup_failed" "backup_missing" "restore_unverified"
  std::string detail;
};
struct AlertLimits {
  Seconds verified{std::chrono::hours(24 * 8)};  // a drill a week and a day
};
// Backups oldest first. `since`: when the instance got its first schedule.
std::vector<BackupAlert> backup_alerts(const std::vector<Backup>&,
                                       const std::vector<BackupSchedule>&, TimePoint since,
                                       const AlertLimits&, TimePoint now);

// When a copy of the instance was last restored and was the same.
std::optional<TimePoint> last_verified_restore(const std::vector<Backup>&);

}  // namespace gantry
