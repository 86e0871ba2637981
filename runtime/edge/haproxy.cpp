#include "runtime/edge/haproxy.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/edge/cli_socket.hpp"
#include "runtime/edge/files.hpp"
#include "runtime/edge/live.hpp"
#include "runtime/edge/master.hpp"
#include "runtime/edge/number.hpp"
#include "runtime/edge/state.hpp"

namespace gantry {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto kPause = std::chrono::milliseconds(10);
constexpr auto kWorkerLimit = std::chrono::seconds(60);
constexpr auto kBeforeCut = std::chrono::seconds(4);  // twice the configuration's connect timeout
constexpr auto kBetweenReloads = std::chrono::milliseconds(500);
// Up to here haproxy.cfg and hosts.map are written with every apply; above it by the next
// supervise() or reload, so that the cost of an apply does not grow with the table. They are made
// from the state file, which is never late.
constexpr std::size_t kEagerRoutes = 256;

class HaproxyEdge final : public Edge, private DrainProofMaker {
 public:
  explicit HaproxyEdge(const EdgeOptions& options)
      : options_(options), paths_(options), state_(options.directory), master_(options) {}
  ~HaproxyEdge() override {
    if (lock_ >= 0) ::close(lock_);
  }

  Result<> start() override;
  std::vector<Route> table() const override;
  Result<AppliedGeneration> apply(const std::vector<Route>& changes) override;
  Result<DrainProof> drained(const ReplicaKey&, TimePoint now, TimePoint deadline) override;
  Result<bool> supervise() override;

 private:
  // files
  Result<> prepare_directory();
  Result<> write_made_files();
  Result<> write_checked_files();
  Result<> record(const std::vector<RouteChange>&);
  Result<bool> grow(int wanted_free);
  // the proxy
  Result<> bring_up();
  Result<> adopt(const MasterStatus&);
  Result<> reload();
  Result<bool> repair();
  Result<std::vector<Command>> differences();
  Result<> execute(const std::vector<Command>&);
  Result<> remove_server(const Command&);
  Result<> remove_leaving();
  bool is_wanted(const std::string& server) const;
  Result<> open_worker();
  Result<> await_generation();
  Result<std::int64_t> variable(const std::string& name);
  Result<int> sessions(int slot, const ReplicaKey&);

  const EdgeOptions options_;
  const EdgePaths paths_;
  mutable std::mutex mutex_;  // around everything below
  RouteTable table_;
  StateFile state_;
  HaproxyMaster master_;
  CliSocket worker_;
  pid_t worker_pid_ = 0;
  std::map<std::string, SteadyClock::time_point> leaving_;  // in maintenance, with sessions left
  int lock_ = -1;
  bool loaded_ = false;
  bool started_ = false;
  bool live_behind_ = false;   // the proxy may not have what the state file has
  bool files_behind_ = false;  // haproxy.cfg and hosts.map may not
  SteadyClock::time_point last_reload_{};
};

Error not_started() {
  return {Code::unavailable, "edge_not_started", "the edge has not been started"};
}

// ---- verbs ----

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

Result<DrainProof> HaproxyEdge::drained(const ReplicaKey& key, TimePoint now, TimePoint deadline) {
  const std::lock_guard guard(mutex_);
  if (!started_) return not_started();
  const auto placed = table_.find(key);
  if (placed.backend == nullptr) return make(key);
  if (!placed.backend->draining)
    return Error{Code::conflict, "still_routed", key.id() + " still gets new requests"};
  if (now >= deadline) return make(key);
  if (live_behind_)
    return Error{Code::unavailable, "edge_behind", "the proxy has not been told to drain yet"};
  const auto left = sessions(placed.slot, key);
  if (!left) return left.error();
  if (*left == 0) return make(key);
  return Error{Code::conflict, "sessions_left",
               key.id() + " has " + std::to_string(*left) + " sessions left"};
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

// ---- files ----

// They become words of the configuration.
Result<> check_options(const EdgeOptions& options) {
  const auto bad = [](const std::string& what) {
    return Error{Code::invalid, "edge_options", what};
  };
  const std::string& directory = options.directory;
  const bool plain = std::all_of(directory.begin(), directory.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '/' || c == '.' || c == '_' || c == '-';
  });
  if (directory.empty() || directory[0] != '/' || directory.size() > 80 || !plain)
    return bad("the edge's directory is an absolute path of at most 80 plain characters, not '" +
               directory + "'");
  if (options.port < 1 || options.port > 65535) return bad("the edge's port is 1 to 65535");
  if (options.slots < 1 || options.slots > kMostSlots)
    return bad("the edge's slots are 1 to " + std::to_string(kMostSlots));
  if (options.max_connections < 1) return bad("the edge's max_connections is at least 1");
  if (options.uid.has_value() != options.gid.has_value())
    return bad("the edge's uid and gid come together");
  return done();
}

Result<> HaproxyEdge::prepare_directory() {
  GANTRY_TRY(check_options(options_));
  GANTRY_TRY(make_directory(paths_.directory, 0755));
  GANTRY_TRY(make_directory(paths_.pages, 0755));
  GANTRY_TRY(make_directory(paths_.run, 0700));
  if (options_.uid && options_.gid &&
      ::chown(paths_.run.c_str(), *options_.uid, *options_.gid) != 0)
    return file_error("give away", paths_.run);
  if (lock_ < 0) lock_ = ::open(paths_.lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) return file_error("open", paths_.lock);
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0)
    return Error{Code::conflict, "edge_locked", "another daemon uses " + paths_.directory};
  for (const auto& [name, text] : error_pages()) {
    const std::string path = paths_.pages + "/" + name;
    const auto old = read_whole(path);
    if (!old || *old != text) GANTRY_TRY(replace_file(path, text));
  }
  return done();
}

