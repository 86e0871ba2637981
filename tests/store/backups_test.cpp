// The ledger of backups: what is written is read again, and outlives what it speaks of.
#include "proto/backup_ledger.hpp"
#include "store/open_ledger.hpp"
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

class StoreBackups : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store_ = open();
    world_ = make_world(*store_);
    ledger_ = open_backup_ledger(*store_);
  }
  Backup sample() const {
    Backup backup;
    backup.id = BackupId::make(system_clock().now());
    backup.origin = {world_.project.id,
                     world_.environment,
                     world_.service.id,
                     world_.instance.id,
                     "shop",
                     "production",
                     "web"};
    backup.from_template = "postgres";
    backup.image = "postgres:17";
    backup.trigger = BackupTrigger::schedule;
    backup.schedule = "daily";
    backup.destination = "local";
    backup.object_key = "shop/production/web/" + backup.id.str();
    backup.created_at = *parse_time("2026-11-29T03:00:00Z");
    return backup;
  }

  std::unique_ptr<Store> store_;
  World world_;
  std::unique_ptr<BackupLedger> ledger_;
};

TEST_F(StoreBackups, EverythingIsReadAsItWasWritten) {
  Backup backup = sample();
  ASSERT_TRUE(ledger_->add_backup(backup));
  EXPECT_TRUE(ledger_->add_backup(backup)) << "again: nothing happens";
  EXPECT_TRUE(*ledger_->begin_backup(backup.id));
  EXPECT_FALSE(*ledger_->begin_backup(backup.id)) << "one begins it";
  backup.status = BackupStatus::good;
  backup.bytes = 1LL << 40;
  backup.stored_bytes = backup.bytes + 99;
  backup.sha256 = std::string(64, 'a');
  backup.before = {{"public.a", 3}};
  backup.after = {{"public.a", 4}, {"with\ttab", 0}};
  backup.finished_at = *parse_time("2026-11-29T03:01:00Z");
  backup.verified_at = *parse_time("2026-11-29T04:01:00Z");
  backup.verify_reason = "it's \"fine\"";
  ASSERT_TRUE(ledger_->record_backup(backup));
  const auto read = ledger_->backup(backup.id);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->status, BackupStatus::good);
  EXPECT_EQ(read->bytes, backup.bytes);
  EXPECT_EQ(read->stored_bytes, backup.stored_bytes);
  EXPECT_EQ(read->after, backup.after);
  EXPECT_EQ(read->before, backup.before);
  EXPECT_EQ(read->verified_at, backup.verified_at);
  EXPECT_EQ(read->finished_at, backup.finished_at);
  EXPECT_EQ(read->verify_reason, backup.verify_reason);
  EXPECT_EQ(read->origin.instance_id, world_.instance.id);
  EXPECT_EQ(read->origin.service, "web");
  EXPECT_EQ(read->schedule, "daily");
  EXPECT_TRUE(ledger_->lock_backup(backup.id, true)->locked);
  ASSERT_TRUE(ledger_->record_backup(backup));
  EXPECT_TRUE(ledger_->backup(backup.id)->locked) << "who records a proof unlocks nothing";
  ASSERT_TRUE(ledger_->erase_backup(backup.id));
  EXPECT_EQ(ledger_->backup(backup.id).error().code, Code::not_found);
  EXPECT_EQ(ledger_->record_backup(backup).error().code, Code::not_found);
}

TEST_F(StoreBackups, TheyComeInTheOrderTheyWereBegun) {
  Backup late = sample(), early = sample();
  early.id = BackupId::make(*parse_time("2020-01-01T00:00:00Z"));  // by a clock that went back
  ASSERT_TRUE(ledger_->add_backup(late));
  ASSERT_TRUE(ledger_->add_backup(early));
  const auto all = ledger_->backups({.instance_id = world_.instance.id});
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].id, late.id);
  EXPECT_TRUE(ledger_->backups({.instance_id = InstanceId::make(system_clock().now())})->empty());
}

TEST_F(StoreBackups, TheyOutliveTheirProject) {
  ASSERT_TRUE(ledger_->add_backup(sample()));
  ASSERT_TRUE(ledger_->put_schedules(world_.instance.id, *backup_profile("long"), {}));
  ASSERT_TRUE(
      write(*store_, [&](Transaction& t) { return t.delete_project(world_.project.id, {}); }));
  EXPECT_EQ(ledger_->backups({.project_id = world_.project.id})->size(), 1U);
  EXPECT_EQ((*ledger_->schedules(world_.instance.id))->schedules.size(), 1U);
}

