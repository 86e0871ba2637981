#include "tests/support/daemon.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/docker/codec.hpp"
#include "runtime/docker/engine_client.hpp"
#include "tests/support/driver_bench.hpp"
#include "tests/support/postgres.hpp"

extern char** environ;

namespace gantry::testing {
namespace {

namespace fs = std::filesystem;

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string first_line(const std::string& path) {
  const std::string text = read_text(path);
  return text.substr(0, text.find('\n'));
}

std::string make_directory() {
  char pattern[] = "/tmp/gantry-e2e-XXXXXX";
  if (::mkdtemp(pattern) == nullptr) throw std::runtime_error("no temporary directory");
  fs::permissions(pattern, fs::perms(0755));
  return pattern;
}

// Sixteen /24s that no other installation of this machine uses.
std::string network_range() {
  static std::atomic<int> made{0};
  const int n = (::getpid() * 13 + made++) % (45 * 16);
  return "10." + std::to_string(209 + n / 16) + "." + std::to_string(n % 16 * 16) + ".0/20";
}

pid_t child_of(pid_t parent) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string stat = read_text(entry.path() / "stat");
    const auto close = stat.rfind(')');
    if (close == std::string::npos) continue;
    std::istringstream rest(stat.substr(close + 2));
    std::string state;
    pid_t ppid = 0;
    rest >> state >> ppid;
    if (ppid == parent && state != "Z") return std::atoi(name.c_str());
  }
  return 0;
}

}  // namespace

bool within(double seconds, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return condition();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

std::map<std::string, std::string> parse_environ(const std::string& text) {
  std::map<std::string, std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\0', at), text.size());
    const std::string entry = text.substr(at, end - at);
    if (const auto equals = entry.find('='); equals != std::string::npos)
      out[entry.substr(0, equals)] = entry.substr(equals + 1);
    at = end + 1;
  }
  return out;
}

Gantry::Gantry(GantrySettings wanted)
    : directory(make_directory()),
      api_port(free_port()),
      edge_port(free_port()),
      settings(std::move(wanted)) {
  static std::map<std::string, bool> images_on;
  const bool own_engine = settings.engine_socket.empty();
  if (own_engine) settings.engine_socket = test_engine_socket();
  if (own_engine && !std::exchange(images_on[settings.engine_socket], true)) {
    const std::string make = "DOCKER_HOST=unix://" + settings.engine_socket +
                             " " GANTRY_SOURCE_DIR "/tests/images/build";
    if (std::system(make.c_str()) != 0) throw std::runtime_error("no test images: " + make);
  }
  write_config(made_config());
}

std::string Gantry::made_config() const {
  static std::map<std::string, std::string> ranges;
  auto [range, fresh] = ranges.try_emplace(directory);
  if (fresh) range->second = network_range();
  std::ostringstream out;
  out << "data_dir: " << directory << "/data\nlisten: 127.0.0.1:" << api_port
      << "\nbase_domain: e2e.test\nnetwork_range: " << range->second
      << "\nengine: {socket: " << settings.engine_socket
      << "}\nedge: {listen: \"127.0.0.1:" << edge_port
      << "\"}\nscheduler: {resync_seconds: " << settings.resync_seconds << "}\n";
  if (!settings.database_url.empty())
    out << "database: {url: \"" << settings.database_url << "\"}\n";
  return out.str();
}

void Gantry::write_config(const std::string& text) {
  std::ofstream(directory + "/gantry.yaml") << text;
}

Gantry::~Gantry() {
  if (pid_ != 0) {
    ::kill(pid_, SIGTERM);
    if (!exit_code(20)) kill();
  }
  if (const pid_t master = proxy_master(); master > 0) ::kill(master, SIGTERM);
  if (settings.database_url.empty())
    (void)stop_embedded_postgres(postgres_options(directory + "/data"), 20);
  remove_containers();
  if (::testing::Test::HasFailure()) {
    const std::string text = log();
    std::cerr << "---- the daemon's log, its end\n"
              << text.substr(text.size() > 6000 ? text.size() - 6000 : 0) << "----\n";
  }
  std::error_code ignored;
  fs::remove_all(directory, ignored);
}

// ---- the process ----

