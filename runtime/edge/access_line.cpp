#include "runtime/edge/access_line.hpp"

#include <array>

#include "runtime/edge/number.hpp"

namespace gantry {
namespace {

enum Word { kServer, kStatus, kEnd, kConnect, kHead, kBody, kStream, kWords };

// How a session ended is two letters: who ended it ('S' server, 's' its timeout, 'P' the proxy, 'C'
// client, '-' nobody) and when ('C' connecting, 'H' before the answer's head, 'D' in its body).
bool server_failed(std::string_view end) {
  return end == "SH" || end == "sH" || end == "SD" || end == "sD" || end == "PH";
}

}  // namespace

std::optional<ReplicaMeasure> parse_access_line(std::string_view line) {
  std::array<std::string_view, kWords> words;
  for (auto& word : words) {
    const auto end = line.find(' ');
    word = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view() : line.substr(end + 1);
  }
  const auto key = ReplicaKey::parse(words[kServer]);
  const int connect = leading_number(words[kConnect]), head = leading_number(words[kHead]),
            body = leading_number(words[kBody]);
  if (!key || words[kEnd].size() < 2 || words[kConnect].empty() || connect < 0) return std::nullopt;
  ReplicaMeasure measured{.instance_id = {}, .key = *key, .measure = {}};
  measured.measure.requests = 1;
  const int status = leading_number(words[kStatus]);
  const bool upgraded = status == 101, streams = words[kStream] == "1";
  // A stream in which nothing was said for long is no failure.
  const bool failed = !upgraded && server_failed(words[kEnd]) && !(streams && words[kEnd] == "sD");
  const bool whole = words[kEnd] == "--";
  if (failed || (status >= 500 && head >= 0)) measured.measure.errors = 1;
  if (whole && !upgraded && !streams && head >= 0 && body >= 0)
    measured.measure.latency.add(connect + head + body);
  return measured;
}

}  // namespace gantry
