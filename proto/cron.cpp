#include "proto/cron.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace gantry {
namespace {

struct CronField {
  std::string_view name;
  int low;
  int high;
};
constexpr std::array<CronField, 5> kCronFields{{{"minute", 0, 59},
                                                {"hour", 0, 23},
                                                {"day of the month", 1, 31},
                                                {"month", 1, 12},
                                                {"day of the week", 0, 7}}};

bool cron_number(std::string_view text, int low, int high, int& number) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size() &&
         number >= low && number <= high;
}

// One of a field's parts between commas: *, 5, 1-5, any of them with /2.
bool cron_part(std::string_view part, const CronField& field) {
  const std::size_t slash = part.find('/');
  int number = 0;
  if (slash != std::string_view::npos &&
      !cron_number(part.substr(slash + 1), 1, field.high, number))
    return false;
  part = part.substr(0, slash);
  if (part == "*") return true;
  const std::size_t dash = part.find('-');
  int last = field.high;
  if (!cron_number(part.substr(0, dash), field.low, field.high, number)) return false;
  return dash == std::string_view::npos ||
         (cron_number(part.substr(dash + 1), field.low, field.high, last) && number <= last);
}

bool cron_field(std::string_view text, const CronField& field) {
  while (true) {
    const std::size_t comma = text.find(',');
    if (!cron_part(text.substr(0, comma), field)) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

std::vector<std::string_view> fields_of(std::string_view text) {
  std::vector<std::string_view> fields;
  for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    fields.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return fields;
}

std::string quoted(std::string_view text) { return "\"" + std::string(text.substr(0, 64)) + "\""; }

Error bad(std::string detail) { return invalid("", "invalid_schedule", std::move(detail)); }

}  // namespace

Result<std::string> parse_cron(std::string_view text) {
  const auto fields = fields_of(text);
  constexpr std::array<std::array<std::string_view, 2>, 5> words{{{"@hourly", "0 * * * *"},
                                                                  {"@daily", "0 0 * * *"},
                                                                  {"@midnight", "0 0 * * *"},
                                                                  {"@weekly", "0 0 * * 0"},
                                                                  {"@monthly", "0 0 1 * *"}}};
  for (const auto& [word, meant] : words)
    if (fields.size() == 1 && fields[0] == word)
      return bad("expected five fields, received " + quoted(word) + ": write " + quoted(meant));
  if (fields.size() != kCronFields.size())
    return bad("expected five fields (minute, hour, day, month, weekday), received " +
               std::to_string(fields.size()) + " (" + quoted(text) + ")" +
               (fields.size() == 6 ? ": leave the seconds out" : ""));
  std::string plain;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const CronField& field = kCronFields[i];
    if (!cron_field(fields[i], field))
      return bad("the " + std::string(field.name) + " is " + quoted(fields[i]) + ": expected " +
                 std::to_string(field.low) + " to " + std::to_string(field.high) +
                 " with * , - and /");
    plain += (i == 0 ? "" : " ") + std::string(fields[i]);
  }
  return plain;
}

}  // namespace gantry