TEST_F(StoreBackups, SchedulesKeepTheirLastRun) {
  const TimePoint start = *parse_time("2026-11-01T00:00:00Z"), run = start + std::chrono::hours(3);
  EXPECT_FALSE(ledger_->schedules(world_.instance.id)->has_value());
  ASSERT_TRUE(ledger_->put_schedules(world_.instance.id, *backup_profile("standard"), start));
  ASSERT_TRUE(ledger_->record_run(world_.instance.id, "daily", run));
  ASSERT_TRUE(ledger_->record_outcome(world_.instance.id, "daily", false));
  ASSERT_TRUE(ledger_->record_outcome(world_.instance.id, "daily", false));
  BackupSchedule weekly;
  weekly.name = "weekly";
  weekly.cron = "0 4 * * 0";
  weekly.keep_count = 4;
  auto wanted = *backup_profile("long");
  wanted.push_back(weekly);
  ASSERT_TRUE(ledger_->put_schedules(world_.instance.id, wanted, run));
  auto plan = **ledger_->schedules(world_.instance.id);
  ASSERT_EQ(plan.schedules.size(), 2U);
  EXPECT_EQ(plan.since, start);
  EXPECT_EQ(plan.schedules[0].last_started_at, run);
  EXPECT_EQ(plan.schedules[0].failures, 2);
  EXPECT_EQ(plan.schedules[0].keep_seconds, 14 * 86400);
  EXPECT_EQ(plan.schedules[1].last_started_at, run);
  EXPECT_EQ(plan.schedules[1].keep_count, 4);
  ASSERT_TRUE(ledger_->record_outcome(world_.instance.id, "daily", true));
  EXPECT_EQ((*ledger_->schedules(world_.instance.id))->schedules[0].failures, 0);
  ASSERT_TRUE(ledger_->put_schedules(world_.instance.id, {}, run));
  plan = **ledger_->schedules(world_.instance.id);
  EXPECT_TRUE(plan.schedules.empty()) << "none is wanted, which is not the same as no word";
  EXPECT_EQ(ledger_->all_schedules()->size(), 1U);
}

TEST_F(StoreBackups, CredentialsAreNowhereInTheDatabase) {
  BackupDestination bucket;
  bucket.name = "offsite";
  bucket.kind = "s3";
  bucket.endpoint = "https://s3.example.com";
  bucket.bucket = "backups";
  bucket.access_key_id = "AKIA";
  bucket.secret_access_key = "a-secret-that-nobody-reads";
  bucket.preferred = true;
  ASSERT_TRUE(ledger_->put_destination(bucket));
  const auto all = ledger_->destinations();
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ((*all)[0].secret_access_key, bucket.secret_access_key);
  EXPECT_TRUE(sql("select 1 from backup_destinations d where d::text like '%nobody-reads%' or "
                  "encode(secret_access_key, 'escape') like '%nobody-reads%'")
                  .empty());
  BackupDestination other = bucket;
  other.name = "second";
  ASSERT_TRUE(ledger_->put_destination(other));
  EXPECT_FALSE((*ledger_->destinations())[0].preferred) << "one is";
  Backup backup = sample();
  backup.destination = "offsite";
  ASSERT_TRUE(ledger_->add_backup(backup));
  EXPECT_EQ(ledger_->remove_destination("offsite").error().reason, "destination_in_use");
  ASSERT_TRUE(ledger_->erase_backup(backup.id));
  EXPECT_TRUE(ledger_->remove_destination("offsite"));
  EXPECT_EQ(ledger_->remove_destination("offsite").error().code, Code::not_found);
}

TEST_F(StoreBackups, RestoresAreKept) {
  Restore restore;
  restore.id = RestoreId::make(system_clock().now());
  restore.backup_id = BackupId::make(system_clock().now());
  restore.instance_id = world_.instance.id;
  restore.created_at = *parse_time("2026-11-29T03:00:00Z");
  ASSERT_TRUE(ledger_->add_restore(restore));
  restore.status = RestoreStatus::failed;
  restore.reason = "no";
  restore.safety_id = BackupId::make(system_clock().now());
  restore.finished_at = restore.created_at;
  ASSERT_TRUE(ledger_->record_restore(restore));
  const auto read = ledger_->restore(restore.id);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status, RestoreStatus::failed);
  EXPECT_EQ(read->safety_id, restore.safety_id);
  EXPECT_EQ(ledger_->restores(world_.instance.id)->size(), 1U);
}

TEST_F(StoreBackups, OneDaemonLeads) {
  EXPECT_TRUE(*ledger_->leads());
  auto other = open_without_lease();
  EXPECT_FALSE(*open_backup_ledger(*other)->leads());
}

}  // namespace
}  // namespace gantry
