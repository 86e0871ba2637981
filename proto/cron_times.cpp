#include "proto/cron_times.hpp"

#include <algorithm>
#include <array>

namespace gantry {
namespace {

using std::chrono::ceil;
using std::chrono::floor;
using std::chrono::minutes;

// A schedule is due at least once within it, 29 February included.
constexpr std::chrono::hours kFarthest{24 * 366 * 8};
constexpr int kMinutesOfDay = 24 * 60;

int number(std::string_view text) {
  int value = 0;
  for (const char c : text) value = value * 10 + (c - '0');
  return value;
}

// REQUIRES: a field that parse_cron() took.
std::bitset<64> bits_of(std::string_view field, int low, int high) {
  std::bitset<64> bits;
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
    for (int value = first; value <= last; value += step) bits.set(static_cast<std::size_t>(value));
    if (comma == std::string_view::npos) return bits;
    field.remove_prefix(comma + 1);
  }
}

}  // namespace

CronTimes CronTimes::of(std::string_view schedule) {
  std::array<std::string_view, 5> field;
  for (auto& one : field) {
    const std::size_t blank = schedule.find(' ');
    one = schedule.substr(0, blank);
    schedule.remove_prefix(blank == std::string_view::npos ? schedule.size() : blank + 1);
  }
  CronTimes times;
  times.minutes_ = bits_of(field[0], 0, 59);
  times.hours_ = bits_of(field[1], 0, 23);
  times.days_ = bits_of(field[2], 1, 31);
  times.months_ = bits_of(field[3], 1, 12);
  times.weekdays_ = bits_of(field[4], 0, 7);
  if (times.weekdays_[7]) times.weekdays_.set(0);
  times.any_day_ = field[2].starts_with('*');
  times.any_weekday_ = field[4].starts_with('*');
  times.every_hour_ = field[1] == "*";
  return times;
}

// As every cron: where both kinds of day are named, either will do.
bool CronTimes::day(std::chrono::sys_days at) const {
  const std::chrono::year_month_day date(at);
  if (!months_[static_cast<unsigned>(date.month())]) return false;
  const bool in_month = days_[static_cast<unsigned>(date.day())];
  const bool in_week = weekdays_[std::chrono::weekday(at).c_encoding()];
  return any_day_ || any_weekday_ ? in_month && in_week : in_month || in_week;
}

bool CronTimes::minute_of_day(int minute) const {
  return hours_[static_cast<std::size_t>(minute / 60)] &&
         minutes_[static_cast<std::size_t>(minute % 60)];
}

std::optional<CronTimes::Minutes> CronTimes::first_local(Minutes from, Minutes until) const {
  for (auto date = floor<std::chrono::days>(from); date < until; date += std::chrono::days(1)) {
    if (!day(date)) continue;
    const int begin = static_cast<int>(std::max(minutes(0), from - date).count());
    const int end = static_cast<int>(std::min(minutes(kMinutesOfDay), until - date).count());
    for (int minute = begin; minute < end; ++minute)
      if (minute_of_day(minute)) return date + minutes(minute);
  }
  return std::nullopt;
}

std::optional<CronTimes::Minutes> CronTimes::last_local(Minutes from, Minutes until) const {
  if (until <= from) return std::nullopt;
  for (auto date = floor<std::chrono::days>(until - minutes(1)); date + std::chrono::days(1) > from;
       date -= std::chrono::days(1)) {
    if (!day(date)) continue;
    const int begin = static_cast<int>(std::max(minutes(0), from - date).count());
    const int end = static_cast<int>(std::min(minutes(kMinutesOfDay), until - date).count());
    for (int minute = end - 1; minute >= begin; --minute)
      if (minute_of_day(minute)) return date + minutes(minute);
  }
  return std::nullopt;
}

// Clocks were set ahead there, over a time that is named.
std::optional<TimePoint> CronTimes::due_at_change(const ZoneSpan& span) const {
  if (every_hour_ || span.before >= span.offset) return std::nullopt;
  const auto left_out =
      first_local(ceil<minutes>(span.begin + span.before), ceil<minutes>(span.begin + span.offset));
  return left_out ? std::optional<TimePoint>(ceil<minutes>(span.begin)) : std::nullopt;
}

// Where clocks were set back, what they show again has been there.
CronTimes::Minutes CronTimes::local_begin(const ZoneSpan& span, Minutes from) const {
  const Minutes local = ceil<minutes>(from + span.offset);
  if (every_hour_ || span.before <= span.offset) return local;
  return std::max(local, ceil<minutes>(span.begin + span.before));
}

std::optional<TimePoint> CronTimes::next(const Zone& zone, TimePoint after) const {
  Minutes from = floor<minutes>(after) + minutes(1);
  const Minutes limit = from + kFarthest;
  while (from < limit) {
    const ZoneSpan span = zone.span_at(from);
    if (from - minutes(1) < span.begin)
      if (const auto at = due_at_change(span)) return at;
    const TimePoint end = std::min<TimePoint>(span.end, limit);
    if (const auto local = first_local(local_begin(span, from), ceil<minutes>(end + span.offset)))
      return *local - span.offset;
    from = ceil<minutes>(end);
  }
  return std::nullopt;
}

std::optional<TimePoint> CronTimes::last(const Zone& zone, TimePoint at, TimePoint oldest) const {
  Minutes until = floor<minutes>(at) + minutes(1);
  const Minutes limit = ceil<minutes>(oldest);
  while (until > limit) {
    const ZoneSpan span = zone.span_at(until - minutes(1));
    const Minutes begin = span.begin > limit ? ceil<minutes>(span.begin) : limit;
    if (const auto local = last_local(local_begin(span, begin), ceil<minutes>(until + span.offset)))
      return *local - span.offset;
    if (span.begin > TimePoint::min() && ceil<minutes>(span.begin) >= limit)
      if (const auto change = due_at_change(span)) return change;
    until = begin;
  }
  return std::nullopt;
}

std::vector<TimePoint> CronTimes::between(const Zone& zone, TimePoint after, TimePoint until,
                                          std::size_t most) const {
  std::vector<TimePoint> all;
  for (auto at = next(zone, after); at && *at <= until && all.size() < most; at = next(zone, *at))
    all.push_back(*at);
  return all;
}

}  // namespace gantry
