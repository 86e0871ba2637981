// One backup, one drill, one restore, from its row to its end. Each says how it ended in its row,
// and in an event; only a database that is away is an error. Blocking; one job a thread.
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "proto/backup_ledger.hpp"
#include "proto/template.hpp"
#include "runtime/backup/copy.hpp"
#include "runtime/backup/places.hpp"
#include "runtime/backup/workbench.hpp"
#include "runtime/driver.hpp"
#include "runtime/exec.hpp"
#include "runtime/volumes.hpp"

namespace gantry {

struct BackupPorts {
  Store& store;
  BackupLedger& ledger;
  Exec& exec;
  Workbench& workbench;
  // What an instance was made from, by its `from_template`; null: that is not known (any more).
  std::function<const TemplateService*(std::string_view)> made_from;
  const Clock& clock;
  Volumes* volumes = nullptr;  // none: snapshots cannot be restored
};

struct BackupOptions {
  VaultKey key;
  std::string local_path;  // of the destination "local"
  std::string base_domain = "localhost";
  // Of an environment, for containers of their own.
  std::function<NetworkSpec(const Environment&)> network = nullptr;
  int concurrency = 2;
  Duration tick = Seconds(10);
  Duration drill_interval = std::chrono::hours(24 * 7);
  Duration drill_again = std::chrono::hours(24);  // after one that failed
  Seconds ready_within{180};                      // a throw-away container
  Seconds deployed_within{1800};                  // a service that a restore made
  Seconds committed_within{60};                   // its rows
  Duration pause = Seconds(1);                    // between two looks
  AlertLimits alerts = {};
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class BackupJobs {
 public:
  BackupJobs(const BackupPorts& ports, const BackupOptions& options)
      : ports_(ports), options_(options), places_(ports.ledger, options.local_path) {}

  Result<> back_up(const BackupId&, const std::stop_token&);
  // Restores it into a throw-away container and compares.
  Result<> drill(const BackupId&, const std::stop_token&);
  // The same, asked for by a row, which is there until it has come to its end.
  Result<> asked_drill(const BackupId&, const std::stop_token&);
  Result<> restore(const RestoreId&, const std::stop_token&);
  // Of a restore that an earlier daemon left in the middle: what was there before comes back.
  Result<> undo(const RestoreId&, const std::stop_token&);
  // Its object goes; the row stays with `status`.
  Result<> expire(Backup, const std::string& reason);

  BackupPlaces& places() { return places_; }
  void tell(const Backup&, std::string_view event, const std::string& message);

 private:
  // An instance with what is needed to copy it.
  struct Subject {
    std::shared_ptr<const InstanceView> view;
    Environment environment;
    const TemplateService* made_from = nullptr;  // null: of no template that is known
    std::string image;                           // that runs
    ResolvedVariables variables;                 // of what runs
    std::vector<Volume> volumes;                 // that it mounts, by path
  };
  Result<Subject> subject(const InstanceId&, const std::string& from_template);
  // Of a replica that serves: the container. Code::conflict "not_running".
  Result<std::string> container_of(const InstanceId&, BackupKind);
  OneOffSpec one_off(const Subject&) const;
  bool wait(const std::stop_token&) const;

  Result<> make(Backup&, const std::stop_token&);
  Result<Copied> copy(Backup&, std::unique_ptr<Execution>, const std::string& what,
                      const std::stop_token&);
  Result<Manifest> inspect(const std::string& container, const DataTools&, const std::stop_token&);
  Result<> read_archive(const Backup&);
  Result<> try_restore(const Backup&, const std::stop_token&);
  Result<> wait_ready(const ThrowAway&, const TemplateService&, const std::stop_token&);
  Result<> put_into(const Backup&, const std::string& container, const DataTools&,
                    const std::stop_token&);

  Result<> give_back(Restore&, const Backup&, const std::stop_token&);
  std::string safety_back(const Restore&, const std::stop_token&);
  Result<> try_safety_back(const Restore&, const std::stop_token&);
  Result<> keep_safety(Restore&, const Backup&, const std::stop_token&);
  // Snapshots (snapshot.cpp). The program that writes one.
  Result<std::vector<std::string>> pack_command(Backup&, const Subject&,
                                                const std::string& container,
                                                const std::stop_token&);
  Result<bool> has_gnu_tar(const std::string& container, const std::string& image,
                           const std::stop_token&);
  Result<> give_back_snapshot(const Restore&, const Backup&, const std::stop_token&);
  Result<> give_back_beside(const Restore&, const Backup&, const Subject&, const std::stop_token&);
  Result<std::vector<Volume>> make_beside(const Restore&, const std::vector<Volume>& olds);
  Result<> swap(const std::vector<Volume>& olds, const std::vector<Volume>& news,
                const InstanceId&);
  Result<> unpack(const Backup&, const Subject&, const std::vector<Volume>&,
                  const std::stop_token&);
  Result<> deploy(const InstanceView&, const ProjectSnapshot&, const BackupId&);
  // The rows of who asked are there: they may be committed after the row of the restore.
  Result<> committed(const InstanceId&, const std::stop_token&);
  // A service that was made for it: deployed, and waited for.
  Result<> bring_up(const Restore&, BackupKind, const std::stop_token&);

  const BackupPorts ports_;
  const BackupOptions& options_;
  BackupPlaces places_;
};

// "<project>/<environment>/<service>/<id>.gantry": names of the day, for people who look there.
std::string object_key_of(const Backup&);
// The label that its pieces are sealed under.
std::string label_of(const Backup&);
Copied copied_of(const Backup&);

}  // namespace gantry
