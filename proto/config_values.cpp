#include "proto/config_values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "proto/command.hpp"
#include "proto/cron.hpp"
#include "proto/quantity.hpp"
#include "proto/zone.hpp"

namespace gantry {
namespace {

using Kind = ConfigNode::Kind;

constexpr std::int64_t kMemoryMin = 6LL * 1024 * 1024;  // the engine's own minimum
constexpr std::int64_t kCpuMax = 1000000;               // millicores
constexpr std::size_t kCommandMax = 128 * 1024;

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

std::string range_text(WholeRange range) {
  std::string text = std::to_string(range.low) + " to " + std::to_string(range.high);
  if (!range.unit.empty()) text += " " + std::string(range.unit);
  return text;
}

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  text = trimmed(text);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

// "30s" to "30": what its author meant, for the message.
std::string leading_digits(std::string_view text) {
  text = trimmed(text);
  return std::string(text.substr(0, text.find_first_not_of("0123456789")));
}

// The spelling that Kubernetes knows for "512MB", "2 GB", "1gb", "512mb".
std::string quantity_meant(std::string_view text) {
  std::string meant;
  for (const char c : trimmed(text))
    if (c != ' ' && c != 'b' && c != 'B') meant += c;
  if (meant.size() < 2) return {};
  std::size_t letter = meant.find_first_not_of("0123456789.");
  if (letter == std::string::npos || letter == 0) return {};
  const char unit = meant[letter];
  if (unit == 'k' || unit == 'K') meant[letter] = letter + 1 < meant.size() ? 'K' : 'k';
  if (unit == 'm' || unit == 'g' || unit == 't') meant[letter] = static_cast<char>(unit - 32);
  return parse_units(meant) ? meant : std::string();
}

}  // namespace

void ConfigField::wrong_type(std::string_view expected, std::string_view fix) const {
  std::string message = "expected " + std::string(expected) + ", received ";
  message +=
      node.is(Kind::null) ? "null" : std::string(kind_name(node.kind)) + " (" + brief(node) + ")";
  if (!fix.empty()) message += ": " + std::string(fix);
  refuse(std::move(message));
}

std::optional<std::int64_t> read_whole(const ConfigField& field, WholeRange range) {
  double number = field.node.number;
  if (field.node.is(Kind::string)) {
    const auto inside = number_in(field.node.text);
    if (!inside) {
      const std::string digits = leading_digits(field.node.text);
      const std::string_view rest = trimmed(trimmed(field.node.text).substr(digits.size()));
      const bool fix = !digits.empty() && (rest == "s" || rest == "sec" || rest == "seconds");
      field.wrong_type("a number", fix ? "write " + digits : "");
      return std::nullopt;
    }
    field.warn("expected a number, received a string (" + brief(field.node) +
               "): read as the number; write it without quotes");
    number = *inside;
  } else if (!field.node.is(Kind::number)) {
    field.wrong_type("a number");
    return std::nullopt;
  }
  if (number != std::floor(number)) {
    field.refuse("expected a whole number, received " + field.node.text);
    return std::nullopt;
  }
  if (!(number >= static_cast<double>(range.low) && number <= static_cast<double>(range.high))) {
    std::string message = "expected " + range_text(range) + ", received " + field.node.text;
    if (range.unit == "seconds" && number >= 1000 &&
        number / 1000 <= static_cast<double>(range.high))
      message += " (are these milliseconds?)";
    field.refuse(std::move(message));
    return std::nullopt;
  }
  return static_cast<std::int64_t>(number);
}

std::optional<bool> read_flag(const ConfigField& field) {
  if (field.node.is(Kind::boolean)) return field.node.boolean;
  if (field.node.is(Kind::string) && (field.node.text == "true" || field.node.text == "false")) {
    field.warn("expected a boolean, received a string (" + brief(field.node) +
               "): read as the boolean; write it without quotes");
    return field.node.text == "true";
  }
  field.wrong_type("a boolean", "write true or false");
  return std::nullopt;
}

std::optional<std::string> read_string(const ConfigField& field) {
  if (field.node.is(Kind::string)) return field.node.text;
  field.wrong_type("a string");
  return std::nullopt;
}

std::optional<std::string> read_line(const ConfigField& field) {
  auto text = read_string(field);
  if (text && trimmed(*text).empty()) {
    field.refuse("expected a text, received an empty string: leave the key out, or write null");
    return std::nullopt;
  }
  if (text && text->find_first_of("\r\n") != std::string::npos) {
    field.refuse("expected one line, received several");
    return std::nullopt;
  }
  return text;
}

std::optional<std::vector<std::string>> read_strings(const ConfigField& field) {
  if (!field.node.is(Kind::array)) {
    field.wrong_type("an array of strings", field.node.is(Kind::string)
                                                ? "write [" + brief(field.node) + "]"
                                                : std::string());
    return std::nullopt;
  }
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < field.node.items.size(); ++i) {
    const std::string key = std::string(field.key) + "[" + std::to_string(i) + "]";
    const auto text = read_string({field.node.items[i], key, field.problems});
    if (!text) return std::nullopt;
    strings.push_back(*text);
  }
  return strings;
}

