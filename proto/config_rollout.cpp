#include "proto/config_rollout.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

namespace gantry {
namespace {

using Kind = ConfigNode::Kind;

// "25%", "25 %": the number; nothing when it is something else.
std::optional<int> percent_in(std::string_view text) {
  int number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view rest(read.ptr, static_cast<std::size_t>(text.data() + text.size() - read.ptr));
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  if (read.ec != std::errc() || rest != "%") return std::nullopt;
  return number;
}

std::optional<std::int64_t> in_range(const ConfigField& field, int number, int low) {
  if (number >= low && number <= 100) return number;
  field.refuse("expected " + std::to_string(low) + "% to 100%, received " + brief(field.node));
  return std::nullopt;
}

std::int64_t unit_seconds(std::string_view unit) {
  if (unit == "s" || unit == "sec" || unit == "seconds") return 1;
  if (unit == "m" || unit == "min" || unit == "minutes") return 60;
  if (unit == "h" || unit == "hours") return 3600;
  if (unit == "d" || unit == "days") return 86400;
  return 0;
}

}  // namespace

std::optional<Strategy> read_strategy(const ConfigField& field) {
  const auto text = read_string(field);
  if (!text) return std::nullopt;
  if (const auto strategy = parse_strategy(*text)) return strategy;
  std::string word(*text);
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) {
    return c == '-' || c == '_' ? '\0' : static_cast<char>(std::tolower(c));
  });
  std::erase(word, '\0');
  std::string_view meant;
  if (word == "bluegreen") meant = "BLUE_GREEN";
  if (word == "rollingupdate") meant = "ROLLING";
  if (word == "replace" || word == "stopfirst") meant = "RECREATE";
  field.refuse("expected ROLLING, BLUE_GREEN, CANARY or RECREATE, received " + brief(field.node) +
               (meant.empty() ? "" : ": write \"" + std::string(meant) + "\""));
  return std::nullopt;
}

std::optional<Balance> read_balance(const ConfigField& field) {
  const auto text = read_string(field);
  if (!text) return std::nullopt;
  if (const auto balance = parse_balance(*text)) return balance;
  field.refuse("expected ROUND_ROBIN, LEAST_CONNECTIONS or RANDOM, received " + brief(field.node));
  return std::nullopt;
}

std::optional<std::int64_t> read_share(const ConfigField& field) {
  if (field.node.is(Kind::string))
    if (const auto number = percent_in(field.node.text)) return in_range(field, *number, 0);
  if (field.node.is(Kind::number))
    field.refuse("expected a share of the replicas such as \"25%\", received the number " +
                 field.node.text + ": write \"" + field.node.text.substr(0, 20) +
                 "%\" if that is what you mean");
  else
    field.wrong_type("a share of the replicas such as \"25%\"");
  return std::nullopt;
}

std::optional<std::int64_t> read_percent(const ConfigField& field) {
  if (field.node.is(Kind::string))
    if (const auto number = percent_in(field.node.text)) return in_range(field, *number, 1);
  if (field.node.is(Kind::number)) return read_whole(field, {1, 100, "percent"});
  field.wrong_type("a percentage such as \"70%\"");
  return std::nullopt;
}

std::optional<std::vector<int>> read_steps(const ConfigField& field) {
  if (!field.node.is(Kind::array)) {
    field.wrong_type("an array of percentages", "write [10, 50, 100]");
    return std::nullopt;
  }
  std::vector<int> steps;
  for (std::size_t i = 0; i < field.node.items.size(); ++i) {
    const std::string key = std::string(field.key) + "[" + std::to_string(i) + "]";
    const auto step = read_percent({field.node.items[i], key, field.problems});
    if (!step) return std::nullopt;
    steps.push_back(static_cast<int>(*step));
  }
  const bool ascending =
      std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) == steps.end();
  if (!steps.empty() && steps.size() <= 20 && ascending && steps.back() == 100) return steps;
  field.refuse(
      "expected up to 20 ascending percentages, the last one 100, such as [10, 50, 100]; "
      "received " +
      brief(field.node));
  return std::nullopt;
}

std::optional<std::int64_t> read_duration(const ConfigField& field, WholeRange seconds) {
  if (!field.node.is(Kind::string)) {
    if (field.node.is(Kind::number)) return read_whole(field, seconds);
    field.wrong_type("a number of seconds, or a duration such as \"15m\"");
    return std::nullopt;
  }
  const std::string& text = field.node.text;
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::int64_t unit =
      unit_seconds(std::string_view(text).substr(static_cast<std::size_t>(read.ptr - text.data())));
  if (read.ec != std::errc() || unit == 0) {
    field.refuse(
        "expected a number of seconds, or a duration such as \"90s\", \"15m\" or \"1h\", "
        "received " +
        brief(field.node));
    return std::nullopt;
  }
  if (number >= 0 && number <= seconds.high && number * unit >= seconds.low &&
      number * unit <= seconds.high)
    return number * unit;
  field.refuse("expected " + std::to_string(seconds.low) + " to " + std::to_string(seconds.high) +
               " seconds, received " + brief(field.node));
  return std::nullopt;
}

}  // namespace gantry
