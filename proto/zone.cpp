#include "proto/zone.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

#include "proto/zone_rule.hpp"

namespace gantry {
namespace {

constexpr const char* kZoneFolder = "/usr/share/zoneinfo";
constexpr std::size_t kZoneNameMax = 64;
constexpr std::size_t kZoneFileMax = 1024 * 1024;
constexpr std::size_t kHeader = 44;
constexpr std::int64_t kFarSeconds = 1LL << 40;  // beyond it, times do not fit a TimePoint

Error unreadable() { return {Code::invalid, "zone_unreadable", "it is no file of a time zone"}; }

std::int64_t big_endian(std::string_view bytes) {
  std::uint64_t value = bytes.size() < 8 && static_cast<signed char>(bytes[0]) < 0 ? ~0ULL : 0;
  for (const char c : bytes) value = (value << 8) | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(value);
}

struct TzifHeader {
  std::size_t utc, standard, leaps, times, types, characters;

  static std::optional<TzifHeader> read(std::string_view file) {
    if (file.size() < kHeader || !file.starts_with("TZif")) return std::nullopt;
    const auto count = [&](std::size_t i) {
      return static_cast<std::size_t>(big_endian(file.substr(20 + i * 4, 4))) & 0xffffffff;
    };
    const TzifHeader header{count(0), count(1), count(2), count(3), count(4), count(5)};
    for (std::size_t i = 0; i < 6; ++i)
      if (count(i) > kZoneFileMax) return std::nullopt;
    return header;
  }
  std::size_t bytes(std::size_t word) const {
    return times * (word + 1) + types * 6 + characters + leaps * (word + 4) + standard + utc;
  }
};

bool is_zone_name(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || c == '/' || c == '_' || c == '-' || c == '+';
  });
  return plain && !name.empty() && name.size() <= kZoneNameMax && name.front() != '/' &&
         !name.starts_with("right/");
}

Result<Zone> read_zone_file(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return not_found(path);
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  return Zone::parse(bytes);
}

Error unknown_zone(std::string_view name) {
  std::error_code ignored;
  const std::string shown = "\"" + std::string(name.substr(0, kZoneNameMax)) + "\"";
  if (!std::filesystem::exists(kZoneFolder, ignored))
    return invalid("", "unknown_zone",
                   "there is no time-zone database in /usr/share/zoneinfo to look " + shown +
                       " up in: install the package tzdata, or use UTC");
  return invalid("", "unknown_zone",
                 "there is no time zone " + shown +
                     ": expected a name such as \"UTC\" or \"Europe/Berlin\", in this spelling");
}

}  // namespace

Result<Zone> Zone::parse(std::string_view file) {
  auto header = TzifHeader::read(file);
  if (!header || file[4] < '2') return unreadable();
  const std::size_t second = kHeader + header->bytes(4);
  if (file.size() < second) return unreadable();
  file.remove_prefix(second);
  header = TzifHeader::read(file);
  if (!header || header->types == 0 || header->leaps != 0) return unreadable();
  if (file.size() < kHeader + header->bytes(8)) return unreadable();
  const auto times = file.substr(kHeader);
  const auto indexes = times.substr(header->times * 8);
  const auto types = indexes.substr(header->times);
  const auto offset = [&](std::size_t type) {
    return Seconds(big_endian(types.substr(type * 6, 4)));
  };
  Zone zone;
  zone.first_ = offset(0);
  for (std::size_t i = 0; i < header->times; ++i) {
    const std::int64_t at = big_endian(times.substr(i * 8, 8));
    const auto type = static_cast<unsigned char>(indexes[i]);
    if (type >= header->types) return unreadable();
    if (at <= -kFarSeconds)
      zone.first_ = offset(type);
    else if (at < kFarSeconds)
      zone.changes_.push_back({TimePoint(Seconds(at)), offset(type)});
  }
  std::string_view footer = file.substr(kHeader + header->bytes(8));
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return unreadable();
  footer = footer.substr(1, footer.size() - 2);
  if (footer.empty()) return zone;
  zone.rule_ = parse_zone_rule(footer);
  if (!zone.rule_) return unreadable();
  return zone;
}

// The last change of the file and those of the rule around a time, ascending.
std::vector<Zone::Change> Zone::changes_after_last(TimePoint around) const {
  std::vector<Change> all;
  if (!changes_.empty()) all.push_back(changes_.back());
  if (!rule_ || !rule_->summer_begins) return all;
  const auto year =
      std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(around)).year();
  for (int i = -2; i <= 2; ++i) {
    const auto that = year + std::chrono::years(i);
    all.push_back({yearly_change(*rule_->summer_begins, that, rule_->standard), rule_->summer});
    all.push_back({yearly_change(*rule_->summer_ends, that, rule_->summer), rule_->standard});
  }
  if (!changes_.empty()) {
    const TimePoint last = changes_.back().at;
    all.erase(std::remove_if(all.begin() + 1, all.end(),
                             [&](const Change& change) { return change.at <= last; }),
              all.end());
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Change& a, const Change& b) { return a.at < b.at; });
  return all;
}

ZoneSpan Zone::span_at(TimePoint at) const {
  const bool within = !changes_.empty() && at < changes_.back().at;
  const std::vector<Change> later = within ? std::vector<Change>() : changes_after_last(at);
  const std::vector<Change>& changes = within ? changes_ : later;
  const auto next =
      std::upper_bound(changes.begin(), changes.end(), at,
                       [](TimePoint time, const Change& change) { return time < change.at; });
  Seconds outset = first_;  // before the first of these
  if (!within && changes_.size() > 1) outset = changes_[changes_.size() - 2].offset;
  if (!within && changes_.empty() && rule_) outset = rule_->standard;
  ZoneSpan span{TimePoint::min(), TimePoint::max(), outset, outset};
  if (next != changes.end()) span.end = next->at;
  if (next == changes.begin()) return span;
  const auto present = std::prev(next);
  span.begin = present->at;
  span.offset = present->offset;
  if (present != changes.begin()) span.before = std::prev(present)->offset;
  return span;
}

Result<ZonePtr> find_zone(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, ZonePtr, std::less<>> known{
      {"UTC", std::make_shared<const Zone>(Zone::utc())}};
  const std::scoped_lock lock(mutex);
  if (const auto found = known.find(name); found != known.end()) return found->second;
  if (!is_zone_name(name)) return unknown_zone(name);
  auto zone = read_zone_file(std::string(kZoneFolder) + "/" + std::string(name));
  if (!zone) return unknown_zone(name);
  return known.emplace(name, std::make_shared<const Zone>(*std::move(zone))).first->second;
}

std::string format_local(const Zone& zone, TimePoint at) {
  const Seconds offset = zone.span_at(at).offset;
  const std::string utc = format_time(at + offset);
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(offset).count();
  std::array<char, 8> tail{};
  std::snprintf(tail.data(), tail.size(), "%c%02d:%02d", minutes < 0 ? '-' : '+',
                static_cast<int>(std::abs(minutes) / 60 % 100),
                static_cast<int>(std::abs(minutes) % 60));
  return utc.substr(0, 19) + tail.data();
}

}  // namespace gantry
