#include "runtime/edge/stats.hpp"

#include <charconv>
#include <cstdint>

#include "runtime/edge/number.hpp"
#include "runtime/edge/servers.hpp"

namespace gantry {
namespace {

// Columns of the CSV (HAProxy's management guide, 9.1), and the values of `type`.
enum Column {
  kProxy = 0,
  kName = 1,
  kQueued = 2,
  kCurrent = 4,
  kTotal = 7,
  kStatus = 17,
  kType = 32,
  kInformational = 39,  // then 2xx to 5xx
  kServerErrors = 43
};
constexpr int kBackendType = 1, kServerType = 2;

// HAProxy 2.6's channel-t.h and stconn-t.h: the response is still waited for; a connection stands.
constexpr unsigned kWaitsForHead = 0x00400000;
constexpr int kEstablished = 8;

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// The first columns up to `last`.
struct Fields {
  Fields(std::string_view line, int last) {
    for (int column = 0; column <= last; ++column) {
      const auto end = line.find(',');
      values[column] = line.substr(0, end);
      if (end == std::string_view::npos) break;
      line.remove_prefix(end + 1);
    }
  }
  int number(Column column) const { return leading_number(values[column]); }
  std::string_view values[kServerErrors + 1];
};

// What follows `name` up to `stop`.
std::string_view word_after(std::string_view line, std::string_view name, char stop) {
  const auto at = line.find(name);
  if (at == std::string_view::npos) return {};
  const auto begin = at + name.size();
  return line.substr(begin, line.find(stop, begin) - begin);
}

bool streams(std::string_view line) {
  if (leading_number(word_after(line, " scb=[", ',')) < kEstablished) return false;
  const auto response = line.find(" rp[");
  if (response == std::string_view::npos) return false;
  const auto analysers = word_after(line.substr(response), ",an=", 'h');
  unsigned bits = 0;
  std::from_chars(analysers.data(), analysers.data() + analysers.size(), bits, 16);
  return (bits & kWaitsForHead) == 0;
}

}  // namespace

void add_stats(std::string_view csv, std::map<std::string, SlotStats, std::less<>>& slots) {
  while (!csv.empty()) {
    const auto line = take_line(csv);
    if (line.empty() || line[0] == '#') continue;
    const Fields fields(line, kServerErrors);
    const int type = fields.number(kType);
    if (type != kBackendType && type != kServerType) continue;
    auto found = slots.find(fields.values[kProxy]);
    if (found == slots.end()) continue;
    found->second.queued += fields.number(kQueued);
    if (type != kBackendType) continue;
    found->second.sessions += fields.number(kCurrent);
    found->second.requests += leading_number<std::uint64_t>(fields.values[kTotal]);
    for (std::size_t i = 0; i < found->second.responses.size(); ++i)
      found->second.responses[i] +=
          leading_number<std::uint64_t>(fields.values[kInformational + i]);
  }
}

std::set<int> listening_ports(std::string_view csv) {
  std::set<int> ports;
  while (!csv.empty()) {
    const Fields fields(take_line(csv), kStatus);
    const int port = port_of(fields.values[kProxy]);
    if (port != 0 && fields.values[kStatus] == "OPEN") ports.insert(port);
  }
  return ports;
}

int sessions_of(std::string_view csv, std::string_view server) {
  while (!csv.empty()) {
    const Fields fields(take_line(csv), kCurrent);
    if (fields.values[kName] == server) return fields.number(kQueued) + fields.number(kCurrent);
  }
  return 0;
}

std::vector<std::string> session_names(std::string_view sessions, std::string_view slot,
                                       std::string_view server) {
  std::vector<std::string> names;
  while (!sessions.empty()) {
    const auto line = take_line(sessions);
    if (word_after(line, " be=", ' ') == slot && word_after(line, " srv=", ' ') == server)
      names.emplace_back(line.substr(0, line.find(':')));
  }
  return names;
}

int streams_of(std::string_view sessions, std::string_view slot, std::string_view server) {
  int count = 0;
  while (!sessions.empty()) {
    const auto line = take_line(sessions);
    if (word_after(line, " be=", ' ') == slot && word_after(line, " srv=", ' ') == server &&
        streams(line))
      ++count;
  }
  return count;
}

}  // namespace gantry
