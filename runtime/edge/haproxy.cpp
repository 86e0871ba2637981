// The port's verbs.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/edge/haproxy_edge.hpp"
#include "runtime/edge/number.hpp"
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
  const bool told =
      !grown && !was_behind && open_worker() && execute(commands_for(*plan, paths_.hosts_map));
  if (!told) {  // after growing the layout differs, which means a reload
    auto repaired = repair();
    if (!repaired) return repaired.error();
  }
  live_behind_ = false;
  return AppliedGeneration{table_.generation()};
}

Result<DrainProof> HaproxyEdge::drained(const ReplicaKey& key, TimePoint now,
                                        const DrainDeadlines& deadlines) {
  const std::lock_guard guard(mutex_);
  if (!started_) return not_started();
  const auto placed = table_.find(key);
  if (placed.backend == nullptr) return make(key);
  if (!placed.backend->draining)
    return Error{Code::conflict, "still_routed", key.id() + " still gets new requests"};
  if (now >= deadlines.streams) return make(key);
  if (live_behind_)
    return Error{Code::unavailable, "edge_behind", "the proxy has not been told to drain yet"};
  const auto left = sessions(placed.slot, key);
  if (!left) return left.error();
  if (*left == 0) return make(key);
  return Error{Code::conflict, "sessions_left",
               key.id() + " has " + std::to_string(*left) + " sessions left"};
}

Result<std::vector<RouteLoad>> HaproxyEdge::load() { return std::vector<RouteLoad>(); }
std::vector<ReplicaMeasure> HaproxyEdge::measured() { return {}; }
void HaproxyEdge::on_wake(std::function<void(const InstanceId&)>) {}

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
