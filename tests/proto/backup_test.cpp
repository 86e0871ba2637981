// Backups as values: when one is due, which may go, whether a restored one is the same.
#include "proto/backup.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TimePoint at(const std::string& text) { return *parse_time(text + ":00Z"); }
constexpr std::int64_t kDay = 86400;

BackupSchedule daily(std::int64_t days = 7) {
  BackupSchedule schedule;
  schedule.name = "daily";
  schedule.cron = "0 3 * * *";
  schedule.keep_seconds = days * kDay;
  return schedule;
}

Backup made(const std::string& time, BackupTrigger trigger = BackupTrigger::schedule) {
  Backup backup;
  backup.id = BackupId::make(at(time));
  backup.trigger = trigger;
  if (trigger == BackupTrigger::schedule) backup.schedule = "daily";
  backup.status = BackupStatus::good;
  backup.created_at = at(time);
  return backup;
}

// One a day at three, `days` of them up to and with `last`.
std::vector<Backup> dailies(const std::string& last, int days) {
  std::vector<Backup> all;
  for (int i = days - 1; i >= 0; --i) {
    all.push_back(made(last));
    all.back().created_at -= Seconds(i * kDay);
  }
  return all;
}

std::vector<std::size_t> given_up(const std::vector<Backup>& backups,
                                  const std::vector<BackupSchedule>& schedules,
                                  const std::string& now) {
  std::vector<std::size_t> out;
  const auto ids = retention(backups, schedules, at(now));
  for (std::size_t i = 0; i < backups.size(); ++i)
    if (std::find(ids.begin(), ids.end(), backups[i].id) != ids.end()) out.push_back(i);
  return out;
}

using Places = std::vector<std::size_t>;

TEST(ProtoBackup, EveryWordIsReadAsItIsWritten) {
  for (const auto kind : {BackupKind::dump, BackupKind::snapshot})
    EXPECT_EQ(parse_backup_kind(name(kind)), kind);
  for (const auto trigger : {BackupTrigger::manual, BackupTrigger::schedule, BackupTrigger::safety,
                             BackupTrigger::upload})
    EXPECT_EQ(parse_backup_trigger(name(trigger)), trigger);
  for (const auto status : {BackupStatus::queued, BackupStatus::running, BackupStatus::good,
                            BackupStatus::failed, BackupStatus::expired})
    EXPECT_EQ(parse_backup_status(name(status)), status);
  for (const auto status :
       {RestoreStatus::queued, RestoreStatus::running, RestoreStatus::done, RestoreStatus::failed})
    EXPECT_EQ(parse_restore_status(name(status)), status);
  EXPECT_FALSE(parse_backup_status("GOOD"));
}

TEST(ProtoBackup, TheNewestMomentOfASchedule) {
  const std::vector<std::array<std::string, 3>> cases{
      {"0 3 * * *", "2026-11-29T14:00", "2026-11-29T03:00"},
      {"0 3 * * *", "2026-11-29T03:00", "2026-11-29T03:00"},
      {"0 3 * * *", "2026-11-29T02:59", "2026-11-28T03:00"},
      {"*/15 * * * *", "2026-11-29T14:14", "2026-11-29T14:00"},
      {"5-59/20 * * * *", "2026-11-29T14:44", "2026-11-29T14:25"},
      {"0 0 * * 0", "2026-12-02T12:00", "2026-11-29T00:00"},
      {"0 0 * * 7", "2026-12-02T12:00", "2026-11-29T00:00"},
      {"0 0 1 * *", "2026-12-02T12:00", "2026-12-01T00:00"},
      {"0 0 29 2 *", "2027-01-01T00:00", "2024-02-29T00:00"},
      {"0 0 13 * 5", "2026-11-29T00:00", "2026-11-27T00:00"},  // either kind of day
      {"30 4 1,15 * *", "2026-11-14T00:00", "2026-11-01T04:30"},
  };
  for (const auto& [cron, now, expected] : cases) {
    const auto found = latest_firing(cron, at(now), std::chrono::hours(24 * 366 * 4));
    ASSERT_TRUE(found) << cron;
    EXPECT_EQ(format_time(*found), format_time(at(expected))) << cron << " " << now;
  }
  EXPECT_FALSE(latest_firing("0 3 * * *", at("2026-11-29T02:00"), std::chrono::hours(22)));
  EXPECT_FALSE(latest_firing("0 0 30 2 *", at("2026-11-29T02:00"), std::chrono::hours(24 * 3000)));
}

