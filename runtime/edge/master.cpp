#include "runtime/edge/master.hpp"

#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/edge/cli_socket.hpp"
#include "runtime/edge/number.hpp"
#include "runtime/files.hpp"
#include "runtime/process.hpp"

namespace gantry {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto kPause = std::chrono::milliseconds(10);
constexpr auto kReloadLimit = std::chrono::seconds(60);
constexpr auto kSilenceLimit = std::chrono::seconds(15);
constexpr auto kPortPatience =
    std::chrono::milliseconds(500);  // listeners of a proxy that was killed just now
constexpr std::string_view kCapability = "-all,+net_bind_service";

// Binds and closes. 0 or the errno.
int try_bind(const EdgeOptions& options, int number_of_port) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_in);
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  const auto port = htons(static_cast<std::uint16_t>(number_of_port));
  if (::inet_pton(AF_INET, options.bind_address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = port;
  } else if (::inet_pton(AF_INET6, options.bind_address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    size = sizeof(sockaddr_in6);
  } else {
    return EADDRNOTAVAIL;
  }
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool bound =
      ::bind(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0 && ::listen(fd, 1) == 0;
  const int number = bound ? 0 : errno;
  ::close(fd);
  return number;
}

Error bind_error(const EdgeOptions& options, int port, int number) {
  const std::string where = options.bind_address + " port " + std::to_string(port);
  if (number == EADDRINUSE)
    return {Code::conflict, "port_in_use",
            "another program listens on " + where + ": end it or " +
                (port == options.port ? "give the edge another port" : "choose another port")};
  if (number == EACCES)
    return {Code::forbidden, "port_forbidden", "this user may not listen on " + where};
  return {Code::invalid, "address_unavailable",
          "cannot listen on " + where + ": " + std::strerror(number)};
}

}  // namespace

std::optional<MasterStatus> parse_show_proc(const std::string& text) {
  MasterStatus status;
  bool old = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# old workers")) old = true;
    if (line.starts_with("# programs")) break;
    std::istringstream words(line);
    long pid = 0;
    std::string type;
    if (!(words >> pid >> type)) continue;
    if (type == "master") {
      std::string word;
      status.pid = static_cast<pid_t>(pid);
      words >> status.reloads >> word >> status.failed;  // "5 [failed: 0]"
    } else if (type == "worker" && old) {
      status.old_workers.push_back(static_cast<pid_t>(pid));
    } else if (type == "worker") {
      status.worker = static_cast<pid_t>(pid);
    }
  }
  if (status.pid == 0) return std::nullopt;
  return status;
}

HaproxyMaster::HaproxyMaster(const EdgeOptions& options)
    : options_(options), paths_(options), pid_file_(paths_.run + "/master.pid") {}

// A pid may have been given to somebody else since: the command line names the directory's socket.
// It reads empty for a moment while the master re-executes itself.
bool HaproxyMaster::is_ours(pid_t pid) const {
  for (int attempt = 0; attempt < 50; ++attempt) {
    // In this order: setpriv becomes haproxy, maybe between the two looks.
    if (!process_alive(pid, "setpriv") && !process_alive(pid, "haproxy")) return false;
    const auto command = read_whole("/proc/" + std::to_string(pid) + "/cmdline");
    if (!command) return false;
    if (!command->empty()) return command->find(paths_.master_socket) != std::string::npos;
    std::this_thread::sleep_for(kPause);
  }
  return false;
}

std::optional<pid_t> HaproxyMaster::recorded_pid() const {
  const auto text = read_whole(pid_file_);
  if (!text) return std::nullopt;
  const pid_t pid = leading_number(*text);
  if (!is_ours(pid)) return std::nullopt;
  return pid;
}

std::optional<MasterStatus> HaproxyMaster::ask() {
  const auto answer = ask_master(paths_.master_socket, "show proc");
  if (!answer) return std::nullopt;
  auto status = parse_show_proc(answer->text);
  if (!status || status->pid != answer->peer || !is_ours(status->pid)) return std::nullopt;
  return status;
}

std::optional<MasterStatus> HaproxyMaster::find() {
  const auto deadline = SteadyClock::now() + kSilenceLimit;
  for (;;) {
    if (auto status = ask()) return status;
    const auto pid = recorded_pid();
    if (!pid) return std::nullopt;
    if (SteadyClock::now() > deadline) {
      ::kill(*pid, SIGKILL);
      return std::nullopt;
    }
    std::this_thread::sleep_for(kPause);
  }
}

