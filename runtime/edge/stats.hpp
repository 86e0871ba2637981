// What the proxy tells of its sessions, read. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry {

struct SlotStats {
  std::uint64_t requests = 0;
  int sessions = 0;
  int queued = 0;
  std::array<std::uint64_t, 5> responses{};  // 1xx to 5xx
};

// Adds up "show stat -1 6 -1" (backends and servers, CSV) by backend. Several workers' answers go
// into one map.
void add_stats(std::string_view csv, std::map<std::string, SlotStats, std::less<>>& slots);

// The ports among the frontends of "show stat -1 1 -1" on which the proxy listens.
std::set<int> listening_ports(std::string_view csv);

// Queued and current sessions of one server in an answer of "show stat".
int sessions_of(std::string_view csv, std::string_view server);

// The names ("0x55d6a7a93f80") of all of a server's sessions in "show sess".
std::vector<std::string> session_names(std::string_view sessions, std::string_view slot,
                                       std::string_view server);

// Sessions of one server in "show sess" whose answer's head has come: upgraded connections and
// responses that stream. A large response that is still under way is among them: the proxy cannot
// tell it from a stream, and to cut it would be worse than to wait.
int streams_of(std::string_view sessions, std::string_view slot, std::string_view server);

}  // namespace gantry
