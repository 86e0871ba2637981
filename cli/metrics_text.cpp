#include "cli/metrics_text.hpp"

#include <cstdlib>

#include <fmt/format.h>

#include "cli/output.hpp"

namespace gantry::cli {
namespace {

const std::string kNone = "-";

std::string or_none(const Json& value) { return value.is_null() ? kNone : value.text(); }

double real(const Json& value) { return std::strtod(value.text().c_str(), nullptr); }

std::string bytes(const Json& value, bool exact = false) {
  if (value.is_null()) return kNone;
  if (exact) return value.text();
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double size = static_cast<double>(value.number());
  std::size_t unit = 0;
  while (size >= 1024 && unit + 1 < std::size(kUnits)) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", size, unit == 0 || size >= 100 ? 0 : 1, kUnits[unit]);
}

std::string cores(const Json& millicores, bool exact = false) {
  if (millicores.is_null()) return kNone;
  if (exact) return millicores.text();
  return fmt::format("{:.3f}", static_cast<double>(millicores.number()) / 1000);
}

std::string percent(const Json& rate) {
  return rate.is_null() ? kNone : fmt::format("{:.2f} %", real(rate) * 100);
}

std::string milliseconds(const Json& value) {
  return value.is_null() ? kNone : value.text() + " ms";
}

std::string span_of(const Json& summary) {
  return summary["since"].text().substr(0, 16) + " to " + summary["until"].text().substr(0, 16);
}

std::string without_end(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::vector<Row> resources(const Json& it, const MetricsWish& wish) {
  std::vector<Row> rows;
  if (wish.cpu)
    rows.push_back({"cpu (cores)", cores(it["cpu"]["average_millicores"]),
                    cores(it["cpu"]["peak_millicores"]), cores(it["cpu"]["limit_millicores"])});
  if (wish.memory)
    rows.push_back({"memory", bytes(it["memory"]["average_bytes"]),
                    bytes(it["memory"]["peak_bytes"]), bytes(it["memory"]["limit_bytes"])});
  if (wish.volume)
    rows.push_back(
        {"volume", kNone, bytes(it["volume"]["used_bytes"]), bytes(it["volume"]["size_bytes"])});
  return rows;
}

std::string http_text(const Json& http) {
  std::string text = "http: " + http["requests"].text() + " requests";
  for (const auto& [name, count] : http["responses"].members())
    if (count.number() > 0) text += ", " + count.text() + " " + name;
  text += "; errors " + percent(http["error_rate"]);
  const Json latency = http["latency"];
  if (latency.is_null()) return text;
  text += "\n      ";
  for (const char* name : {"p50", "p90", "p95", "p99"})
    text += std::string(name) + " " + milliseconds(latency[std::string(name) + "_ms"]) + "  ";
  return text + "(" + latency["measured"].text() + " measured)";
}

}  // namespace

std::string metrics_report(const Json& it, const MetricsWish& wish) {
  std::string text = it["service"]["name"].text() + ", " + span_of(it) + ", " +
                     it["replicas"].text() + " replicas at most\n";
  if (it["measured_seconds"].number() == 0) text += "no container ran in this time\n";
  if (const auto rows = resources(it, wish); !rows.empty())
    text += "\n" + without_end(render_table({"RESOURCE", "AVERAGE", "PEAK", "LIMIT"}, rows)) + "\n";
  if (wish.network)
    text += "\nnetwork: " + bytes(it["network"]["received_bytes"]) + " received, " +
            bytes(it["network"]["sent_bytes"]) + " sent\n";
  if (wish.http) text += "\n" + http_text(it["http"]) + "\n";
  for (const Json& hint : it["hints"].items()) text += "\nhint: " + hint.text();
  return without_end(text);
}

std::string metrics_course(const Json& answer, const MetricsWish& wish) {
  Row head{"AT", "SECONDS", "REPLICAS"};
  const auto add = [&](bool wanted, std::initializer_list<const char*> names) {
    if (wanted) head.insert(head.end(), names.begin(), names.end());
  };
  add(wish.cpu, {"CPU_MILLICORES", "CPU_PEAK"});
  add(wish.memory, {"MEMORY_BYTES", "MEMORY_PEAK"});
  add(wish.network, {"RECEIVED_BYTES", "SENT_BYTES"});
  add(wish.volume, {"VOLUME_BYTES"});
  add(wish.http, {"REQUESTS", "2XX", "3XX", "4XX", "5XX", "P50_MS", "P90_MS", "P95_MS", "P99_MS"});
  std::vector<Row> rows;
  for (const Json& it : answer["data"].items()) {
    Row row{it["at"].text(), it["measured_seconds"].text(), it["replicas"].text()};
    const auto put = [&](bool wanted, std::initializer_list<Json> values) {
      if (wanted)
        for (const Json& value : values) row.push_back(or_none(value));
    };
    put(wish.cpu, {it["cpu"]["average_millicores"], it["cpu"]["peak_millicores"]});
    put(wish.memory, {it["memory"]["average_bytes"], it["memory"]["peak_bytes"]});
    put(wish.network, {it["network"]["received_bytes"], it["network"]["sent_bytes"]});
    put(wish.volume, {it["volume_bytes"]});
    const Json http = it["http"], classes = http["responses"], latency = http["latency"];
    put(wish.http,
        {http["requests"], classes["2xx"], classes["3xx"], classes["4xx"], classes["5xx"],
         latency["p50_ms"], latency["p90_ms"], latency["p95_ms"], latency["p99_ms"]});
    rows.push_back(std::move(row));
  }
  return without_end(render_table(head, rows));
}

std::string metrics_overview(const std::vector<Json>& summaries, const MetricsWish& wish) {
  Row head{"SERVICE", "REPLICAS"};
  const auto add = [&](bool wanted, std::initializer_list<const char*> names) {
    if (wanted) head.insert(head.end(), names.begin(), names.end());
  };
  add(wish.cpu, {"CPU", "CPU_PEAK", "CPU_LIMIT"});
  add(wish.memory, {"MEMORY", "MEMORY_PEAK", "MEMORY_LIMIT"});
  add(wish.network, {"RECEIVED", "SENT"});
  add(wish.volume, {"VOLUME"});
  add(wish.http, {"REQUESTS", "ERRORS", "P50_MS", "P95_MS", "P99_MS"});
  std::vector<Row> rows;
  std::string hints;
  for (const Json& it : summaries) {
    const std::string name = it["service"]["name"].text();
    Row row{name, it["replicas"].text()};
    const auto put = [&](bool wanted, std::initializer_list<std::string> values) {
      if (wanted) row.insert(row.end(), values.begin(), values.end());
    };
    const Json cpu = it["cpu"], memory = it["memory"], http = it["http"];
    const Json latency = http["latency"];
    put(wish.cpu,
        {cores(cpu["average_millicores"], wish.exact), cores(cpu["peak_millicores"], wish.exact),
         cores(cpu["limit_millicores"], wish.exact)});
    put(wish.memory,
        {bytes(memory["average_bytes"], wish.exact), bytes(memory["peak_bytes"], wish.exact),
         bytes(memory["limit_bytes"], wish.exact)});
    put(wish.network, {bytes(it["network"]["received_bytes"], wish.exact),
                       bytes(it["network"]["sent_bytes"], wish.exact)});
    put(wish.volume, {bytes(it["volume"]["used_bytes"], wish.exact)});
    put(wish.http,
        {http["requests"].text(),
         wish.exact ? or_none(http["error_rate"]) : percent(http["error_rate"]),
         or_none(latency["p50_ms"]), or_none(latency["p95_ms"]), or_none(latency["p99_ms"])});
    rows.push_back(std::move(row));
    for (const Json& hint : it["hints"].items()) hints += "\nhint: " + name + ": " + hint.text();
  }
  const std::string table = without_end(render_table(head, rows));
  return hints.empty() ? table : table + "\n" + hints;
}

}  // namespace gantry::cli
