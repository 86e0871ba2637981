#include "tests/edge/worlds.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/edge/cli_socket.hpp"
#include "runtime/edge/config.hpp"
#include "runtime/edge/master.hpp"

namespace gantry {
namespace {

std::string ulid(int n) {
  char text[27];
  std::snprintf(text, sizeof text, "01jd8yq5x8c5v0m6r7k2%06d", n);
  return text;
}

// What a path asks for.
std::optional<std::string> special_answer(const std::string& request) {
  if (request.starts_with("GET /upgrade"))
    return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n"
           "X-Hold: yes\r\n\r\n";
  if (request.starts_with("GET /stream"))
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
           "X-Hold: yes\r\n\r\n1\r\nx\r\n";
  if (request.starts_with("GET /fail")) return http_answer(500, "failed");
  if (request.starts_with("GET /cut"))
    return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort";
  return std::nullopt;
}

void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }

}  // namespace

InstanceId instance_id(int n) { return *InstanceId::parse("ins_" + ulid(n)); }
ReplicaKey replica_key(int deployment, int ordinal) {
  return {*DeploymentId::parse("dep_" + ulid(deployment)), 0, ordinal};
}
Route route(int instance, std::vector<std::string> hosts, std::vector<RouteBackend> backends) {
  return {instance_id(instance), std::move(hosts), std::move(backends)};
}
RouteBackend draining(RouteBackend backend) {
  backend.draining = true;
  return backend;
}

// ---- simulated ----

RouteBackend SimWorld::replica(int deployment, int ordinal) {
  return {replica_key(deployment, ordinal), {"127.0.0.1", 1000 + deployment * 10 + ordinal}, false};
}
int SimWorld::status(const std::string& host) {
  switch (edge_.request(host)) {
    case SimEdge::Outcome::answered:
      return 200;
    case SimEdge::Outcome::held:
    case SimEdge::Outcome::unavailable:
      return 503;
    case SimEdge::Outcome::unknown:
      return 404;
  }
  return 0;
}
std::map<std::string, int> SimWorld::shares(const std::string& host) {
  std::map<std::string, int> percent;
  for (const auto& [key, share] : edge_.shares(host))
    percent[key.id()] = static_cast<int>(share * 100 + 0.5);
  return percent;
}
std::vector<int> SimWorld::visits_end() {
  std::vector<int> statuses;
  for (const auto& host : std::exchange(visits_, {})) statuses.push_back(status(host));
  return statuses;
}
void SimWorld::open_stream(const std::string&, const ReplicaKey& key) {
  edge_.set_streams(key, 1);
  held_.insert(key);
}
std::set<std::string> SimWorld::answering(const std::string& host) {
  std::set<std::string> ids;
  for (const auto& key : edge_.receivers(host)) ids.insert(key.id());
  return ids;
}
void SimWorld::open_session(const std::string&, const ReplicaKey& key) {
  edge_.set_sessions(key, 1);
  held_.insert(key);
}
void SimWorld::close_sessions() {
  for (const auto& key : held_) {
    edge_.set_sessions(key, 0);
    edge_.set_streams(key, 0);
  }
}

// ---- HAProxy ----

HaproxyWorld::HaproxyWorld() {
  std::string path = ::testing::TempDir() + "gantry_edge_XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  ::chmod(path.c_str(), 0755);
  options.directory = path + "/edge";
  options.bind_address = "127.0.0.1";
  options.port = free_port();
  options.slots = 8;
  options.notice = [notices = notices_](std::string_view text) {
    *notices += std::string(text) + "\n";
  };
  edge_ = make_haproxy_edge(options);
}

HaproxyWorld::~HaproxyWorld() {
  close_sessions();
  edge_.reset();
  (void)stop_haproxy(options, StopMode::now);
  servers_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(std::filesystem::path(options.directory).parent_path(), ignored);
}