Result<> HaproxyMaster::check(const std::string& config) const {
  Program program;
  program.argv = {options_.haproxy, "-c", "-f", config};
  const auto finished = run(program, 60);
  if (!finished) return finished.error();
  if (finished->exit_code == 0) return done();
  return Error{Code::internal, "config_refused",
               "haproxy refused " + config + ": " + finished->output};
}

Result<> HaproxyMaster::check_port() const {
  const auto wrong = check_ports({options_.port});
  if (wrong.empty()) return done();
  return wrong.begin()->second;
}

// The patience is for all of them together.
std::map<int, Error> HaproxyMaster::check_ports(const std::vector<int>& ports) const {
  const auto deadline = SteadyClock::now() + kPortPatience;
  std::map<int, Error> wrong;
  for (const int port : ports) {
    int number = try_bind(options_, port);
    while (number == EADDRINUSE && SteadyClock::now() < deadline) {
      std::this_thread::sleep_for(kPause);
      number = try_bind(options_, port);
    }
    if (number != 0) wrong.emplace(port, bind_error(options_, port, number));
  }
  return wrong;
}

std::vector<std::string> HaproxyMaster::argv() const {
  std::vector<std::string> argv;
  if (options_.uid && options_.gid) {
    const std::string capability(kCapability);
    argv = {"/usr/bin/setpriv",
            "--reuid=" + std::to_string(*options_.uid),
            "--regid=" + std::to_string(*options_.gid),
            "--clear-groups",
            "--no-new-privs",
            "--inh-caps=" + capability,
            "--ambient-caps=" + capability,
            "--bounding-set=" + capability};
  }
  argv.insert(argv.end(), {options_.haproxy, "-W", "-S", paths_.master_socket + ",mode,600", "-f",
                           paths_.config});
  return argv;
}

Result<pid_t> HaproxyMaster::launch() {
  ::unlink(paths_.master_socket.c_str());
  ::unlink(paths_.worker_socket.c_str());
  struct stat log {};
  if (::stat(paths_.log.c_str(), &log) == 0 && log.st_size > 1'000'000)
    ::unlink(paths_.log.c_str());
  Program program;
  program.argv = argv();
  program.output_file = paths_.log;
  const auto pid = spawn_detached(program);
  if (!pid) return pid.error();
  GANTRY_TRY(replace_file(pid_file_, std::to_string(*pid) + "\n"));
  // Best effort, inherited by the workers: the proxy should be the last to go when memory runs out.
  std::ofstream("/proc/" + std::to_string(*pid) + "/oom_score_adj") << "-500";
  return *pid;
}

Result<> HaproxyMaster::reload() {
  const auto before = find();
  if (!before) return Error{Code::unavailable, "reload_failed", "the proxy does not run"};
  if (const auto sent = ask_master(paths_.master_socket, "reload"); !sent) return sent.error();
  const auto deadline = SteadyClock::now() + kReloadLimit;
  while (SteadyClock::now() < deadline) {
    std::this_thread::sleep_for(kPause);
    if (!is_ours(before->pid))
      return Error{Code::unavailable, "reload_failed", "the proxy ended on a reload"};
    const auto now = ask();
    if (!now || now->reloads <= before->reloads) continue;
    if (now->failed > 0)
      return Error{Code::unavailable, "reload_failed",
                   "the proxy kept its old configuration: " + last_words()};
    return done();
  }
  return Error{Code::unavailable, "reload_failed", "the proxy did not finish a reload in time"};
}

std::string HaproxyMaster::last_words() const {
  const auto text = read_whole(paths_.log);
  if (!text) return "";
  return text->size() > 1000 ? text->substr(text->size() - 1000) : *text;
}

Result<> HaproxyMaster::stop(StopMode mode) {
  const auto status = ask();
  const auto pid = status ? std::optional(status->pid) : recorded_pid();
  if (!pid) return done();
  ::kill(*pid, mode == StopMode::graceful ? SIGUSR1 : SIGTERM);
  if (mode == StopMode::graceful) return done();
  const auto deadline = SteadyClock::now() + std::chrono::seconds(5);
  while (is_ours(*pid)) {
    if (SteadyClock::now() > deadline) ::kill(*pid, SIGKILL);  // its workers follow it
    std::this_thread::sleep_for(kPause);
  }
  return done();
}

std::optional<Error> check_port(const EdgeOptions& options, int port) {
  const int number = try_bind(options, port);
  if (number == 0) return std::nullopt;
  return bind_error(options, port, number);
}

Result<> stop_haproxy(const EdgeOptions& options, StopMode mode) {
  return HaproxyMaster(options).stop(mode);
}

}  // namespace gantry