std::optional<std::string> read_command(const ConfigField& field) {
  auto text = read_string(field);
  if (!text) return std::nullopt;
  if (text->size() > kCommandMax) {
    field.refuse("a command has at most " + std::to_string(kCommandMax) + " bytes");
    return std::nullopt;
  }
  if (const auto argv = command_argv(*text); !argv) {
    field.refuse(argv.error().detail);
    return std::nullopt;
  }
  return std::string(trimmed(*text));
}

std::optional<std::string> read_path(const ConfigField& field) {
  auto text = read_line(field);
  if (!text) return std::nullopt;
  int depth = 0;
  for (std::size_t at = 0; at <= text->size();) {
    const std::size_t end = std::min(text->find('/', at), text->size());
    const std::string_view part = std::string_view(*text).substr(at, end - at);
    if (part == "..") --depth;
    if (!part.empty() && part != "." && part != "..") ++depth;
    if (depth < 0) {
      const std::size_t name = text->find_first_not_of("./");
      field.refuse("the path leads out of the source: begin at its root" +
                   (name == std::string::npos ? "" : ", with \"" + text->substr(name) + "\""));
      return std::nullopt;
    }
    at = end + 1;
  }
  return text;
}

std::optional<std::int64_t> read_cpu_millicores(const ConfigField& field) {
  if (!field.node.is(Kind::string) && !field.node.is(Kind::number)) {
    field.wrong_type("a quantity such as \"1000m\", or a number of CPUs");
    return std::nullopt;
  }
  const auto millis = parse_millis(trimmed(field.node.text));
  if (!millis) {
    field.refuse("expected a quantity such as \"1000m\" or \"0.5\", received " + brief(field.node));
    return std::nullopt;
  }
  if (*millis != 0 && (*millis < 10 || *millis > kCpuMax)) {
    field.refuse("expected 10m to 1000 CPUs, or 0 for no limit, received " + brief(field.node));
    return std::nullopt;
  }
  if (*millis >= 100000 && field.node.text.find('m') == std::string::npos)
    field.warn(field.node.text + " means so many whole CPUs; for thousandths write \"" +
               field.node.text + "m\"");
  return millis;
}

std::optional<std::int64_t> read_memory_bytes(const ConfigField& field) {
  if (!field.node.is(Kind::string) && !field.node.is(Kind::number)) {
    field.wrong_type("a quantity such as \"512Mi\", or a number of bytes");
    return std::nullopt;
  }
  const auto bytes = parse_units(trimmed(field.node.text));
  if (!bytes) {
    const std::string meant = quantity_meant(field.node.text);
    field.refuse("expected a quantity such as \"512Mi\" or \"2Gi\", received " + brief(field.node) +
                 (meant.empty() ? "" : ": write \"" + meant + "\""));
    return std::nullopt;
  }
  if (*bytes != 0 && *bytes < kMemoryMin) {
    const std::string digits = leading_digits(field.node.text);
    field.refuse(brief(field.node) + " is " + std::to_string(*bytes) +
                 (*bytes == 1 ? " byte" : " bytes") +
                 "; at least 6Mi are needed, or 0 for no limit" +
                 (digits == field.node.text ? ": did you mean \"" + digits + "Mi\"?" : ""));
    return std::nullopt;
  }
  return bytes;
}

std::optional<std::string> read_cron(const ConfigField& field) {
  const auto text = read_line(field);
  if (!text) return std::nullopt;
  auto schedule = parse_cron(*text);
  if (schedule) return *schedule;
  field.refuse(schedule.error().detail);
  return std::nullopt;
}

std::optional<std::string> read_zone(const ConfigField& field) {
  const auto text = read_line(field);
  if (!text) return std::nullopt;
  const auto zone = find_zone(*text);
  if (zone) return *text;
  field.refuse(zone.error().detail);
  return std::nullopt;
}

std::optional<CronOverlap> read_overlap(const ConfigField& field) {
  const auto text = read_string(field);
  if (!text) return std::nullopt;
  if (const auto overlap = parse_cron_overlap(*text)) return overlap;
  field.refuse("expected SKIP, ALLOW or REPLACE, received " + brief(field.node));
  return std::nullopt;
}

std::optional<CronMissed> read_missed(const ConfigField& field) {
  const auto text = read_string(field);
  if (!text) return std::nullopt;
  if (const auto missed = parse_cron_missed(*text)) return missed;
  field.refuse("expected SKIP or ONCE, received " + brief(field.node));
  return std::nullopt;
}

}  // namespace gantry
