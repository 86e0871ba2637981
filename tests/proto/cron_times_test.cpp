// Due times against a clock that is looked at minute by minute, with libc's own zones.
#include "proto/cron_times.hpp"

#include <cstdlib>
#include <ctime>
#include <optional>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "proto/cron.hpp"

namespace gantry {
namespace {

using std::chrono::minutes;
using std::chrono::sys_days;
using namespace std::chrono_literals;

// A field's numbers, read in the plainest way.
std::vector<bool> naive_field(const std::string& text, int low, int high) {
  std::vector<bool> out(64, false);
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    int step = 1, first = low, last = high;
    const auto slash = part.find('/');
    if (slash != std::string::npos) step = std::atoi(part.c_str() + slash + 1);
    const std::string range = part.substr(0, slash);
    if (range != "*") {
      const auto dash = range.find('-');
      first = std::atoi(range.c_str());
      last = dash != std::string::npos    ? std::atoi(range.c_str() + dash + 1)
             : slash != std::string::npos ? high
                                          : first;
    }
    for (int value = low; value <= high; ++value)
      if (value >= first && value <= last && (value - first) % step == 0)
        out[static_cast<std::size_t>(value)] = true;
  }
  return out;
}

struct Naive {
  std::vector<bool> minute, hour, day, month, weekday;
  bool every_hour, any_day, any_weekday;

  explicit Naive(const std::string& schedule) {
    std::istringstream words(schedule);
    std::string m, h, d, mo, w;
    words >> m >> h >> d >> mo >> w;
    minute = naive_field(m, 0, 59);
    hour = naive_field(h, 0, 23);
    day = naive_field(d, 1, 31);
    month = naive_field(mo, 1, 12);
    weekday = naive_field(w, 0, 7);
    if (weekday[7]) weekday[0] = true;
    every_hour = h == "*";
    any_day = d[0] == '*';
    any_weekday = w[0] == '*';
  }
  bool fits(const std::tm& local) const {
    if (!minute[static_cast<std::size_t>(local.tm_min)]) return false;
    if (!hour[static_cast<std::size_t>(local.tm_hour)]) return false;
    if (!month[static_cast<std::size_t>(local.tm_mon + 1)]) return false;
    const bool in_month = day[static_cast<std::size_t>(local.tm_mday)];
    const bool in_week = weekday[static_cast<std::size_t>(local.tm_wday)];
    return any_day || any_weekday ? in_month && in_week : in_month || in_week;
  }
};

// The local clock as a count of minutes, without any offset.
std::int64_t clock_face(std::tm local) { return timegm(&local) / 60; }
std::tm face_of(std::int64_t face) {
  const std::time_t seconds = face * 60;
  std::tm out{};
  gmtime_r(&seconds, &out);
  return out;
}

// A wall clock that is watched from minute to minute.
class Watched {
 public:
  Watched(std::string zone, const std::vector<std::string>& schedules, int year)
      : zone_(std::move(zone)), schedules_(schedules.begin(), schedules.end()) {
    ticks_.resize(schedules_.size());
    ::setenv("TZ", zone_.c_str(), 1);
    ::tzset();
    begin_ = sys_days(std::chrono::year(year) / 1 / 1);
    end_ = sys_days(std::chrono::year(year + 1) / 1 / 1);
    std::optional<std::int64_t> before;
    std::int64_t furthest = 0;
    for (TimePoint at = begin_ - 48h; at < end_; at += 1min) {
      const auto seconds = std::chrono::duration_cast<Seconds>(at.time_since_epoch()).count();
      std::tm local{};
      localtime_r(&seconds, &local);
      const std::int64_t face = clock_face(local);
      look(at, local, face, before, furthest);
      furthest = std::max(furthest, face);
      before = face;
    }
    ::unsetenv("TZ");
    ::tzset();
  }

  const std::vector<TimePoint>& ticks(std::size_t i) const { return ticks_[i]; }
  TimePoint begin() const { return begin_; }
  TimePoint end() const { return end_; }

 private:
  void look(TimePoint at, const std::tm& local, std::int64_t face,
            std::optional<std::int64_t> before, std::int64_t furthest) {
    for (std::size_t i = 0; i < schedules_.size(); ++i) {
      const Naive& schedule = schedules_[i];
      bool due = schedule.fits(local) && (schedule.every_hour || face > furthest);
      if (before && !schedule.every_hour)
        for (std::int64_t left_out = *before + 1; left_out < face; ++left_out)
          due = due || schedule.fits(face_of(left_out));
      if (due && at >= begin_) ticks_[i].push_back(at);
    }
  }

