// The runner over a real store, with databases that are not: FakeExec's. Time stands still unless a
// test moves it.
#pragma once

#include <atomic>

#include "runtime/backup/runner.hpp"
#include "runtime/sim/volumes.hpp"
#include "store/open_ledger.hpp"
#include "tests/backup/fake_exec.hpp"
#include "tests/support/postgres.hpp"

namespace gantry::testing {

class SetClock final : public Clock {
 public:
  TimePoint now() const override { return now_.load(); }
  void set(TimePoint now) { now_ = now; }
  void pass(Duration span) { now_ = now_.load() + span; }

 private:
  std::atomic<TimePoint> now_{*parse_time("2026-11-29T12:00:00Z")};
};

class BackupRunnerTest : public StoreTest {
 protected:
  void SetUp() override;
  void TearDown() override { runner_.reset(); }

  // A runner with `change`d options, started.
  void run(const std::function<void(BackupOptions&)>& change = nullptr);
  // A service made from `fake` that runs, with rows in it. Its container is "c-<name>".
  InstanceId database(const std::string& service, FakeDatabase = {{{"t", 3}}, 1000});
  BackupRequest wanted(const InstanceId&) const;
  void settle();  // looks until nothing is left to do
  std::vector<Backup> backups(const InstanceId&) const;
  Backup last(const InstanceId& id) const { return backups(id).back(); }
  Backup good_one(const InstanceId&);
  std::vector<std::string> events(const std::string& type) const;  // messages
  int objects() const;                                             // files at "local"

  std::unique_ptr<Store> store_;
  std::unique_ptr<BackupLedger> ledger_;
  std::optional<Project> project_;
  EnvironmentId environment_;
  SetClock clock_;
  FakeExec exec_;
  SimEngine engine_{clock_};
  std::optional<SimVolumes> volumes_;
  std::unique_ptr<Workbench> workbench_ = make_workbench(exec_, one_off_container);
  std::unique_ptr<BackupRunner> runner_;
};

}  // namespace gantry::testing
