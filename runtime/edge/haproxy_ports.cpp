// Ports whose connections go to replicas byte by byte: which the proxy may listen on, and what ends
// when one is taken away.
#include <algorithm>
#include <chrono>

#include "runtime/edge/haproxy_edge.hpp"
#include "runtime/edge/servers.hpp"
#include "runtime/edge/stats.hpp"

namespace gantry {
namespace {

constexpr auto kBetweenPortTries = std::chrono::seconds(10);

}  // namespace

// Nothing: it cannot be told, though the proxy lives. What a dead one held nobody holds.
std::optional<std::set<int>> HaproxyEdge::held_ports() {
  if (open_worker())
    if (const auto answer = worker_.ask("show stat -1 1 -1")) return listening_ports(*answer);
  if (master_.find()) return std::nullopt;
  return std::set<int>();
}

// One that could not be had is not tried each second: for a moment nobody else could have it.
void HaproxyEdge::settle_ports() {
  std::set<int> closed;
  std::vector<ClosedPort> reports;
  if (!table_.ports().empty()) {
    const auto held = held_ports();
    if (!held) return;
    const bool try_again = SteadyClock::now() >= next_port_try_;
    std::vector<int> wanted;
    for (const auto& [port, id] : table_.ports()) {
      if (held->contains(port)) continue;
      if (try_again || !table_.closed_ports().contains(port))
        wanted.push_back(port);
      else
        closed.insert(port);
    }
    const auto wrong = master_.check_ports(wanted);
    for (const auto& [port, error] : wrong) {
      closed.insert(port);
      reports.push_back({table_.ports().at(port), port, error});
    }
    if (try_again) next_port_try_ = SteadyClock::now() + kBetweenPortTries;
  }
  report_closed(std::move(closed), std::move(reports));
}

void HaproxyEdge::report_closed(std::set<int> closed, std::vector<ClosedPort> reports) {
  const std::lock_guard guard(closed_mutex_);
  for (ClosedPort& before : closed_) {  // those that were not tried
    const bool told = std::any_of(reports.begin(), reports.end(),
                                  [&](const ClosedPort& one) { return one.port == before.port; });
    if (closed.contains(before.port) && !told) {
      before.instance_id = table_.ports().at(before.port);
      reports.push_back(std::move(before));
    }
  }
  std::sort(reports.begin(), reports.end(),
            [](const ClosedPort& a, const ClosedPort& b) { return a.port < b.port; });
  closed_ = std::move(reports);
  table_.set_closed_ports(std::move(closed));
}

// Whoever takes a port away wants nobody to be connected by it. The worker that has no such port
// any more has no such connection either; those before it have. They call its servers disabled and
// end sessions only one by one.
void HaproxyEdge::cut_closed(const std::vector<RouteChange>& changes) {
  std::vector<EdgeServer> servers;
  for (const auto& change : changes) {
    if (!change.before || !change.before->route.tcp_proxy) continue;
    if (change.after && change.after->route.tcp_proxy) continue;
    for (auto& server : servers_of(*change.before))
      if (server.slot == tcp_slot_name(change.before->slot)) servers.push_back(std::move(server));
  }
  const auto status = servers.empty() ? std::nullopt : master_.find();
  if (!status) return;
  for (const pid_t old : status->old_workers) {
    const std::string at = "@!" + std::to_string(old) + " ";
    const auto sessions = ask_master(paths_.master_socket, at + "show sess");
    if (!sessions) continue;
    for (const auto& server : servers)
      for (const auto& session : session_names(sessions->text, server.slot, server.name))
        (void)ask_master(paths_.master_socket, at + "shutdown session " + session);
  }
}

}  // namespace gantry
