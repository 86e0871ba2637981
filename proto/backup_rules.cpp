// When a backup is due, which may go, and what a person must look at.
#include <algorithm>
#include <set>

#include "proto/backup.hpp"
#include "proto/cron_times.hpp"

namespace gantry {
namespace {

constexpr int kRetries = 3;
constexpr std::chrono::minutes kFirstRetry{15};
constexpr std::chrono::minutes kClockSlack{2};
// A schedule fires at least once within it, 29 February included.
constexpr std::chrono::hours kFarthest{24 * 366 * 8};
constexpr int kFloorMax = 400;
constexpr std::chrono::hours kSafetyKept{24 * 7};
constexpr std::chrono::hours kFailedKept{24 * 30};

bool is_good(const Backup& backup) { return backup.status == BackupStatus::good; }

// How many copies a schedule makes within the span that it keeps them for.
int copies_within(const BackupSchedule& schedule, TimePoint now) {
  const CronTimes times = CronTimes::of(schedule.cron);
  const TimePoint start = std::chrono::floor<std::chrono::minutes>(now) -
                          std::chrono::floor<std::chrono::minutes>(Seconds(schedule.keep_seconds));
  int count = 0;
  for (auto at = times.last(Zone::utc(), now, start); at && count < kFloorMax; ++count)
    at = times.last(Zone::utc(), *at - std::chrono::minutes(1), start);
  return std::max(count, 1);
}

// Of one schedule, newest first: those that its rule gives up.
void give_up(const std::vector<const Backup*>& copies, const BackupSchedule& schedule,
             TimePoint now, std::set<BackupId>& out) {
  const int floor_count = schedule.keep_seconds > 0 ? copies_within(schedule, now) : 0;
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const int place = static_cast<int>(i);
    const bool many = schedule.keep_count > 0 && place >= schedule.keep_count;
    const bool old = schedule.keep_seconds > 0 && place >= floor_count &&
                     copies[i]->created_at < now - Seconds(schedule.keep_seconds);
    if (many || old) out.insert(copies[i]->id);
  }
}

}  // namespace

std::optional<TimePoint> latest_firing(std::string_view cron, TimePoint now, Seconds back) {
  return CronTimes::of(cron).last(Zone::utc(), now,
                                  std::chrono::floor<std::chrono::minutes>(now - back));
}

bool due(const BackupSchedule& schedule, TimePoint now) {
  if (!schedule.enabled) return false;
  if (schedule.last_started_at > now + kClockSlack) return true;
  const TimePoint last = schedule.last_started_at;
  const Seconds back = std::chrono::ceil<Seconds>(std::min<Duration>(now - last, kFarthest));
  const auto firing = latest_firing(schedule.cron, now, back);
  if (firing && *firing > last) return true;
  if (schedule.failures == 0 || schedule.failures > kRetries) return false;
  return now >= last + kFirstRetry * (1 << (schedule.failures - 1));
}

std::vector<BackupId> retention(const std::vector<Backup>& backups,
                                const std::vector<BackupSchedule>& schedules, TimePoint now) {
  std::vector<const Backup*> newest_first;
  for (const Backup& one : backups) newest_first.insert(newest_first.begin(), &one);
  std::set<BackupId> wanted, kept;
  for (const BackupKind kind : {BackupKind::dump, BackupKind::snapshot}) {
    const Backup* newest = nullptr;
    const Backup* verified = nullptr;
    for (const Backup* one : newest_first) {
      if (!is_good(*one) || one->kind != kind) continue;
      if (newest == nullptr) newest = one;
      if (one->verified_at && (verified == nullptr || *verified->verified_at < *one->verified_at))
        verified = one;
    }
    if (newest != nullptr) kept.insert(newest->id);
    if (verified != nullptr) kept.insert(verified->id);
  }
  for (const BackupSchedule& schedule : schedules) {
    std::vector<const Backup*> copies;
    for (const Backup* one : newest_first)
      if (is_good(*one) && one->trigger == BackupTrigger::schedule &&
          one->schedule == schedule.name)
        copies.push_back(one);
    give_up(copies, schedule, now, wanted);
  }
  for (const Backup& one : backups) {
    const Duration age = now - one.created_at;
    if (is_good(one) && one.trigger == BackupTrigger::safety && age > kSafetyKept)
      wanted.insert(one.id);
    if (one.status == BackupStatus::failed && age > kFailedKept) wanted.insert(one.id);
  }
  std::vector<BackupId> out;
  for (const Backup& one : backups)
    if (wanted.contains(one.id) && !kept.contains(one.id) && !one.locked) out.push_back(one.id);
  return out;
}

std::optional<TimePoint> last_verified_restore(const std::vector<Backup>& backups) {
  std::optional<TimePoint> last;
  for (const Backup& one : backups)
    if (one.verified_at && (!last || *last < *one.verified_at)) last = one.verified_at;
  return last;
}

std::vector<BackupAlert> backup_alerts(const std::vector<Backup>& backups,
                                       const std::vector<BackupSchedule>& schedules,
                                       TimePoint since, const AlertLimits& limits, TimePoint now) {
  std::vector<BackupAlert> alerts;
  const Backup* newest = nullptr;
  const Backup* good = nullptr;
  for (const Backup& one : backups) {
    if (one.status == BackupStatus::queued || one.status == BackupStatus::running) continue;
    newest = &one;
    if (is_good(one)) good = &one;
  }
  if (newest != nullptr && newest->status == BackupStatus::failed)
    alerts.push_back({"backup_failed", "the newest backup failed: " + newest->reason});
  const bool scheduled = std::any_of(schedules.begin(), schedules.end(),
                                     [](const BackupSchedule& one) { return one.enabled; });
  if (!scheduled) return alerts;
  for (const BackupSchedule& schedule : schedules) {
    if (!schedule.enabled) continue;
    // The last moment but one: a run may still be under way for the last.
    const auto last = latest_firing(schedule.cron, now, std::chrono::ceil<Seconds>(kFarthest));
    if (!last) continue;
    const auto earlier = latest_firing(schedule.cron, *last - std::chrono::minutes(1),
                                       std::chrono::ceil<Seconds>(kFarthest));
    if (earlier && *earlier > since && (good == nullptr || good->created_at < *earlier))
      alerts.push_back({"backup_missing", "no good backup since " + format_time(*earlier) +
                                              ", which the schedule " + schedule.name + " names"});
  }
  const auto verified = last_verified_restore(backups);
  const TimePoint from = verified ? std::max(*verified, since) : since;
  // A clock that went back makes a proof of the future: that is none.
  if (now - from > limits.verified || (verified && *verified > now + std::chrono::hours(1)))
    alerts.push_back(
        {"restore_unverified",
         verified ? "the last proof that a backup can be restored is of " + format_time(*verified)
                  : "no backup has been proved to be restorable yet"});
  return alerts;
}

}  // namespace gantry
