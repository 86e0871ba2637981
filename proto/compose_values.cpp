// Values in Compose's own notations, and the numbers that limits are.
#include <charconv>
#include <cmath>

#include "proto/compose_reader.hpp"
#include "proto/words.hpp"

namespace gantry::compose {
namespace {

constexpr double kSecondsMax = 1e9;
constexpr double kBytesMax = 9e18;

std::optional<double> number_of(const ConfigNode& node) {
  double value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto read = std::from_chars(node.text.data(), end, value);
  if (!is_text(node) || read.ec != std::errc() || read.ptr != end || !(value >= 0) || value > 1e9)
    return std::nullopt;
  return value;
}

}  // namespace

bool is_text(const ConfigNode& node) {
  return node.is(ConfigNode::Kind::string) || node.is(ConfigNode::Kind::number);
}

std::vector<std::string> argv_of(const ConfigNode& node, const std::string& path,
                                 Context& context) {
  if (is_text(node)) {
    auto words = split_words(node.text, "/" + path);
    if (words) return *std::move(words);
    context.refuse(node.at, path, words.error().detail);
    return {};
  }
  std::vector<std::string> words;
  for (const ConfigNode& item : node.items) words.push_back(item.text);
  return words;
}

std::optional<int> seconds_of(std::string_view text) {
  double total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || value < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    const auto end = std::min(text.find_first_of("0123456789"), text.size());
    const auto unit = text.substr(0, end);
    if (unit == "h")
      value *= 3600;
    else if (unit == "m")
      value *= 60;
    else if (unit == "ms")
      value /= 1000;
    else if (unit == "us" || unit == "ns")
      value = 0;
    else if (unit != "s" && !unit.empty())
      return std::nullopt;
    total += value;
    text.remove_prefix(end);
  }
  if (total > kSecondsMax) return std::nullopt;
  return static_cast<int>(std::ceil(total));
}

std::optional<std::int64_t> bytes_of(std::string_view text) {
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || value < 0) return std::nullopt;
  std::string unit;
  for (const char c : text.substr(static_cast<std::size_t>(read.ptr - text.data())))
    unit += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (unit.size() > 1 && unit.back() == 'b') unit.pop_back();
  constexpr std::string_view scale = "bkmgt";
  const auto power = unit.empty() ? 0 : scale.find(unit);
  if (power == std::string_view::npos || unit.size() > 1) return std::nullopt;
  for (std::size_t i = 0; i < power; ++i) value *= 1024;
  if (value > kBytesMax) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

void set_cpus(const ConfigNode& node, const std::string& path, const Target& to) {
  const auto value = number_of(node);
  if (!value) return to.context.refuse(node.at, path, "expected a number of CPUs, such as 0.5");
  to.service.settings.deploy.cpu_millicores = static_cast<int>(std::ceil(*value * 1000));
}

void set_memory(const ConfigNode& node, const std::string& path, const Target& to) {
  constexpr std::int64_t least = 6LL * 1024 * 1024;  // the engine's own minimum
  const auto value = is_text(node) ? bytes_of(node.text) : std::nullopt;
  if (!value || (*value > 0 && *value < least))
    return to.context.refuse(node.at, path, "expected bytes, such as 512m, and at least 6m");
  to.service.settings.deploy.memory_bytes = *value;
}

void set_pids(const ConfigNode& node, const std::string& path, const Target& to) {
  if (node.text == "-1") {
    to.service.settings.deploy.pids_limit = 0;
    return;
  }
  const auto value = number_of(node);
  if (!value) return to.context.refuse(node.at, path, "expected a number of processes");
  to.service.settings.deploy.pids_limit = static_cast<int>(*value);
}

void set_replicas(const ConfigNode& node, const std::string& path, const Target& to) {
  const auto value = number_of(node);
  if (!value || *value > 200)
    return to.context.refuse(node.at, path, "expected a number of replicas from 0 to 200");
  to.service.settings.deploy.replicas = static_cast<int>(*value);
}

}  // namespace gantry::compose
