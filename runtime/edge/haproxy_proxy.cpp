// The proxy itself: brought up, adopted, reloaded, repaired, asked.
#include <algorithm>
#include <array>
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
#include "runtime/process.hpp"

namespace gantry {
namespace {

constexpr auto kPause = std::chrono::milliseconds(10);
constexpr auto kWorkerLimit = std::chrono::seconds(60);
constexpr auto kBeforeCut = std::chrono::seconds(4);  // twice the configuration's connect timeout
constexpr auto kBetweenReloads = std::chrono::milliseconds(500);

bool is_good(const Command& command, const std::string& answer) {
  switch (command.expect) {
    case Command::Expect::nothing:
      return answer.empty();
    case Command::Expect::registered:
      return answer == "New server registered.";
    case Command::Expect::readdressed:
      return answer.find(" changed from ") != std::string::npos;
    case Command::Expect::removed:
      return true;  // remove_server() sees to it
  }
  return false;
}

}  // namespace

Result<> HaproxyEdge::bring_up() {
  GANTRY_TRY(master_.check_port());
  settle_ports();
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
  settle_ports();
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
  settle_ports();
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
  std::vector<std::string> questions{"show servers state"};
  for (const auto& file : paths_.maps) questions.push_back("show map " + file);
  auto answers = worker_.ask_all(questions);
  if (!answers) return answers.error();
  std::array<std::string, kMapCount> maps;
  std::move(answers->begin() + 1, answers->end(), maps.begin());
  auto live = parse_live(answers->front(), maps);
  if (!live) return live.error();
  for (const auto& [server, since] : leaving_) {
    const auto slot = live->servers.find(server.substr(0, server.find('/')));
    if (slot == live->servers.end() || is_routed(table_, server)) continue;
    const auto one = slot->second.find(server.substr(server.find('/') + 1));
    if (one != slot->second.end() && one->second.maintenance) slot->second.erase(one);
  }
  return repairs_for(table_, *live, paths_.maps);
}

// In one piece; then the removals, each of which may have to be tried again.
Result<> HaproxyEdge::execute(const std::vector<Command>& commands) {
  std::vector<const Command*> asked;
  std::vector<std::string> texts;
  for (const auto& command : commands) {
    if (command.expect == Command::Expect::removed) continue;
    asked.push_back(&command);
    texts.push_back(command.text);
  }
  const auto answers = worker_.ask_all(texts);
  if (!answers) return answers.error();
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& answer = (*answers)[i];
    if (is_good(*asked[i], answer)) continue;
    options_.notice("edge_refused command=\"" + texts[i] + "\" answer=\"" + answer + "\"");
    return Error{Code::unavailable, "edge_refused", texts[i] + ": " + answer};
  }
  for (const auto& command : commands)
    if (command.expect == Command::Expect::removed) GANTRY_TRY(remove_server(command));
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
    if (is_routed(table_, server))
      leaving_.erase(server);
    else
      GANTRY_TRY(remove_server({"del server " + server, Command::Expect::removed, server}));
  }
  return done();
}

Result<> HaproxyEdge::open_worker() {
  if (worker_.is_open()) return done();
  GANTRY_TRY(worker_.open(paths_.worker_socket));
  const auto info = worker_.ask("show info");
  if (!info) return info.error();
  const auto at = info->find("\nPid: ");
  worker_pid_ =
      at == std::string::npos ? 0 : leading_number(std::string_view(*info).substr(at + 6));
  receiver_.attach(worker_pid_);
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

Result<std::vector<std::string>> HaproxyEdge::ask_workers(const std::string& question) {
  GANTRY_TRY(open_worker());
  auto own = worker_.ask(question);
  if (!own) return own.error();
  std::vector<std::string> answers{std::move(*own)};
  const auto status = master_.find();
  if (!status) return Error{Code::unavailable, "edge_died", "the proxy does not run"};
  for (const pid_t old : status->old_workers) {
    auto answer = ask_master(paths_.master_socket, "@!" + std::to_string(old) + " " + question);
    if (!answer) return answer.error();
    answers.push_back(std::move(answer->text));
  }
  return answers;
}

// A request that was held before a reload waits in the worker that took it, which hears of no
// change. It is told of one server. Best effort; what it does not hear ends with its time limit.
void HaproxyEdge::tell_old_workers(const std::vector<RouteChange>& changes) {
  std::vector<std::string> commands;
  for (const auto& change : changes) {
    if (!change.before || !change.before->route.asleep || !change.after) continue;
    const Route& route = change.after->route;
    const auto serving =
        std::find_if(route.backends.begin(), route.backends.end(),
                     [](const RouteBackend& backend) { return is_serving(backend); });
    if (serving == route.backends.end()) continue;
    const std::string slot = slot_name(change.after->slot), server = server_name(serving->key);
    commands.push_back("add server " + slot + "/" + server + " " +
                       server_address(serving->address) + " " + server_options(serving->weight, 0));
    commands.push_back("add map " + paths_.maps[kPinsMap] + " " + slot + " " + server);
  }
  const auto status = commands.empty() ? std::nullopt : master_.find();
  if (!status) return;
  for (const pid_t old : status->old_workers)
    for (const auto& command : commands)
      (void)ask_master(paths_.master_socket, "@!" + std::to_string(old) + " " + command);
}

}  // namespace gantry
