#include "proto/backup.hpp"

#include <array>
#include <charconv>

#include "proto/cron.hpp"
#include "proto/enum_text.hpp"
#include "proto/name.hpp"

namespace gantry {
namespace {

constexpr std::array kKinds{Named<BackupKind>{BackupKind::dump, "dump"},
                            Named<BackupKind>{BackupKind::snapshot, "snapshot"}};
constexpr std::array kTriggers{Named<BackupTrigger>{BackupTrigger::manual, "manual"},
                               Named<BackupTrigger>{BackupTrigger::schedule, "schedule"},
                               Named<BackupTrigger>{BackupTrigger::safety, "safety"},
                               Named<BackupTrigger>{BackupTrigger::upload, "upload"}};
constexpr std::array kStatuses{Named<BackupStatus>{BackupStatus::queued, "queued"},
                               Named<BackupStatus>{BackupStatus::running, "running"},
                               Named<BackupStatus>{BackupStatus::good, "good"},
                               Named<BackupStatus>{BackupStatus::failed, "failed"},
                               Named<BackupStatus>{BackupStatus::expired, "expired"}};
constexpr std::array kRestores{Named<RestoreStatus>{RestoreStatus::queued, "queued"},
                               Named<RestoreStatus>{RestoreStatus::running, "running"},
                               Named<RestoreStatus>{RestoreStatus::done, "done"},
                               Named<RestoreStatus>{RestoreStatus::failed, "failed"}};

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::size_t kSchedulesMax = 10;

std::string pointer(std::size_t index, std::string_view field) {
  return "/schedules/" + std::to_string(index) + "/" + std::string(field);
}

}  // namespace

std::string_view name(BackupKind kind) { return text_of(kKinds, kind); }
std::string_view name(BackupTrigger trigger) { return text_of(kTriggers, trigger); }
std::string_view name(BackupStatus status) { return text_of(kStatuses, status); }
std::string_view name(RestoreStatus status) { return text_of(kRestores, status); }
std::optional<BackupKind> parse_backup_kind(std::string_view text) {
  return value_of(kKinds, text);
}
std::optional<BackupTrigger> parse_backup_trigger(std::string_view text) {
  return value_of(kTriggers, text);
}
std::optional<BackupStatus> parse_backup_status(std::string_view text) {
  return value_of(kStatuses, text);
}
std::optional<RestoreStatus> parse_restore_status(std::string_view text) {
  return value_of(kRestores, text);
}

std::optional<std::vector<BackupSchedule>> backup_profile(std::string_view profile) {
  const auto daily = [](std::int64_t days) {
    BackupSchedule schedule;
    schedule.name = "daily";
    schedule.cron = "0 3 * * *";
    schedule.keep_seconds = days * kDay;
    return std::vector{schedule};
  };
  if (profile == "standard") return daily(7);
  if (profile == "long") return daily(14);
  return std::nullopt;
}

Result<> check_schedules(const std::vector<BackupSchedule>& schedules) {
  std::vector<FieldError> errors;
  const auto wrong = [&](std::size_t at, std::string_view field, std::string code,
                         std::string detail) {
    errors.push_back({pointer(at, field), std::move(code), std::move(detail)});
  };
  if (schedules.size() > kSchedulesMax)
    errors.push_back({"/schedules", "too_many", "at most 10 schedules"});
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    const BackupSchedule& one = schedules[i];
    if (const auto valid = Name::parse(one.name); !valid)
      wrong(i, "name", valid.error().reason, valid.error().detail);
    for (std::size_t j = 0; j < i; ++j)
      if (schedules[j].name == one.name)
        wrong(i, "name", "name_taken", "another schedule of the list has this name");
    if (const auto cron = parse_cron(one.cron); !cron)
      wrong(i, "cron", cron.error().reason, cron.error().detail);
    if (one.keep_count < 0 || one.keep_count > 1000)
      wrong(i, "keep_count", "out_of_range", "0 (not limited) to 1000");
    if (one.keep_seconds < 0 || one.keep_seconds > 3660 * kDay)
      wrong(i, "keep_seconds", "out_of_range", "0 (not limited) to ten years");
  }
  if (errors.empty()) return done();
  return Error{Code::invalid, errors[0].code, errors[0].detail, errors};
}

Result<Manifest> parse_manifest(std::string_view lines) {
  Manifest manifest;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::size_t tab = line.rfind('\t');
    std::int64_t rows = 0;
    const char* last = line.data() + line.size();
    const auto read = tab == std::string_view::npos
                          ? std::from_chars_result{line.data(), std::errc::invalid_argument}
                          : std::from_chars(line.data() + tab + 1, last, rows);
    if (read.ec != std::errc() || read.ptr != last || rows < 0)
      return Error{
          Code::invalid, "inspect_unreadable",
          "expected \"<name>\\t<rows>\", received \"" + std::string(line.substr(0, 80)) + "\""};
    manifest[std::string(line.substr(0, tab))] += rows;
  }
  return manifest;
}

std::string manifest_lines(const Manifest& manifest) {
  std::string lines;
  for (const auto& [table, rows] : manifest) lines += table + "\t" + std::to_string(rows) + "\n";
  return lines;
}

std::vector<std::string> differences(const Manifest& before, const Manifest& after,
                                     const Manifest& restored) {
  std::vector<std::string> found;
  Manifest all = before;
  all.insert(after.begin(), after.end());
  for (const auto& [table, unused] : all) {
    const auto b = before.find(table), a = after.find(table), r = restored.find(table);
    const bool both = b != before.end() && a != after.end();
    const std::int64_t first = b == before.end() ? 0 : b->second;
    const std::int64_t second = a == after.end() ? 0 : a->second;
    if (r == restored.end()) {
      // One that came or went meanwhile may be missing.
      if (both) found.push_back(table + ": missing");
      continue;
    }
    if (r->second < std::min(first, second) || r->second > std::max(first, second))
      found.push_back(table + ": " + std::to_string(r->second) + " rows, expected " +
                      std::to_string(std::min(first, second)) +
                      (first == second ? "" : " to " + std::to_string(std::max(first, second))));
  }
  for (const auto& [table, rows] : restored)
    if (!all.contains(table)) found.push_back(table + ": was not there");
  return found;
}

}  // namespace gantry
