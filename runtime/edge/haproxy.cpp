// The port's verbs.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/edge/haproxy_edge.hpp"
#include "runtime/edge/number.hpp"
#include "runtime/edge/stats.hpp"
#include "runtime/process.hpp"

namespace gantry {
namespace {

// Up to here haproxy.cfg and hosts.map are written with every apply; above it by the next
// supervise() or reload, so that the cost of an apply does not grow with the table. They are made
// from the state file, which is never late.
constexpr std::size_t kEagerRoutes = 256;

}  // namespace

Result<> HaproxyEdge::start() {
  const std::lock_guard guard(mutex_);
  started_ = false;
  GANTRY_TRY(prepare_directory());
  if (!loaded_) {
    auto loaded = state_.load(options_.slots);
    if (!loaded) return loaded.error();
    for (const auto& notice : loaded->notices) options_.notice(notice);
    table_ = std::move(loaded->table);
    loaded_ = true;
  }
  GANTRY_TRY(receiver_.start(paths_.worker_socket, paths_.wake_socket,
                             [this](const std::string& slot) { wake(slot); }));
  const auto running = master_.find();
  GANTRY_TRY(running ? adopt(*running) : bring_up());
  started_ = true;
  return done();
}

std::vector<Route> HaproxyEdge::table() const {
  const std::lock_guard guard(mutex_);
  std::vector<Route> routes;
  for (const auto& [id, route] : table_.routes()) routes.push_back(route.route);
  return routes;
}

Result<AppliedGeneration> HaproxyEdge::apply(const std::vector<Route>& changes) {
  const std::lock_guard guard(mutex_);
  if (!started_) return not_started();
  bool grown = false;
  if (const int missing = table_.missing_slots(changes); missing > 0) {
    auto more = grow(table_.free_slots() + missing);
    if (!more) return more.error();
    grown = *more;
  }
  const auto plan = table_.plan(changes);
  if (!plan) return plan.error();
  if (plan->empty() && !live_behind_ && !grown) return AppliedGeneration{table_.generation()};

  const bool was_behind = live_behind_;
  live_behind_ = true;
  if (!plan->empty()) GANTRY_TRY(record(*plan));
  if (!grown && table_.routes().size() <= kEagerRoutes) GANTRY_TRY(write_made_files());
  const bool sayable =
      !grown && !was_behind && std::none_of(plan->begin(), plan->end(), needs_reload);
  const bool told = sayable && open_worker() && execute(commands_for(*plan, paths_.maps));
  if (!told) {  // another layout means a reload
    auto repaired = repair();
    if (!repaired) return repaired.error();
  }
  live_behind_ = false;
  tell_old_workers(*plan);
  cut_closed(*plan);
  return AppliedGeneration{table_.generation()};
}

std::vector<ClosedPort> HaproxyEdge::closed_ports() const {
  const std::lock_guard guard(closed_mutex_);
  return closed_;
}

Result<DrainProof> HaproxyEdge::drained(const ReplicaKey& key, TimePoint now,
                                        const DrainDeadlines& deadlines) {
  const std::lock_guard guard(mutex_);
  if (!started_) return not_started();
  const auto placed = table_.find(key);
  // What the proxy has not been told it may still do, whatever the files or the clock say.
  const Error behind{Code::unavailable, "edge_behind", "the proxy has not been told to drain yet"};
  if (placed.backend == nullptr) return live_behind_ ? Result<DrainProof>(behind) : make(key);
  if (!placed.backend->draining)
    return Error{Code::conflict, "still_routed", key.id() + " still gets new requests"};
  if (live_behind_) return behind;
  if (now >= deadlines.streams) return make(key);
  const std::string slot = slot_name(placed.slot), server = server_name(key);
  const bool all = now < deadlines.requests;
  int left = 0;
  const auto stats = ask_workers("show stat " + slot + " 4 -1");
  if (!stats) return stats.error();
  for (const auto& csv : *stats) left += sessions_of(csv, server);
  if (left > 0 && !all) {  // lists every session of the proxy, so only when there is a reason
    const auto sessions = ask_workers("show sess");
    if (!sessions) return sessions.error();
    left = 0;
    for (const auto& list : *sessions) left += streams_of(list, slot, server);
  }
  if (table_.at(placed.slot)->route.tcp_proxy) {  // any of them may be as long as a stream
    const auto connections = ask_workers("show stat " + tcp_slot_name(placed.slot) + " 4 -1");
    if (!connections) return connections.error();
    for (const auto& csv : *connections) left += sessions_of(csv, server);
  }
  if (left == 0) return make(key);
  return Error{
      Code::conflict, "sessions_left",
      key.id() + " has " + std::to_string(left) + (all ? " sessions" : " streams") + " left"};
}

Result<std::vector<RouteLoad>> HaproxyEdge::load() {
  const std::lock_guard guard(mutex_);
  if (!started_) return not_started();
  std::map<std::string, SlotStats, std::less<>> slots;
  for (const auto& [id, route] : table_.routes()) {
    slots[slot_name(route.slot)];
    if (route.route.tcp_proxy) slots[tcp_slot_name(route.slot)];
  }
  const auto answers = ask_workers("show stat -1 6 -1");  // backends and servers
  if (!answers) return answers.error();
  for (const auto& csv : *answers) add_stats(csv, slots);
  std::vector<RouteLoad> loads;
  for (const auto& [id, route] : table_.routes()) {
    auto stats = slots[slot_name(route.slot)];
    if (route.route.tcp_proxy) {
      const auto& connections = slots[tcp_slot_name(route.slot)];
      stats.requests += connections.requests;
      stats.sessions += connections.sessions;
      stats.queued += connections.queued;
    }
    // What is held waits outside every queue.
    const bool holds = route.route.asleep && !is_serving(route.route);
    loads.push_back({.instance_id = id,
                     .requests = stats.requests,
                     .sessions = stats.sessions,
                     .queued = holds ? stats.sessions : stats.queued,
                     .responses = stats.responses});
  }
  return loads;
}

// The access lines name only replicas; whoever left the table meanwhile is of no interest.
std::vector<ReplicaMeasure> HaproxyEdge::measured() {
  auto taken = receiver_.take();
  if (taken.empty()) return taken;
  const std::lock_guard guard(mutex_);
  for (ReplicaMeasure& one : taken)
    if (const auto* route = table_.at(table_.find(one.key).slot)) {
      one.instance_id = route->route.instance_id;
      one.whole = route->route.measured;
    }
  std::erase_if(taken, [](const ReplicaMeasure& one) { return one.instance_id.empty(); });
  return taken;
}

void HaproxyEdge::on_wake(std::function<void(const InstanceId&)> wake) {
  const std::lock_guard guard(mutex_);
  wake_ = std::move(wake);
}

// On the receiver's thread.
void HaproxyEdge::wake(const std::string& slot) {
  std::unique_lock lock(mutex_);
  const auto* route =
      table_.at(leading_number(std::string_view(slot).substr(slot.empty() ? 0 : 1)));
  if (route == nullptr || !route->route.asleep || slot_name(route->slot) != slot) return;
  const InstanceId id = route->route.instance_id;
  const auto call = wake_;
  lock.unlock();
  call(id);
}

bool HaproxyEdge::alive() const {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  return !lock || !started_ || process_alive(worker_pid_, "haproxy");
}

Result<bool> HaproxyEdge::supervise() {
  const std::lock_guard guard(mutex_);
  if (!started_) return not_started();
  const auto running = master_.find();
  if (!running || running->worker != worker_pid_)
    worker_.close();  // dead, or somebody else has reloaded it
  if (files_behind_) GANTRY_TRY(write_made_files());
  if (running && table_.free_slots() * 10 < table_.slots() && table_.slots() < kMostSlots) {
    auto grown = grow(table_.slots());
    if (!grown) return grown.error();
    GANTRY_TRY(reload());
  }
  if (running) (void)remove_leaving();
  auto repaired = repair();
  if (!repaired) return repaired.error();
  if (*repaired) options_.notice("edge_repaired generation=" + std::to_string(table_.generation()));
  live_behind_ = false;
  return *repaired;
}

std::unique_ptr<Edge> make_haproxy_edge(const EdgeOptions& options) {
  return std::make_unique<HaproxyEdge>(options);
}

}  // namespace gantry