  const std::string zone_;
  const std::vector<Naive> schedules_;
  std::vector<std::vector<TimePoint>> ticks_;
  TimePoint begin_, end_;
};

const std::vector<std::string> kSchedules{"*/15 * * * *",    "0 * * * *",   "30 2 * * *",
                                          "15 1-3 * * *",    "0 */2 * * *", "0 0 * * *",
                                          "59 23 28-31 * *", "0 3 29 2 *",  "5 0 1 * 1",
                                          "*/20 2 * * 0",    "0 3 * * *",   "10,40 0,1 * 3,10,11 *",
                                          "0 6 31 * 1-5"};

class YearOfAZone : public ::testing::TestWithParam<std::pair<const char*, int>> {};

INSTANTIATE_TEST_SUITE_P(
    ProtoZones, YearOfAZone,
    ::testing::Values(std::pair("UTC", 2026), std::pair("Europe/Berlin", 2026),
                      std::pair("Europe/Berlin", 2045), std::pair("America/New_York", 2024),
                      std::pair("Australia/Lord_Howe", 2026), std::pair("America/Sao_Paulo", 2018),
                      std::pair("Asia/Kolkata", 2026), std::pair("Africa/Casablanca", 2026),
                      std::pair("Pacific/Apia", 2011), std::pair("America/Santiago", 2051),
                      std::pair("Pacific/Chatham", 2027)));

TEST_P(YearOfAZone, GivesTheTicksOfAClockThatIsWatched) {
  const auto [name, year] = GetParam();
  const auto zone = find_zone(name);
  ASSERT_TRUE(zone.ok()) << zone.error().detail;
  const Watched watched(name, kSchedules, year);
  for (std::size_t i = 0; i < kSchedules.size(); ++i) {
    const CronTimes times = CronTimes::of(kSchedules[i]);
    const auto& expected = watched.ticks(i);
    const auto given = times.between(**zone, watched.begin() - 1us, watched.end() - 1us, 1'000'000);
    ASSERT_EQ(given.size(), expected.size()) << kSchedules[i];
    for (std::size_t k = 0; k < given.size(); ++k)
      ASSERT_EQ(format_time(given[k]), format_time(expected[k])) << kSchedules[i];
    // Backwards it is the same row.
    std::vector<TimePoint> back;
    for (auto at = times.last(**zone, watched.end() - 1us, watched.begin()); at;
         at = times.last(**zone, *at - 1us, watched.begin()))
      back.push_back(*at);
    std::reverse(back.begin(), back.end());
    ASSERT_EQ(back, given) << kSchedules[i];
  }
}

TimePoint at(std::string_view text) { return *parse_time(text); }
ZonePtr berlin() { return *find_zone("Europe/Berlin"); }

TEST(ProtoCronTimes, ATimeThatDoesNotExistIsDueAtTheChange) {
  const CronTimes times = CronTimes::of("30 2 * * *");
  EXPECT_EQ(times.next(*berlin(), at("2026-03-28T12:00:00Z")), at("2026-03-29T01:00:00Z"));
  EXPECT_EQ(times.next(*berlin(), at("2026-03-29T01:00:00Z")), at("2026-03-30T00:30:00Z"));
}

TEST(ProtoCronTimes, ATimeThatExistsTwiceIsDueTheFirstTime) {
  const CronTimes times = CronTimes::of("30 2 * * *");
  EXPECT_EQ(times.next(*berlin(), at("2026-10-24T12:00:00Z")), at("2026-10-25T00:30:00Z"));
  EXPECT_EQ(times.next(*berlin(), at("2026-10-25T00:30:00Z")), at("2026-10-26T01:30:00Z"));
}

TEST(ProtoCronTimes, EveryHourIsEveryHourThatPasses) {
  const auto ticks =
      CronTimes::of("0 * * * *")
          .between(*berlin(), at("2026-10-24T23:30:00Z"), at("2026-10-25T02:00:00Z"), 10);
  EXPECT_EQ(ticks.size(), 3u);
}

TEST(ProtoCronTimes, WhatIsNeverDueEnds) {
  EXPECT_EQ(CronTimes::of("0 0 30 2 *").next(*berlin(), at("2026-01-01T00:00:00Z")), std::nullopt);
  EXPECT_EQ(CronTimes::of("0 0 29 2 *").next(*berlin(), at("2096-03-01T00:00:00Z")),
            at("2104-02-28T23:00:00Z"));
}

TEST(ProtoZones, AreFoundByTheirNameOrRefusedWithTheFix) {
  EXPECT_TRUE(find_zone("UTC").ok());
  EXPECT_TRUE(find_zone("America/Argentina/Buenos_Aires").ok());
  for (const char* wrong : {"", "Berlin", "europe/berlin", "../../etc/passwd", "/etc/localtime",
                            "Europe", "zone.tab", "right/UTC", "tzdata.zi", "UTC+1"}) {
    const auto zone = find_zone(wrong);
    ASSERT_FALSE(zone.ok()) << wrong;
    EXPECT_NE(zone.error().detail.find("Europe/Berlin"), std::string::npos);
  }
}

TEST(ProtoZones, AFileThatIsNoneIsRefused) {
  const std::string header = "TZif2" + std::string(15, '\0');
  for (const std::string& text :
       {std::string(), std::string("TZif"), header + std::string(24, '\xff'),
        header + std::string(24, '\0'), header + std::string(24, '\0') + header + "\n\n",
        header + std::string(24, '\0') + header + std::string(24, '\0') + "\nCET-1CEST,M3\n"})
    EXPECT_FALSE(Zone::parse(text).ok());
}

TEST(ProtoZones, TellTheLocalTime) {
  EXPECT_EQ(format_local(*berlin(), at("2026-07-01T10:00:00Z")), "2026-07-01T12:00:00+02:00");
  EXPECT_EQ(format_local(*berlin(), at("2050-01-01T10:00:00Z")), "2050-01-01T11:00:00+01:00");
  EXPECT_EQ(format_local(**find_zone("America/St_Johns"), at("2026-01-01T10:00:00Z")),
            "2026-01-01T06:30:00-03:30");
}

}  // namespace
}  // namespace gantry