// Whole in the eyes of every reader; on the disk whenever the kernel likes: after a crash of the
// machine start() makes them anew from the state file.
Result<> HaproxyEdge::write_made_files() {
  files_behind_ = true;
  GANTRY_TRY(replace_made_file(paths_.hosts_map, hosts_map_text(table_)));
  GANTRY_TRY(replace_made_file(paths_.config, haproxy_config(table_, options_)));
  files_behind_ = false;
  return done();
}

Result<> HaproxyEdge::write_checked_files() {
  files_behind_ = true;
  GANTRY_TRY(replace_file(paths_.hosts_map, hosts_map_text(table_)));
  GANTRY_TRY(write_beside(paths_.candidate, haproxy_config(table_, options_)));
  GANTRY_TRY(master_.check(paths_.candidate));
  GANTRY_TRY(rename_over(paths_.candidate, paths_.config));
  files_behind_ = false;
  return done();
}

// The state file first, then memory.
Result<> HaproxyEdge::record(const std::vector<RouteChange>& changes) {
  StateRecord record{table_.generation() + 1, table_.slots(), {}};
  for (const auto& change : changes)
    record.routes.push_back(
        change.after ? *change.after
                     : SlotRoute{change.before->slot, {change.before->route.instance_id, {}, {}}});
  GANTRY_TRY(state_.append(record));
  table_.commit(changes);
  table_.set_generation(record.generation);
  files_behind_ = true;
  if (state_.wants_compaction()) GANTRY_TRY(state_.compact(table_));
  return done();
}

// Doubles the pool until so many slots are free. The caller reloads.
Result<bool> HaproxyEdge::grow(int wanted_free) {
  const int used = table_.slots() - table_.free_slots();
  int slots = std::max(table_.slots(), 1);
  while (slots - used < wanted_free) slots *= 2;
  if (slots > kMostSlots)
    return Error{Code::exhausted, "slots_exhausted",
                 "the edge routes at most " + std::to_string(kMostSlots) + " services"};
  table_.resize(slots);
  live_behind_ = true;
  options_.notice("edge_pool_grown slots=" + std::to_string(slots));
  return true;
}

// ---- the proxy ----

Result<> HaproxyEdge::bring_up() {
  GANTRY_TRY(master_.check_port());
  GANTRY_TRY(record({}));  // a generation of its own, to recognise the worker by
  GANTRY_TRY(write_checked_files());
  if (const auto pid = master_.launch(); !pid) return pid.error();
  worker_.close();
  GANTRY_TRY(await_generation());
  live_behind_ = false;
  return done();
}

