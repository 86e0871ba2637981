// What is known of backups, schedules, restores and destinations: a port beside Store, in the same
// database. Rows outlive the projects they speak of. Every call asks the database:
// Code::unavailable when it cannot be reached. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/backup.hpp"
#include "proto/store.hpp"

namespace gantry {

// Where backups may lie. Credentials are encrypted at rest and never given out by the API.
struct BackupDestination {
  std::string name;  // a Name; "local" is there from the start and cannot be removed
  std::string kind;  // "directory" "s3"
  std::string path;  // of a directory: absolute
  std::string endpoint, region, bucket, prefix, access_key_id, secret_access_key;
  bool path_style = true;
  bool preferred = false;  // takes new backups
  TimePoint created_at{};
};

struct BackupFilter {
  InstanceId instance_id = {};  // empty: all
  ProjectId project_id = {};    // empty: all
};

struct InstanceSchedules {
  InstanceId instance_id;
  std::vector<BackupSchedule> schedules;  // by name
  TimePoint since{};                      // when the first was made
};

class BackupLedger {
 public:
  virtual ~BackupLedger() = default;

  // Whether this daemon acts for the installation: only who does begins backups and records them.
  virtual Result<bool> leads() = 0;

  virtual Result<> add_backup(const Backup&) = 0;
  // Status, reason, sizes, manifests, proofs: all but origin, kind, `locked` and drills. Gone:
  // not_found.
  virtual Result<> record_backup(const Backup&) = 0;
  virtual Result<Backup> lock_backup(const BackupId&, bool locked) = 0;
  // Begins a queued one: false when another one did, or it is gone.
  virtual Result<bool> begin_backup(const BackupId&) = 0;
  virtual Result<Backup> backup(const BackupId&) = 0;  // or not_found
  // In the order in which they were begun, which is not always that of their times.
  virtual Result<std::vector<Backup>> backups(const BackupFilter&) = 0;
  // A drill that was asked for, begun `attempts` times; nothing: it came to its end.
  virtual Result<> record_drill(const BackupId&, std::optional<TimePoint> asked_at,
                                int attempts) = 0;
  virtual Result<> erase_backup(const BackupId&) = 0;  // the row; gone: succeeds

  // Nothing: the instance never had any. An empty list: somebody wants none.
  virtual Result<std::optional<InstanceSchedules>> schedules(const InstanceId&) = 0;
  virtual Result<std::vector<InstanceSchedules>> all_schedules() = 0;
  // Those that keep their name keep their last run.
  virtual Result<> put_schedules(const InstanceId&, const std::vector<BackupSchedule>&,
                                 TimePoint now) = 0;
  virtual Result<> record_run(const InstanceId&, const std::string& schedule,
                              TimePoint started_at) = 0;
  virtual Result<> record_outcome(const InstanceId&, const std::string& schedule, bool good) = 0;

  virtual Result<> add_restore(const Restore&) = 0;
  virtual Result<> record_restore(const Restore&) = 0;
  virtual Result<Restore> restore(const RestoreId&) = 0;
  virtual Result<std::vector<Restore>> restores(const InstanceId&) = 0;  // empty: all; newest first

  virtual Result<std::vector<BackupDestination>> destinations() = 0;  // by name
  // `preferred` takes that from the others. One of this name: it takes its place.
  virtual Result<> put_destination(const BackupDestination&) = 0;
  // A backup that is not expired lies there: Code::conflict "destination_in_use".
  virtual Result<> remove_destination(const std::string& name) = 0;
};

}  // namespace gantry