TEST(ProtoBackup, DueOnceHoweverManyMomentsWereMissed) {
  BackupSchedule schedule = daily();
  schedule.last_started_at = at("2026-11-29T03:00");
  EXPECT_FALSE(due(schedule, at("2026-11-29T03:00")));
  EXPECT_FALSE(due(schedule, at("2026-11-30T02:59")));
  EXPECT_TRUE(due(schedule, at("2026-11-30T03:00")));
  EXPECT_TRUE(due(schedule, at("2027-02-01T12:00"))) << "a daemon that was away, or a clock ahead";
  schedule.last_started_at = at("2027-02-01T12:00");
  EXPECT_FALSE(due(schedule, at("2027-02-01T12:00")));
  schedule.enabled = false;
  EXPECT_FALSE(due(schedule, at("2028-01-01T00:00")));
}

TEST(ProtoBackup, AClockThatWentBackDoesNotSilenceASchedule) {
  BackupSchedule schedule = daily();
  schedule.last_started_at = at("2030-01-01T03:00");
  EXPECT_TRUE(due(schedule, at("2026-11-29T12:00")));
  schedule.last_started_at = at("2026-11-29T12:01");
  EXPECT_FALSE(due(schedule, at("2026-11-29T12:00"))) << "a minute is no jump";
}

TEST(ProtoBackup, AFailureIsTriedAgainThreeTimes) {
  BackupSchedule schedule = daily();
  schedule.last_started_at = at("2026-11-29T03:00");
  schedule.failures = 1;
  EXPECT_FALSE(due(schedule, at("2026-11-29T03:14")));
  EXPECT_TRUE(due(schedule, at("2026-11-29T03:15")));
  schedule.failures = 3;
  EXPECT_FALSE(due(schedule, at("2026-11-29T03:59")));
  EXPECT_TRUE(due(schedule, at("2026-11-29T04:00")));
  schedule.failures = 4;
  EXPECT_FALSE(due(schedule, at("2026-11-29T23:00")));
  EXPECT_TRUE(due(schedule, at("2026-11-30T03:00"))) << "the next regular one comes all the same";
}

TEST(ProtoBackup, OldOnesGoByAge) {
  const auto all = dailies("2026-11-29T03:00", 10);
  EXPECT_EQ(given_up(all, {daily(7)}, "2026-11-29T04:00"), (Places{0, 1, 2}));
  EXPECT_EQ(given_up(all, {daily(14)}, "2026-11-29T04:00"), Places{});
  EXPECT_EQ(given_up(all, {}, "2026-11-29T04:00"), Places{}) << "no rule, no loss";
}

TEST(ProtoBackup, OldOnesGoByCount) {
  BackupSchedule schedule = daily(0);
  schedule.keep_count = 2;
  EXPECT_EQ(given_up(dailies("2026-11-29T03:00", 5), {schedule}, "2026-11-29T04:00"),
            (Places{0, 1, 2}));
}

TEST(ProtoBackup, AClockAheadAndWeeksWithoutARunCostNothing) {
  const auto all = dailies("2026-11-29T03:00", 7);
  EXPECT_EQ(given_up(all, {daily(7)}, "2027-11-29T04:00"), Places{});
  auto more = all;
  more.push_back(made("2027-11-29T04:00"));
  EXPECT_EQ(given_up(more, {daily(7)}, "2027-11-29T04:00"), Places{0})
      << "one of the future takes the place of one, not of all";
  // And back again: what is of the future is kept, and so is what is not old yet.
  more.push_back(made("2026-11-30T03:00"));
  EXPECT_EQ(given_up(more, {daily(7)}, "2026-11-30T04:00"), Places{0});
}

TEST(ProtoBackup, WhatNoRuleTakes) {
  auto all = dailies("2026-11-29T03:00", 10);
  all[0].locked = true;
  all[1].verified_at = at("2026-11-21T05:00");
  all[2].trigger = BackupTrigger::manual;
  EXPECT_EQ(given_up(all, {daily(7)}, "2026-11-29T04:00"), Places{});
  all[5].verified_at = at("2026-11-26T05:00");
  EXPECT_EQ(given_up(all, {daily(7)}, "2026-11-29T04:00"), Places{1})
      << "a newer proof frees the older one";
  BackupSchedule one = daily(0);
  one.keep_count = 1;
  auto failed = dailies("2026-11-29T03:00", 2);
  failed[1].status = BackupStatus::failed;
  EXPECT_EQ(given_up(failed, {one}, "2026-11-29T04:00"), Places{}) << "the only good one";
}

TEST(ProtoBackup, SafetyCopiesAndFailuresGoByThemselves) {
  std::vector<Backup> all{made("2026-11-01T03:00", BackupTrigger::safety), made("2026-10-01T03:00"),
                          made("2026-11-28T03:00")};
  all[1].status = BackupStatus::failed;
  EXPECT_EQ(given_up(all, {daily(7)}, "2026-11-29T04:00"), (Places{0, 1}));
}

