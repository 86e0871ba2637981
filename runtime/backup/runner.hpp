// Carries out what is due and what people asked for: backups, drills, restores, retention, alerts.
// One thread looks, `concurrency` threads work, all of them with the lowest priority for the disk.
// Only the daemon that holds the lease does anything. Owned by the daemon.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "runtime/backup/backups.hpp"
#include "runtime/backup/jobs.hpp"

namespace gantry {

class BackupRunner : public Backups {
 public:
  BackupRunner(const BackupPorts&, BackupOptions);
  ~BackupRunner() override;

  void start();
  void stop();  // what is under way is broken off, and is failed in its row

  // One look at everything; for tests, too. Errors of the database end it.
  Result<> look();
  int pending() const;  // jobs that wait or are under way

  BackupLedger& ledger() override { return ports_.ledger; }
  bool dumps(std::string_view from_template) const override;
  Result<Backup> request(const BackupRequest&) override;
  Result<Restore> request_restore(const BackupId&, const InstanceId& to, bool fresh) override;
  Result<> request_drill(const BackupId&) override;
  Result<std::unique_ptr<ByteSource>> content(const Backup&) override;
  Result<std::unique_ptr<BackupIntake>> receive(const BackupRequest&) override;
  Result<> remove(const BackupId&, bool even_verified) override;
  Result<std::vector<BackupDestination>> destinations() override { return jobs_.places().all(); }
  Result<> add_destination(BackupDestination) override;
  Result<Overview> overview(const InstanceId&, std::string_view from_template) override;

 private:
  using Job = std::function<void(const std::stop_token&)>;

  void lookout(const std::stop_token&);
  void work(const std::stop_token&);
  void wake();
  // Unless it is queued or under way already.
  void enqueue(const std::string& id, Job);

  Result<Backup> new_backup(const BackupRequest&);
  Result<> pick_up();  // what an earlier daemon left half done
  Result<> give_defaults(TimePoint now);
  Result<> start_due(TimePoint now);
  Result<> retain(const std::vector<Backup>&, const InstanceSchedules&, TimePoint now);
  void plan_drill(const std::vector<Backup>&, const InstanceId&, TimePoint now);
  void raise(const std::vector<Backup>&, const InstanceSchedules&, TimePoint now);
  Result<> dispatch(const std::vector<Backup>&);

  const BackupPorts ports_;
  const BackupOptions options_;
  BackupJobs jobs_;
  bool picked_up_ = false;  // of the looking thread
  std::map<InstanceId, TimePoint> tried_;
  std::map<std::string, TimePoint> raised_;

  std::mutex looking_;  // one look at a time
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;
  std::deque<std::pair<std::string, Job>> queue_;
  std::set<std::string> under_way_;
  std::vector<std::jthread> threads_;  // last
};

// Where an instance is; nothing: it is gone, or its environment is deleted.
std::optional<BackupOrigin> origin_in(const ProjectPtr&, const InstanceId&);

}  // namespace gantry