Result<> HaproxyEdge::adopt(const MasterStatus& running) {
  options_.notice("edge_adopted pid=" + std::to_string(running.pid));
  worker_.close();
  files_behind_ = true;
  auto repaired = repair();
  if (!repaired) return repaired.error();
  if (files_behind_) GANTRY_TRY(write_made_files());
  live_behind_ = false;
  return done();
}

Result<> HaproxyEdge::reload() {
  std::this_thread::sleep_until(last_reload_ + kBetweenReloads);
  const bool known = open_worker().ok();
  const auto port = known ? variable("proc.port") : Result<std::int64_t>(not_started());
  // HAProxy pauses everybody's listeners for 2 s when a reload cannot bind; only a port that it
  // does not hold can fail.
  if (known && (!port || *port != options_.port)) GANTRY_TRY(master_.check_port());
  GANTRY_TRY(record({}));
  GANTRY_TRY(write_checked_files());
  worker_.close();
  last_reload_ = SteadyClock::now();
  GANTRY_TRY(master_.reload());
  return await_generation();
}

// True when something differed. By single commands where they can say it, else by a reload, or by
// starting a proxy when none is left: a worker's death ends its master too, but a moment later.
Result<bool> HaproxyEdge::repair() {
  auto commands = differences();
  if (commands && commands->empty()) return false;
  if (commands && execute(*commands)) {
    commands = differences();
    if (commands && commands->empty()) return true;
  }
  if (master_.find()) {
    const auto reloaded = reload();
    if (reloaded) return true;
    if (master_.find()) return reloaded.error();
  }
  GANTRY_TRY(bring_up());
  options_.notice("edge_restarted reason=\"the proxy was dead\"");
  return true;
}

// Code::unavailable when only a reload can help.
Result<std::vector<Command>> HaproxyEdge::differences() {
  GANTRY_TRY(open_worker());
  const auto layout = variable("proc.layout");
  if (!layout) return layout.error();
  if (*layout != layout_of(table_, options_))
    return Error{Code::unavailable, "edge_layout", "the proxy runs another layout"};
  const auto servers = worker_.ask("show servers state");
  if (!servers) return servers.error();
  const auto hosts = worker_.ask("show map " + paths_.hosts_map);
  if (!hosts) return hosts.error();
  auto live = parse_live(*servers, *hosts);
  if (!live) return live.error();
  for (const auto& [server, since] : leaving_) {
    const auto slot = live->servers.find(server.substr(0, server.find('/')));
    if (slot == live->servers.end() || is_wanted(server)) continue;
    const auto one = slot->second.find(server.substr(server.find('/') + 1));
    if (one != slot->second.end() && one->second.maintenance) slot->second.erase(one);
  }
  return repairs_for(table_, *live, paths_.hosts_map);
}

Result<> HaproxyEdge::execute(const std::vector<Command>& commands) {
  for (const auto& command : commands) {
    if (command.expect == Command::Expect::removed) {
      GANTRY_TRY(remove_server(command));
      continue;
    }
    const auto answer = worker_.ask(command.text);
    if (!answer) return answer.error();
    bool good = false;
    switch (command.expect) {
      case Command::Expect::nothing:
        good = answer->empty();
        break;
      case Command::Expect::registered:
        good = *answer == "New server registered.";
        break;
      case Command::Expect::readdressed:
        good = answer->find(" changed from ") != std::string::npos;
        break;
      case Command::Expect::removed:
        break;
    }
    if (!good) {
      options_.notice("edge_refused command=\"" + command.text + "\" answer=\"" + *answer + "\"");
      return Error{Code::unavailable, "edge_refused", command.text + ": " + *answer};
    }
  }
  return done();
}

