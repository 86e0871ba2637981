#include "cli/rollout_options.hpp"

#include <charconv>

#include "proto/duration.hpp"

namespace gantry::cli {
namespace {

Failure unreadable(const std::string& option, const std::string& wanted, const std::string& text) {
  return {option + " needs " + wanted + ", not \"" + text + "\"", "usage", "", kUnreadable};
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "25%" or "25".
std::int64_t percent(const std::string& option, std::string_view text) {
  std::string_view digits = text;
  if (digits.ends_with('%')) digits.remove_suffix(1);
  if (const auto value = number_in(digits)) return *value;
  throw unreadable(option, "a percentage such as 25%", std::string(text));
}

std::int64_t seconds(const std::string& option, const std::string& text) {
  if (const auto plain = number_in(text)) return *plain;
  if (const auto value = duration_seconds(text)) return *value;
  throw unreadable(option, "a duration such as 90s, 15m or 1h", text);
}

Strategy strategy_in(const std::string& text) {
  if (const auto strategy = parse_strategy(text)) return *strategy;
  throw unreadable("--strategy", "rolling, blue-green, canary or recreate", text);
}

std::string steps_in(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    out += (out.empty() ? "" : ",") +
           std::to_string(percent("--steps", std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
  return "[" + out + "]";
}

// The members of "rollout", each when it was written.
std::vector<std::pair<std::string, std::string>> rollout_members(const Call& call) {
  std::vector<std::pair<std::string, std::string>> members;
  const auto add = [&](const char* option, const char* key, auto read) {
    if (const auto text = call.value(option)) members.emplace_back(key, read(option, *text));
  };
  const auto as_percent = [](const std::string& option, const std::string& text) {
    return std::to_string(percent(option, text));
  };
  const auto as_seconds = [](const std::string& option, const std::string& text) {
    return std::to_string(seconds(option, text));
  };
  add("--strategy", "strategy", [](const std::string&, const std::string& text) {
    return "\"" + std::string(name(strategy_in(text))) + "\"";
  });
  add("--steps", "steps",
      [](const std::string&, const std::string& text) { return steps_in(text); });
  add("--interval", "interval_seconds", as_seconds);
  add("--min-requests", "min_requests", [](const std::string& option, const std::string& text) {
    const auto value = number_in(text);
    if (!value) throw unreadable(option, "a whole number", text);
    return std::to_string(*value);
  });
  add("--max-surge", "max_surge_percent", as_percent);
  add("--max-unavailable", "max_unavailable_percent", as_percent);
  add("--observe", "observe_seconds", as_seconds);
  add("--keep", "keep_seconds", as_seconds);
  if (call.has("--manual")) members.emplace_back("automatic", "false");
  if (call.has("--no-judge")) members.emplace_back("judge", "false");
  return members;
}

}  // namespace

std::vector<Option> rollout_options() {
  return {{"--strategy", "NAME", "rolling, blue-green, canary or recreate; this once"},
          {"--steps", "P,P,100", "canary: percent of the requests, step by step"},
          {"--interval", "TIME", "canary: how long each step takes (15m)"},
          {"--min-requests", "N", "canary: requests of its own before the next step"},
          {"--manual", "", "canary: no step by itself"},
          {"--no-judge", "", "canary: what the edge measures does not end it"},
          {"--sticky", "", "a cookie keeps a browser at its replica"},
          {"--max-surge", "PERCENT", "replicas beyond the wanted number meanwhile"},
          {"--max-unavailable", "PERCENT", "replicas that may be missing meanwhile"},
          {"--observe", "TIME", "after the switch: who fails is taken back"},
          {"--keep", "TIME", "blue-green: how long the old version runs on"}};
}

void check_rollout_options(const Call& call) { (void)rollout_members(call); }

void append_rollout_options(JsonObject& body, const Call& call) {
  if (const auto members = rollout_members(call); !members.empty())
    body.raw("rollout", json_map(members));
  if (call.has("--sticky")) body.raw("traffic", R"({"sticky":true})");
}

void tell_interruption(const Session& session, const Place& place) {
  const auto written = session.call().value("--strategy");
  const Strategy strategy =
      written ? strategy_in(*written)
              : parse_strategy(place.instance["deploy"]["rollout"]["strategy"].text())
                    .value_or(Strategy::rolling);
  const std::string phase = place.instance["status"]["phase"].text();
  if (strategy != Strategy::recreate || phase.empty() || phase == "EMPTY") return;
  session.warn("RECREATE interrupts " + place.service +
               ": its old version stops before the new one starts");
}

}  // namespace gantry::cli