RouteBackend HaproxyWorld::replica(int deployment, int ordinal) {
  const auto key = replica_key(deployment, ordinal);
  auto& server = servers_[key];
  if (!server)
    server =
        std::make_unique<LoopbackServer>([gate = gate_, id = key.id()](const std::string& request) {
          {
            const std::lock_guard lock(gate->mutex);
            gate->last_request = request;
            if (request.starts_with("GET /hold")) gate->arrived.insert(id);
            if (request.starts_with("GET /upgrade")) gate->streaming.insert(id);
          }
          while (request.starts_with("GET /hold") && !gate->open) pause();
          return special_answer(request).value_or(http_answer(200, id));
        });
  return {key, {"127.0.0.1", server->port()}, false};
}

std::set<std::string> HaproxyWorld::answering(const std::string& host) {
  std::set<std::string> ids;
  for (int i = 0; i < 12; ++i)
    if (const auto reply = get(host); reply.status == 200) ids.insert(reply.body);
  return ids;
}

void HaproxyWorld::open_session(const std::string& host, const ReplicaKey& key) {
  for (int i = 0; i < 20; ++i) {
    held_.push_back(std::async(std::launch::async, [this, host] { return get(host, "/hold"); }));
    for (int wait = 0; wait < 20; ++wait) {
      pause();
      const std::lock_guard lock(gate_->mutex);
      if (gate_->arrived.contains(key.id())) return;
    }
  }
  ADD_FAILURE() << "no request reached " << key.id();
}

void HaproxyWorld::open_stream(const std::string& host, const ReplicaKey& key) {
  for (int i = 0; i < 20; ++i) {
    streams_.push_back(
        http_open(options.port, "GET /upgrade HTTP/1.1\r\nHost: " + host +
                                    "\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"));
    const std::lock_guard lock(gate_->mutex);
    if (gate_->streaming.contains(key.id())) return;
  }
  ADD_FAILURE() << "no stream reached " << key.id();
}

void HaproxyWorld::close_sessions() {
  gate_->open = true;
  for (auto& reply : held_) reply.wait();
  held_.clear();
  for (const int fd : streams_) ::close(fd);
  streams_.clear();
}

std::map<std::string, int> HaproxyWorld::shares(const std::string& host) {
  constexpr int kRequests = 200;
  std::map<std::string, int> counts;
  for (int i = 0; i < kRequests; ++i)
    if (const auto reply = get(host); reply.status == 200) ++counts[reply.body];
  for (auto& [id, count] : counts) count = count * 100 / kRequests;
  return counts;
}

void HaproxyWorld::visit(const std::string& host) {
  visits_.push_back(std::async(std::launch::async, [this, host] { return get(host); }));
}
std::vector<int> HaproxyWorld::visits_end() {
  std::vector<int> statuses;
  for (auto& visit : std::exchange(visits_, {})) statuses.push_back(visit.get().status);
  return statuses;
}

void HaproxyWorld::restart_daemon() {
  edge_.reset();
  edge_ = make_haproxy_edge(options);
  const auto started = edge_->start();
  EXPECT_TRUE(started.ok()) << (started.ok() ? "" : started.error().detail);
}

std::string HaproxyWorld::tell_worker(const std::string& command) {
  CliSocket worker;
  if (!worker.open(EdgePaths(options).worker_socket)) return "unreachable";
  return *worker.ask(command);
}

pid_t HaproxyWorld::master_pid() {
  const auto status = HaproxyMaster(options).find();
  return status ? status->pid : 0;
}
pid_t HaproxyWorld::worker_pid() {
  const auto status = HaproxyMaster(options).find();
  return status ? status->worker : 0;
}
void HaproxyWorld::kill_master() { ::kill(master_pid(), SIGKILL); }
void HaproxyWorld::kill_worker() { ::kill(worker_pid(), SIGKILL); }
std::string HaproxyWorld::notices() const { return *notices_; }
std::string HaproxyWorld::last_request() {
  const std::lock_guard lock(gate_->mutex);
  return gate_->last_request;
}

}  // namespace gantry