// A server in maintenance gets nothing new. What is still being connected to it goes elsewhere when
// its connect timeout is over, so nothing is cut before that; until then the server stays,
// harmless, and supervise() tries again.
Result<> HaproxyEdge::remove_server(const Command& command) {
  const auto since = leaving_.try_emplace(command.server, SteadyClock::now()).first->second;
  if (SteadyClock::now() - since >= kBeforeCut)
    if (const auto cut = worker_.ask("shutdown sessions server " + command.server); !cut)
      return cut.error();
  for (int attempt = 0; attempt < 10; ++attempt) {
    const auto answer = worker_.ask(command.text);
    if (!answer) return answer.error();
    if (*answer == "Server deleted." || *answer == "No such server.") {
      leaving_.erase(command.server);
      return done();
    }
    std::this_thread::sleep_for(kPause);
  }
  return done();
}

// Another try for those that had to stay; one that is wanted again is no longer leaving.
Result<> HaproxyEdge::remove_leaving() {
  if (leaving_.empty()) return done();
  GANTRY_TRY(open_worker());
  for (const auto& [server, since] : std::map(leaving_)) {
    if (is_wanted(server))
      leaving_.erase(server);
    else
      GANTRY_TRY(remove_server({"del server " + server, Command::Expect::removed, server}));
  }
  return done();
}

bool HaproxyEdge::is_wanted(const std::string& server) const {
  const auto slash = server.find('/');
  const auto key = ReplicaKey::parse(server.substr(slash + 1));
  const auto placed = key ? table_.find(*key) : RouteTable::Placement{};
  return placed.backend != nullptr && slot_name(placed.slot) == server.substr(0, slash);
}

Result<> HaproxyEdge::open_worker() {
  if (worker_.is_open()) return done();
  GANTRY_TRY(worker_.open(paths_.worker_socket));
  const auto info = worker_.ask("show info");
  if (!info) return info.error();
  const auto at = info->find("\nPid: ");
  worker_pid_ =
      at == std::string::npos ? 0 : leading_number(std::string_view(*info).substr(at + 6));
  return done();
}

// Until the worker that has read the configuration of this generation answers.
Result<> HaproxyEdge::await_generation() {
  const auto deadline = SteadyClock::now() + kWorkerLimit;
  while (SteadyClock::now() < deadline) {
    if (open_worker()) {
      const auto generation = variable("proc.gen");
      if (generation && *generation == table_.generation()) return done();
      worker_.close();
    }
    if (!master_.find())
      return Error{Code::unavailable, "edge_died",
                   "the proxy ended at once: " + master_.last_words()};
    std::this_thread::sleep_for(kPause);
  }
  return Error{Code::unavailable, "edge_silent",
               "the proxy's worker does not answer: " + master_.last_words()};
}

// "proc.gen: type=sint value=<42>"
Result<std::int64_t> HaproxyEdge::variable(const std::string& name) {
  const auto answer = worker_.ask("get var " + name);
  if (!answer) return answer.error();
  const auto at = answer->find("value=<");
  if (at == std::string::npos) return not_found("variable " + name + " in the proxy");
  return leading_number<std::int64_t>(std::string_view(*answer).substr(at + 7));
}

// Queued and current sessions of one server in a CSV answer of "show stat".
int sessions_in(const std::string& csv, const std::string& server) {
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string slot, name, queued, queued_most, current;
    for (auto* field : {&slot, &name, &queued, &queued_most, &current})
      std::getline(fields, *field, ',');
    if (name == server) return leading_number(queued) + leading_number(current);
  }
  return 0;
}

// In the worker and in those that a reload has left to finish their connections.
Result<int> HaproxyEdge::sessions(int slot, const ReplicaKey& key) {
  GANTRY_TRY(open_worker());
  const std::string question = "show stat " + slot_name(slot) + " 4 -1";
  const auto csv = worker_.ask(question);
  if (!csv) return csv.error();
  int count = sessions_in(*csv, server_name(key));
  const auto status = master_.find();
  if (!status) return Error{Code::unavailable, "edge_died", "the proxy does not run"};
  for (const pid_t old : status->old_workers) {
    const auto answer =
        ask_master(paths_.master_socket, "@!" + std::to_string(old) + " " + question);
    if (!answer) return answer.error();
    count += sessions_in(answer->text, server_name(key));
  }
  return count;
}

}  // namespace

std::unique_ptr<Edge> make_haproxy_edge(const EdgeOptions& options) {
  return std::make_unique<HaproxyEdge>(options);
}

}  // namespace gantry
