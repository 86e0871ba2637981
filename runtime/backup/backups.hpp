// What people ask of backups: a port for the API. Requests are rows; the runner of the daemon that
// holds the lease carries them out. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/backup_ledger.hpp"
#include "runtime/backup/bytes.hpp"

namespace gantry {

struct BackupRequest {
  BackupOrigin origin;
  std::string from_template;
  BackupKind kind = BackupKind::dump;
  BackupTrigger trigger = BackupTrigger::manual;
  std::string schedule = {};
  std::string destination = {};  // empty: the preferred one
};

// A dump on its way in. Dropped before finish(): nothing remains.
class BackupIntake {
 public:
  virtual ~BackupIntake() = default;
  virtual Result<> write(std::string_view) = 0;
  virtual Result<Backup> finish() = 0;  // written, and read again
};

class Backups {
 public:
  virtual ~Backups() = default;

  virtual BackupLedger& ledger() = 0;

  // Whether its data can be dumped: it was made from a template that says how.
  virtual bool dumps(std::string_view from_template) const = 0;

  // Code::conflict "no_dump" when the template says nothing of dumps; not_found for a destination.
  virtual Result<Backup> request(const BackupRequest&) = 0;
  // Code::conflict "not_good" of one that is not.
  virtual Result<Restore> request_restore(const BackupId&, const InstanceId& to, bool fresh) = 0;
  virtual Result<> request_drill(const BackupId&) = 0;

  // The plain bytes; the last read fails when they are not those that were written.
  virtual Result<std::unique_ptr<ByteSource>> content(const Backup&) = 0;
  virtual Result<std::unique_ptr<BackupIntake>> receive(const BackupRequest&) = 0;

  // The object goes, and the row with it. Locked: Code::conflict "backup_locked"; the last that was
  // verified, unless `even_verified`: Code::conflict "last_verified".
  virtual Result<> remove(const BackupId&, bool even_verified) = 0;

  // With "local", the directory that is always there; by name.
  virtual Result<std::vector<BackupDestination>> destinations() = 0;
  // Writes, reads and removes an object there, then keeps it.
  virtual Result<> add_destination(BackupDestination) = 0;

  // What an instance has: its schedules (those that it would get, when nobody had a say yet), and
  // what a person must look at.
  struct Overview {
    std::vector<Backup> backups;
    std::vector<BackupSchedule> schedules;
    std::optional<TimePoint> last_verified_restore;
    std::vector<BackupAlert> alerts;
  };
  virtual Result<Overview> overview(const InstanceId&, std::string_view from_template) = 0;
};

}  // namespace gantry