void Gantry::launch() {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, (directory + "/log").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const std::string program = GANTRY_BINARY_DIR "/gantryd";
  const std::string config = directory + "/gantry.yaml";
  char* const argv[] = {const_cast<char*>(program.c_str()), const_cast<char*>("--config"),
                        const_cast<char*>(config.c_str()), nullptr};
  exit_code_.reset();
  const int failure = posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw std::runtime_error("cannot start " + program);
}

void Gantry::start() {
  launch();
  const bool ready = within(60, [&] {
    if (exit_code(0)) return true;
    return http_call(api_port, {.path = "/readyz", .timeout_ms = 3000}).status == 200;
  });
  if (!ready || exit_code_) throw std::runtime_error("gantryd is not ready:\n" + log());
  token_ = first_line(directory + "/data/admin-token");
}

void Gantry::forget_process(int status) {
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = 0;
}

void Gantry::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  forget_process(status);
}

std::optional<int> Gantry::exit_code(int seconds) {
  within(seconds, [&] {
    int status = 0;
    if (pid_ != 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) forget_process(status);
    return pid_ == 0;
  });
  return exit_code_;
}

int Gantry::stop(int signal) {
  if (pid_ != 0) ::kill(pid_, signal);
  const auto code = exit_code(40);
  if (!code) kill();
  return code.value_or(-1);
}

std::string Gantry::log() const { return read_text(directory + "/log"); }

pid_t Gantry::postgres() const {
  return embedded_postgres_pid(postgres_options(directory + "/data"));
}
pid_t Gantry::proxy_master() const {
  return std::atoi(read_text(directory + "/data/edge/run/master.pid").c_str());
}
pid_t Gantry::proxy_worker() const { return child_of(proxy_master()); }

// ---- the engine ----

std::string Gantry::installation() const { return first_line(directory + "/data/installation"); }

HttpReply Gantry::engine(const std::string& method, const std::string& target,
                         const std::string& body) {
  const auto client = docker::make_engine_client(settings.engine_socket);
  docker::EngineRequest request;
  request.verb = method == "GET"    ? docker::Verb::get
                 : method == "POST" ? docker::Verb::post
                                    : docker::Verb::del;
  request.target = target;
  request.body = body;
  HttpReply reply;
  if (const auto answer = client->call(request)) {
    reply.status = answer->status;
    reply.body = answer->body;
  }
  return reply;
}

std::vector<SeenContainer> Gantry::containers(const std::string& path) {
  const std::string filter =
      path.empty() ? docker::label_filter(docker::kInstallationLabel, installation())
                   : docker::label_filter(docker::kInstanceLabel, get(path).value("id", "none"));
  std::vector<SeenContainer> seen;
  const Json list =
      Json::parse(engine("GET", "/containers/json?all=1&" + filter).body, nullptr, false);
  if (!list.is_array()) return seen;
  for (const Json& item : list) {
    const std::string id = item["Id"];
    const Json one = Json::parse(engine("GET", "/containers/" + id + "/json").body, nullptr, false);
    if (!one.contains("State")) continue;
    const Json& labels = item["Labels"];
    seen.push_back({id, one["Name"], one["State"]["StartedAt"], labels.value("gantry.replica", ""),
                    labels.value("gantry.instance", ""), one["State"]["Running"].get<bool>()});
  }
  std::sort(seen.begin(), seen.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return seen;
}

void Gantry::remove_containers() {
  if (installation().empty()) return;
  for (const SeenContainer& container : containers())
    engine("DELETE", "/containers/" + container.id + "?force=1&v=1");
  const std::string filter = docker::label_filter(docker::kInstallationLabel, installation());
  within(5, [&] {
    const Json networks = Json::parse(engine("GET", "/networks?" + filter).body, nullptr, false);
    if (!networks.is_array() || networks.empty()) return true;
    for (const Json& network : networks)
      engine("DELETE", "/networks/" + network["Id"].get<std::string>());
    return false;
  });
  const Json volumes = Json::parse(engine("GET", "/volumes?" + filter).body, nullptr, false);
  if (volumes.is_object() && volumes["Volumes"].is_array())
    for (const Json& volume : volumes["Volumes"])
      engine("DELETE", "/volumes/" + volume["Name"].get<std::string>());
}

}  // namespace gantry::testing
