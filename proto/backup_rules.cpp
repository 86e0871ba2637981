// When a backup is due, which may go, and what a person must look at.
#include <algorithm>
#include <array>
#include <bitset>
#include <set>

#include "proto/backup.hpp"

namespace gantry {
namespace {

using std::chrono::floor;
using Minutes = std::chrono::sys_time<std::chrono::minutes>;

constexpr int kRetries = 3;
constexpr std::chrono::minutes kFirstRetry{15};
constexpr std::chrono::minutes kClockSlack{2};
// A schedule fires at least once within it, 29 February included.
constexpr std::chrono::hours kFarthest{24 * 366 * 8};
constexpr int kFloorMax = 400;
constexpr std::chrono::hours kSafetyKept{24 * 7};
constexpr std::chrono::hours kFailedKept{24 * 30};

using Bits = std::bitset<64>;

int number(std::string_view text) {
  int value = 0;
  for (const char c : text) value = value * 10 + (c - '0');
  return value;
}

// REQUIRES: a field that parse_cron() took.
Bits bits_of(std::string_view field, int low, int high) {
  Bits bits;
  while (true) {
    const std::size_t comma = field.find(',');
    std::string_view part = field.substr(0, comma);
    const std::size_t slash = part.find('/');
    const int step = slash == std::string_view::npos ? 1 : number(part.substr(slash + 1));
    part = part.substr(0, slash);
    int first = low, last = high;
    if (part != "*") {
      const std::size_t dash = part.find('-');
      first = number(part.substr(0, dash));
      last = dash != std::string_view::npos    ? number(part.substr(dash + 1))
             : slash == std::string_view::npos ? first
                                               : high;
    }
    for (int value = first; value <= last; value += step) bits.set(value);
    if (comma == std::string_view::npos) return bits;
    field.remove_prefix(comma + 1);
  }
}

struct CronTimes {
  Bits minutes, hours, days, months, weekdays;
  bool any_day = false, any_weekday = false;

  static CronTimes of(std::string_view cron) {
    std::array<std::string_view, 5> field;
    for (auto& one : field) {
      const std::size_t blank = cron.find(' ');
      one = cron.substr(0, blank);
      cron.remove_prefix(blank == std::string_view::npos ? cron.size() : blank + 1);
    }
    CronTimes times{bits_of(field[0], 0, 59), bits_of(field[1], 0, 23), bits_of(field[2], 1, 31),
                    bits_of(field[3], 1, 12), bits_of(field[4], 0, 7)};
    if (times.weekdays[7]) times.weekdays.set(0);
    times.any_day = field[2].starts_with('*');
    times.any_weekday = field[4].starts_with('*');
    return times;
  }

  // As every cron: where both kinds of day are named, either will do.
  bool day(std::chrono::sys_days at) const {
    const std::chrono::year_month_day date(at);
    const bool in_month = days[static_cast<unsigned>(date.day())];
    const bool in_week = weekdays[std::chrono::weekday(at).c_encoding()];
    if (!months[static_cast<unsigned>(date.month())]) return false;
    if (any_day || any_weekday) return in_month && in_week;
    return in_month || in_week;
  }
};

// Ascending towards the past: the newest moment at or before `from`.
std::optional<Minutes> firing_before(const CronTimes& times, Minutes from, Minutes oldest) {
  for (auto day = floor<std::chrono::days>(from); day >= floor<std::chrono::days>(oldest);
       day -= std::chrono::days(1)) {
    if (!times.day(day)) continue;
    for (int minute = 24 * 60 - 1; minute >= 0; --minute) {
      const Minutes at = day + std::chrono::minutes(minute);
      if (at > from || !times.hours[minute / 60] || !times.minutes[minute % 60]) continue;
      if (at < oldest) return std::nullopt;
      return at;
    }
  }
  return std::nullopt;
}

bool is_good(const Backup& backup) { return backup.status == BackupStatus::good; }

// How many copies a schedule makes within the span that it keeps them for.
int copies_within(const BackupSchedule& schedule, TimePoint now) {
  const CronTimes times = CronTimes::of(schedule.cron);
  const Minutes end = floor<std::chrono::minutes>(now);
  const Minutes start = end - floor<std::chrono::minutes>(Seconds(schedule.keep_seconds));
  int count = 0;
  for (auto at = firing_before(times, end, start); at && count < kFloorMax; ++count)
    at = firing_before(times, *at - std::chrono::minutes(1), start);
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
  const Minutes from = floor<std::chrono::minutes>(now);
  const auto at = firing_before(CronTimes::of(cron), from, floor<std::chrono::minutes>(now - back));
  if (!at) return std::nullopt;
  return TimePoint(*at);
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
