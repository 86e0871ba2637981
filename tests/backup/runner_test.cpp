// What the runner does by itself and when it is asked, and what goes wrong.
#include "tests/backup/runner_fixture.hpp"
#include "tests/backup/streams.hpp"
#include "tests/support/s3_store.hpp"

namespace gantry::testing {
namespace {

using std::chrono::hours;

class BackupRuns : public BackupRunnerTest {};

TEST_F(BackupRuns, EveryDatabaseHasADailyOneWithoutAWord) {
  run();
  const auto id = database("db");
  settle();
  const auto plan = ledger_->schedules(id);
  ASSERT_TRUE(plan->has_value());
  EXPECT_EQ((*plan)->schedules[0].keep_seconds, 7 * 86400);
  EXPECT_TRUE(backups(id).empty()) << "not before its time";
  clock_.pass(hours(24));
  settle();
  ASSERT_EQ(backups(id).size(), 1U);
  const Backup made = last(id);
  EXPECT_EQ(made.status, BackupStatus::good) << made.reason;
  EXPECT_EQ(made.trigger, BackupTrigger::schedule);
  EXPECT_EQ(made.before, (Manifest{{"t", 3}}));
  EXPECT_EQ(made.image, "fake:1");
  settle();
  EXPECT_EQ(backups(id).size(), 1U) << "once";
}

TEST_F(BackupRuns, WhoWantsNoneHasNone) {
  run();
  const auto id = database("db");
  ASSERT_TRUE(ledger_->put_schedules(id, {}, clock_.now()));
  clock_.pass(hours(48));
  settle();
  EXPECT_TRUE(backups(id).empty());
}

TEST_F(BackupRuns, ANewestOneIsProvedAndTheProofIsAField) {
  run();
  const auto id = database("db", {{{"t", 3}, {"u", 0}}, 300000});
  good_one(id);
  const Backup made = last(id);
  ASSERT_TRUE(made.verified_at) << made.verify_reason;
  EXPECT_EQ(*made.verified_at, clock_.now());
  EXPECT_EQ(runner_->overview(id, "fake")->last_verified_restore, clock_.now());
  EXPECT_EQ(exec_.one_offs, 0) << "what was thrown away is gone";
  EXPECT_EQ(exec_.databases().size(), 1U);
  EXPECT_EQ(events("backup.verified").size(), 1U);
  settle();
  EXPECT_EQ(events("backup.verified").size(), 1U) << "a week is not over";
  clock_.pass(hours(24 * 7));
  settle();
  EXPECT_EQ(events("backup.verified").size(), 2U);
}

TEST_F(BackupRuns, ARestoreThatLosesARowIsFound) {
  run();
  const auto id = database("db");
  exec_.fault(FakeFault{.program = "restore", .loses_a_row = true});
  good_one(id);
  EXPECT_FALSE(last(id).verified_at);
  EXPECT_EQ(last(id).verify_reason, "1 tables are not as they were: t: 2 rows, expected 3");
  EXPECT_EQ(events("backup.unverified").size(), 1U);
  settle();
  EXPECT_EQ(events("backup.unverified").size(), 1U) << "not at every look";
  exec_.fault(std::nullopt);
  ASSERT_TRUE(runner_->request_drill(last(id).id));
  settle();
  EXPECT_TRUE(last(id).verified_at);
  EXPECT_EQ(last(id).verify_reason, "");
}

TEST_F(BackupRuns, EveryStageThatFailsFailsIt) {
  run();
  const auto id = database("db", {{{"t", 3}}, 300000});
  for (const auto* program : {"dump", "inspect"}) {
    exec_.fault(FakeFault{program, 100000, 137, "Killed"});
    ASSERT_TRUE(runner_->request(wanted(id)));
    if (std::string(program) == "inspect") exec_.fault(FakeFault{program, 0, 1, "no"});
    settle();
    EXPECT_EQ(last(id).status, BackupStatus::failed) << program;
    EXPECT_NE(last(id).reason, "");
  }
  EXPECT_EQ(events("backup.failed").size(), 2U);
  EXPECT_EQ(objects(), 0) << "nothing of them is left";
  EXPECT_EQ(runner_->overview(id, "fake")->alerts.at(0).code, "backup_failed");
}

TEST_F(BackupRuns, WhatDoesNotRunCannotBeAskedForItsData) {
  run();
  const auto id = database("db");
  Replica replica = store_->replicas(id)->at(0);
  replica.ready = false;
  ASSERT_TRUE(store_->record_replica(replica));
  ASSERT_TRUE(runner_->request(wanted(id)));
  settle();
  EXPECT_EQ(last(id).status, BackupStatus::failed);
  EXPECT_NE(last(id).reason.find("does not run"), std::string::npos);
}

TEST_F(BackupRuns, ARestoreKeepsWhatWasThereFirst) {
  run();
  const auto id = database("db");
  const Backup monday = good_one(id);
  exec_.set("c-db", {{{"t", 2}, {"precious", 7}}, 0});
  const auto restore = runner_->request_restore(monday.id, id, false);
  ASSERT_TRUE(restore);
  settle();
  const auto ended = ledger_->restore(restore->id);
  EXPECT_EQ(ended->status, RestoreStatus::done) << ended->reason;
  EXPECT_EQ(exec_.databases()["c-db"].tables, (Manifest{{"t", 3}}));
  const auto safety = ledger_->backup(ended->safety_id);
  ASSERT_TRUE(safety);
  EXPECT_EQ(safety->trigger, BackupTrigger::safety);
  EXPECT_EQ(safety->before, (Manifest{{"t", 2}, {"precious", 7}}));
  // And back again.
  ASSERT_TRUE(runner_->request_restore(safety->id, id, false));
  settle();
  EXPECT_EQ(exec_.databases()["c-db"].tables, (Manifest{{"t", 2}, {"precious", 7}}));
}

TEST_F(BackupRuns, WithoutASafetyCopyNothingIsChanged) {
  run();
  const auto id = database("db");
  const Backup monday = good_one(id);
  exec_.set("c-db", {{{"precious", 7}}, 0});
  exec_.fault(FakeFault{"dump", 0, 1, "disk full"});
  const auto restore = runner_->request_restore(monday.id, id, false);
  settle();
  EXPECT_EQ(ledger_->restore(restore->id)->status, RestoreStatus::failed);
  EXPECT_NE(ledger_->restore(restore->id)->reason.find("nothing was changed"), std::string::npos);
  EXPECT_EQ(exec_.databases()["c-db"].tables, (Manifest{{"precious", 7}}));
  EXPECT_EQ(events("restore.failed").size(), 1U);
}

TEST_F(BackupRuns, ARestoreThatBreaksOffGivesBackWhatWasThere) {
  run();
  const auto id = database("db");
  const Backup good = good_one(id);
  exec_.set("c-db", {{{"t", 7}}, 1000});
  int restores = 0;
  exec_.on_program = [&](const std::string& program) {
    if (program != "restore") return;
    // What the first one leaves is a half.
    if (++restores == 1)
      exec_.fault(FakeFault{.program = "restore", .says = "no space left"});
    else
      exec_.fault(std::nullopt);
    exec_.set("c-db", {{{"half", 1}}, 0});
  };
  const auto asked = runner_->request_restore(good.id, id, false);
  settle();
  EXPECT_EQ(restores, 2);
  EXPECT_EQ(ledger_->restore(asked->id)->status, RestoreStatus::failed);
  EXPECT_NE(ledger_->restore(asked->id)->reason.find("no space left; what was there before was "),
            std::string::npos)
      << ledger_->restore(asked->id)->reason;
  EXPECT_EQ(exec_.databases()["c-db"].tables, (Manifest{{"t", 7}}));
}

TEST_F(BackupRuns, ARestoreThatADaemonLeftIsUndoneByTheNext) {
  run();
  const auto id = database("db");
  const Backup good = good_one(id);
  exec_.set("c-db", {{{"t", 7}}, 1000});
  exec_.on_program = [&](const std::string& program) {
    if (program != "restore") return;
    exec_.set("c-db", {{{"half", 1}}, 0});
    throw std::runtime_error("killed");
  };
  const auto asked = runner_->request_restore(good.id, id, false);
  settle();
  ASSERT_EQ(ledger_->restore(asked->id)->status, RestoreStatus::running);
  exec_.on_program = nullptr;
  run();
  settle();
  EXPECT_EQ(ledger_->restore(asked->id)->status, RestoreStatus::failed);
  EXPECT_EQ(ledger_->restore(asked->id)->reason,
            "the daemon stopped meanwhile; what was there before was given back");
  EXPECT_EQ(exec_.databases()["c-db"].tables, (Manifest{{"t", 7}}));
}

TEST_F(BackupRuns, ABackupOfAnotherKeyTouchesNothing) {
  run();
  const auto id = database("db");
  const Backup monday = good_one(id);
  run([](BackupOptions& options) {
    std::array<unsigned char, 32> other{};
    options.key = VaultKey::of(other);
  });
  const auto restore = runner_->request_restore(monday.id, id, false);
  settle();
  EXPECT_EQ(ledger_->restore(restore->id)->status, RestoreStatus::failed);
  EXPECT_NE(ledger_->restore(restore->id)->reason.find("another key"), std::string::npos);
  EXPECT_EQ(exec_.databases()["c-db"].tables, (Manifest{{"t", 3}}));
  ASSERT_TRUE(runner_->request_drill(monday.id));
  settle();
  EXPECT_NE(last(id).verify_reason.find("another key"), std::string::npos);
  EXPECT_EQ(objects(), 1) << "the old copy is kept";
}

TEST_F(BackupRuns, IntoAnotherService) {
  run();
  const auto from = database("db"), to = database("copy", {});
  const Backup made = good_one(from);
  ASSERT_TRUE(runner_->request_restore(made.id, to, true));
  settle();
  EXPECT_EQ(exec_.databases()["c-copy"].tables, (Manifest{{"t", 3}}));
  EXPECT_TRUE(backups(to).empty()) << "there was nothing to keep";
}

TEST_F(BackupRuns, FiftyAtTheSameMinuteAreTwoAtATime) {
  run();
  std::vector<InstanceId> all;
  for (int i = 0; i < 50; ++i)
    all.push_back(database("db" + std::to_string(i), {{{"t", i}}, 100000}));
  exec_.on_program = [](const std::string& program) {
    if (program == "dump") std::this_thread::sleep_for(std::chrono::milliseconds(2));
  };
  settle();
  clock_.pass(hours(24));
  settle();
  for (const auto& id : all) {
    ASSERT_EQ(backups(id).size(), 1U);
    EXPECT_EQ(last(id).status, BackupStatus::good) << last(id).reason;
  }
  EXPECT_LE(exec_.most_dumps, 2);
  EXPECT_GE(exec_.most_dumps, 1);
}

TEST_F(BackupRuns, OldOnesGoAndTheProvedOneStays) {
  run();
  const auto id = database("db");
  settle();
  std::vector<BackupId> made;
  for (int day = 0; day < 10; ++day) {
    clock_.pass(hours(24));
    settle();
    made.push_back(last(id).id);
    // From the second day on no drill succeeds.
    if (day == 0) exec_.fault(FakeFault{"restore", 0, 1, "no"});
  }
  const auto left = backups(id);
  EXPECT_EQ(left.size(), 9U) << "those of seven days, both ends, and the one that was proved";
  EXPECT_EQ(left[0].id, made[0]);
  EXPECT_TRUE(left[0].verified_at);
  EXPECT_EQ(objects(), 9);
  EXPECT_EQ(runner_->remove(made[0], false).error().reason, "last_verified");
  ASSERT_TRUE(ledger_->lock_backup(made[9], true));
  EXPECT_EQ(runner_->remove(made[9], true).error().reason, "backup_locked");
  EXPECT_TRUE(runner_->remove(made[0], true));
  EXPECT_EQ(objects(), 8);
}

TEST_F(BackupRuns, AClockThatJumpsCostsNoCopy) {
  run();
  const auto id = database("db");
  settle();
  for (int day = 0; day < 7; ++day) {
    clock_.pass(hours(24));
    settle();
  }
  ASSERT_EQ(objects(), 7);
  const TimePoint real = clock_.now();
  clock_.pass(hours(24 * 400));
  settle();
  EXPECT_GE(objects(), 7);
  clock_.set(real + hours(24));
  settle();
  EXPECT_GE(objects(), 7);
  EXPECT_EQ(last(id).created_at, real + hours(24)) << "it goes on after the clock went back";
  int of_before = 0;
  for (const Backup& one : backups(id)) of_before += one.created_at <= real ? 1 : 0;
  EXPECT_GE(of_before, 6);
}

TEST_F(BackupRuns, ASilentWeekIsTold) {
  run();
  const auto id = database("db");
  settle();
  ASSERT_TRUE(runner_->request(wanted(id)));
  exec_.fault(FakeFault{"health", 0, 1, "no"});
  EXPECT_TRUE(events("restore.unverified").empty());
  // A clock that stands still in a loop that waits for it would never end.
  run([](BackupOptions& options) { options.ready_within = Seconds(-1); });
  settle();
  clock_.pass(hours(24 * 9));
  settle();
  ASSERT_EQ(events("restore.unverified").size(), 1U);
  EXPECT_NE(events("restore.unverified")[0].find("no backup has been proved"), std::string::npos);
}

TEST_F(BackupRuns, WhatAnEarlierDaemonLeftIsFailedAndTriedAgain) {
  const auto id = database("db");
  run();
  settle();
  clock_.pass(hours(24));
  exec_.on_program = [](const std::string& program) {
    if (program == "dump") throw std::runtime_error("killed");
  };
  settle();
  ASSERT_EQ(last(id).status, BackupStatus::running);
  exec_.on_program = nullptr;
  run();
  settle();
  EXPECT_EQ(last(id).status, BackupStatus::failed);
  EXPECT_EQ(last(id).reason, "the daemon stopped while it was taken");
  clock_.pass(std::chrono::minutes(16));
  settle();
  EXPECT_EQ(last(id).status, BackupStatus::good) << last(id).reason;
}

TEST_F(BackupRuns, ADrillThatWasAskedForOutlivesTheDaemon) {
  run();
  const auto id = database("db");
  const Backup good = good_one(id);
  runner_->stop();
  ASSERT_TRUE(runner_->request_drill(good.id));
  clock_.pass(std::chrono::minutes(1));
  EXPECT_TRUE(ledger_->backup(good.id)->drill_asked_at);
  run();
  settle();
  EXPECT_EQ(*ledger_->backup(good.id)->verified_at, clock_.now());
  EXPECT_FALSE(ledger_->backup(good.id)->drill_asked_at);
}

TEST_F(BackupRuns, ADrillThatEndsTheDaemonIsGivenUp) {
  run();
  const auto id = database("db");
  const Backup good = good_one(id);
  ASSERT_TRUE(runner_->request_drill(good.id));
  int tried = 0;
  exec_.on_program = [&](const std::string& program) {
    if (program != "run") return;
    ++tried;
    throw std::runtime_error("killed");
  };
  for (int daemon = 0; daemon < 5; ++daemon) {
    run();
    settle();
  }
  EXPECT_EQ(tried, 3);
  EXPECT_NE(last(id).verify_reason.find("3 times"), std::string::npos);
  EXPECT_FALSE(last(id).drill_asked_at);
}

TEST_F(BackupRuns, OnlyWhoLeadsDoesAnything) {
  const auto id = database("db");
  auto other = open_without_lease();
  auto ledger = open_backup_ledger(*other);
  std::array<unsigned char, 32> master{};
  BackupRunner idle({*other, *ledger, exec_, *workbench_, fake_template, clock_},
                    {.key = VaultKey::of(master), .local_path = directory_.path() + "/backups"});
  ASSERT_TRUE(idle.request(wanted(id)));
  ASSERT_TRUE(idle.look());
  EXPECT_EQ(idle.pending(), 0);
  EXPECT_FALSE(ledger_->schedules(id)->has_value());
  EXPECT_EQ(last(id).status, BackupStatus::queued) << "whoever leads takes it";
}

TEST_F(BackupRuns, ADumpIsSentAndFetched) {
  run();
  const auto id = database("db");
  const std::string dump = dump_of({{{"sent", 4}}, 200000});
  auto intake = runner_->receive(wanted(id));
  ASSERT_TRUE(intake) << intake.error().detail;
  ASSERT_TRUE((*intake)->write(dump.substr(0, 1000)));
  ASSERT_TRUE((*intake)->write(dump.substr(1000)));
  const auto sent = (*intake)->finish();
  ASSERT_TRUE(sent) << sent.error().detail;
  EXPECT_EQ(sent->trigger, BackupTrigger::upload);
  EXPECT_EQ(*read_all(**runner_->content(*sent)), dump);
  ASSERT_TRUE(runner_->request_restore(sent->id, id, false));
  settle();
  EXPECT_EQ(exec_.databases()["c-db"].tables, (Manifest{{"sent", 4}}));
  {
    auto broken = runner_->receive(wanted(id));
    ASSERT_TRUE((*broken)->write("half"));
  }
  EXPECT_EQ(objects(), 2) << "the sent one and the safety copy";
}

TEST_F(BackupRuns, ABucketIsProvedBeforeItIsKept) {
  S3StandIn store;
  run();
  const auto id = database("db");
  const S3Options options = store.options();
  BackupDestination bucket;
  bucket.name = "offsite";
  bucket.kind = "s3";
  bucket.endpoint = options.endpoint;
  bucket.bucket = options.bucket;
  bucket.access_key_id = options.access_key_id;
  bucket.secret_access_key = "wrong";
  bucket.preferred = true;
  EXPECT_EQ(runner_->add_destination(bucket).error().reason, "destination_refused");
  EXPECT_TRUE(ledger_->destinations()->empty());
  bucket.secret_access_key = options.secret_access_key;
  ASSERT_TRUE(runner_->add_destination(bucket));
  const Backup made = good_one(id);
  EXPECT_EQ(made.destination, "offsite");
  EXPECT_TRUE(last(id).verified_at) << last(id).verify_reason;
  EXPECT_EQ(objects(), 0);
  store.faults(R"([{"op":"put_object","kind":"status","status":403,"count":1}])");
  ASSERT_TRUE(runner_->request(wanted(id)));
  settle();
  EXPECT_EQ(last(id).status, BackupStatus::failed);
  EXPECT_NE(last(id).reason.find("403"), std::string::npos);
  EXPECT_EQ(events("backup.failed").size(), 1U);
  EXPECT_NE(store.state().find(made.object_key), std::string::npos) << "the old copy is kept";
}

}  // namespace
}  // namespace gantry::testing