TEST(ProtoBackup, ARestoredCopyLiesBetweenTheTwoCounts) {
  const Manifest before{{"a", 10}, {"b", 5}, {"gone", 1}}, after{{"a", 12}, {"b", 5}, {"new", 3}};
  EXPECT_TRUE(differences(before, after, {{"a", 11}, {"b", 5}}).empty());
  EXPECT_TRUE(differences(before, after, {{"a", 10}, {"b", 5}, {"gone", 1}, {"new", 2}}).empty());
  EXPECT_EQ(differences(before, after, {{"a", 13}, {"b", 5}}),
            std::vector<std::string>{"a: 13 rows, expected 10 to 12"});
  EXPECT_EQ(differences(before, after, {{"a", 9}, {"b", 5}}).size(), 1U);
  EXPECT_EQ(differences(before, after, {{"a", 10}}), std::vector<std::string>{"b: missing"});
  EXPECT_EQ(differences(before, after, {{"a", 10}, {"b", 5}, {"x", 0}}),
            std::vector<std::string>{"x: was not there"});
  EXPECT_EQ(differences({{"a", 0}}, {{"a", 0}}, {}), std::vector<std::string>{"a: missing"})
      << "an empty table is a table";
}

TEST(ProtoBackup, CountsAreReadLineByLine) {
  const auto manifest = parse_manifest("public.a\t3\npublic.with\ttab\t4\r\n\nb\t0");
  ASSERT_TRUE(manifest);
  EXPECT_EQ(*manifest, (Manifest{{"public.a", 3}, {"public.with\ttab", 4}, {"b", 0}}));
  EXPECT_EQ(*parse_manifest(manifest_lines(*manifest)), *manifest);
  EXPECT_TRUE(parse_manifest("")->empty());
  for (const auto* bad : {"a", "a\t", "a\tx", "a\t-1", "a\t1 ", "a\t99999999999999999999"})
    EXPECT_EQ(parse_manifest(bad).error().reason, "inspect_unreadable") << bad;
}

std::vector<std::string> codes(const std::vector<Backup>& backups, const std::string& since,
                               const std::string& now) {
  std::vector<std::string> out;
  for (const auto& alert : backup_alerts(backups, {daily()}, at(since), {}, at(now)))
    out.push_back(alert.code);
  return out;
}
using Codes = std::vector<std::string>;

TEST(ProtoBackup, SilenceIsAnAlert) {
  EXPECT_EQ(codes({}, "2026-11-29T00:00", "2026-11-29T12:00"), Codes{});
  EXPECT_EQ(codes({}, "2026-11-20T00:00", "2026-11-29T12:00"),
            (Codes{"backup_missing", "restore_unverified"}));
  auto all = dailies("2026-11-29T03:00", 7);
  EXPECT_EQ(codes(all, "2026-11-01T00:00", "2026-11-29T12:00"), Codes{"restore_unverified"});
  all[3].verified_at = at("2026-11-26T05:00");
  EXPECT_EQ(codes(all, "2026-11-01T00:00", "2026-11-29T12:00"), Codes{});
  EXPECT_EQ(codes(all, "2026-11-01T00:00", "2026-12-06T12:00"),
            (Codes{"backup_missing", "restore_unverified"}));
  all[3].verified_at = at("2030-01-01T00:00");
  EXPECT_EQ(codes(all, "2026-11-01T00:00", "2026-11-29T12:00"), Codes{"restore_unverified"})
      << "a proof of the future is none";
}

TEST(ProtoBackup, AFailureIsAnAlertUntilAGoodOneComes) {
  auto all = dailies("2026-11-29T03:00", 2);
  all[0].verified_at = at("2026-11-28T05:00");
  all[1].status = BackupStatus::failed;
  EXPECT_EQ(codes(all, "2026-11-01T00:00", "2026-11-29T12:00"), Codes{"backup_failed"});
  all.push_back(made("2026-11-29T04:00"));
  EXPECT_EQ(codes(all, "2026-11-01T00:00", "2026-11-29T12:00"), Codes{});
}

TEST(ProtoBackup, SchedulesAreChecked) {
  EXPECT_TRUE(check_schedules(*backup_profile("standard")));
  EXPECT_EQ(backup_profile("standard")->at(0).keep_seconds, 7 * kDay);
  EXPECT_EQ(backup_profile("long")->at(0).keep_seconds, 14 * kDay);
  EXPECT_FALSE(backup_profile("short"));
  auto bad = daily();
  bad.cron = "@daily";
  EXPECT_EQ(check_schedules({daily(), bad}).error().fields.size(), 2U) << "its name is taken, too";
  EXPECT_EQ(check_schedules({bad}).error().fields[0].pointer, "/schedules/0/cron");
  bad = daily();
  bad.keep_count = -1;
  EXPECT_EQ(check_schedules({bad}).error().fields[0].pointer, "/schedules/0/keep_count");
}

}  // namespace
}  // namespace gantry
