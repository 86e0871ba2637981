#include "tests/edge/worlds.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

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
  if (!edge_.knows_host(host)) return 404;
  return edge_.receivers(host).empty() ? 503 : 200;
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
  for (const auto& key : held_) edge_.set_sessions(key, 0);
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
          }
          while (request.starts_with("GET /hold") && !gate->open) pause();
          return http_answer(200, id);
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

void HaproxyWorld::close_sessions() {
  gate_->open = true;
  for (auto& reply : held_) reply.wait();
  held_.clear();
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
