#include "tests/support/driver_bench.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/docker/codec.hpp"
#include "runtime/docker/docker.hpp"
#include "runtime/docker/engine_client.hpp"
#include "runtime/sim/driver.hpp"
#include "runtime/sim/volumes.hpp"

namespace gantry::testing {
namespace {

using docker::EngineRequest;
using docker::Verb;

constexpr const char* kImage = "gantry-test/web:1";
constexpr const char* kFile = "/kept";

void build_images(const std::string& socket) {
  static bool built = false;
  if (built) return;
  const std::string command =
      "DOCKER_HOST=unix://" + socket + " " GANTRY_SOURCE_DIR "/tests/images/build";
  ASSERT_EQ(std::system(command.c_str()), 0) << "the test images cannot be made at " << socket;
  built = true;
}

class SimBench final : public DriverBench {
 public:
  SimBench() : engine_(system_clock()), driver_(engine_, installation) {
    engine_.add_image(kImage,
                      {.exposed = {8080}, .programs = {"/web", "/bin/sh"}, .exits_at_once = {}});
    engine_.add_image("gantry-test/web:noexpose",
                      {.exposed = {}, .programs = {"/web"}, .exits_at_once = {}});
  }
  Driver& driver() override { return driver_; }
  std::unique_ptr<Driver> another(const InstallationId& id) override {
    return std::make_unique<SimDriver>(engine_, id);
  }
  Volumes& volumes() override { return volumes_; }
  std::unique_ptr<Volumes> other_volumes() override {
    return std::make_unique<SimVolumes>(engine_, InstallationId::make(system_clock().now()));
  }
  void write(const VolumeId& id, const std::string& text) override {
    engine_.write(id, kFile, text);
  }
  std::string read(const VolumeId& id) override { return engine_.read(id, kFile).value_or(""); }
  int cores() override { return 4; }
  void add_foreign(const std::string& name) override { engine_.add_foreign(name); }
  bool has_foreign(const std::string& name) override { return engine_.has_foreign(name); }
  void exit(const Container& container, int code) override { engine_.exit(container.key, code); }
  void destroy(const Container& container) override { engine_.destroy(container.key); }

 private:
  SimEngine engine_;
  SimDriver driver_;
  SimVolumes volumes_{engine_, installation};
};

}  // namespace

std::string DriverBench::next_subnet() {
  static std::atomic<int> next = 0;
  const int n = next++;
  return "10." + std::to_string(200 + (::getpid() + n / 200) % 50) + "." + std::to_string(n % 200) +
         ".0/24";
}

ContainerSpec DriverBench::spec() {
  ContainerSpec spec;
  spec.key = {deployment_, 0, replicas_++};
  spec.instance_id = instance_;
  spec.environment_id = environment_;
  spec.service = "web";
  spec.image = kImage;
  spec.variables = {{"RAILWAY_REPLICA_ID", spec.key.id()}, {"VERSION", "one"}};
  spec.network = {environment_,
                  "gantry-" + std::string(installation.ulid().substr(18)) + "-" +
                      std::string(environment_.ulid()),
                  subnet_};
  return spec;
}

std::string DriverBench::name_of(const ReplicaKey& key) const {
  return docker::container_name(installation, key);
}

std::unique_ptr<DriverBench> make_sim_bench() { return std::make_unique<SimBench>(); }

std::string test_engine_socket() {
  const char* socket = std::getenv("GANTRY_TEST_ENGINE");
  std::string path = socket != nullptr && *socket != 0 ? socket : "/var/run/docker.sock";
  if (path.starts_with("unix://")) path.erase(0, 7);
  return path;
}

DockerBench::DockerBench(const std::string& socket_for_driver) {
  const auto probe = docker::make_engine_client(test_engine_socket())->call({.target = "/_ping"});
  if (!probe)
    throw std::runtime_error(
        "these tests need a Docker Engine; set GANTRY_TEST_ENGINE to its socket: " +
        probe.error().detail);
  build_images(test_engine_socket());
  directory_ =
      (std::filesystem::temp_directory_path() / ("gantry-logs-" + installation.str())).string();
  logs_ = make_file_logs({.directory = directory_});
  driver_ = make_docker_driver(
      {.socket_path = socket_for_driver, .installation_id = installation, .logs = logs_.get()});
  volumes_ =
      make_docker_volumes({.socket_path = test_engine_socket(), .installation_id = installation});
  files_ = make_docker_volume_files(
      {.socket_path = test_engine_socket(), .installation_id = installation});
}

std::unique_ptr<Volumes> DockerBench::other_volumes() {
  return make_docker_volumes({.socket_path = test_engine_socket(),
                              .installation_id = InstallationId::make(system_clock().now())});
}

void DockerBench::write(const VolumeId& id, const std::string& text) {
  auto upload = files_->upload(id, kFile);
  ASSERT_TRUE(upload.ok()) << upload.error().detail;
  ASSERT_TRUE((*upload)->write(text).ok());
  ASSERT_TRUE((*upload)->finish().ok());
}

std::string DockerBench::read(const VolumeId& id) {
  const auto file = files_->download(id, kFile);
  return file ? *(*file)->read() : "";
}

DockerBench::~DockerBench() {
  sweep();
  driver_.reset();
  logs_.reset();
  std::filesystem::remove_all(directory_);
}

void DockerBench::sweep() {
  for (const std::string& name : foreign_) engine("DELETE", "/containers/" + name + "?force=1");
  const std::string filter = docker::label_filter(docker::kEnvironmentLabel, environment_.str());
  for (const auto& item : nlohmann::json::parse(engine("GET", "/containers/json?all=1&" + filter)))
    engine("DELETE", "/containers/" + item["Id"].get<std::string>() + "?force=1&v=1");
  for (const auto& item : nlohmann::json::parse(engine("GET", "/networks?" + filter)))
    engine("DELETE", "/networks/" + item["Id"].get<std::string>());
  if (const auto made = volumes_->list(); made)
    for (const VolumeId& id : *made) (void)volumes_->remove(id);
}

std::string DockerBench::engine(const std::string& verb, const std::string& target,
                                const std::string& body) {
  const auto client = docker::make_engine_client(test_engine_socket());
  EngineRequest request;
  request.verb = verb == "GET" ? Verb::get : verb == "POST" ? Verb::post : Verb::del;
  request.target = target;
  request.body = body;
  const auto reply = client->call(request);
  EXPECT_TRUE(reply.ok()) << (reply ? "" : reply.error().detail);
  return reply ? reply->body : "";
}

std::unique_ptr<Driver> DockerBench::another(const InstallationId& id) {
  return make_docker_driver(
      {.socket_path = test_engine_socket(), .installation_id = id, .logs = logs_.get()});
}

std::unique_ptr<Driver> DockerBench::restarted() {
  driver_.reset();
  logs_ = make_file_logs({.directory = directory_});
  return another(installation);
}

int DockerBench::cores() { return docker::parse_info(engine("GET", "/info"))->cores; }

void DockerBench::add_foreign(const std::string& name) {
  foreign_.push_back(name);
  // Whole labels, but another installation's.
  const TimePoint now = system_clock().now();
  const nlohmann::json labels = {
      {docker::kInstallationLabel, InstallationId::make(now).str()},
      {docker::kInstanceLabel, InstanceId::make(now).str()},
      {docker::kEnvironmentLabel, EnvironmentId::make(now).str()},
      {docker::kReplicaLabel, name.substr(name.find("rep_"))},
      {docker::kPortModeLabel, "none"},
  };
  const nlohmann::json body = {{"Image", kImage}, {"Labels", labels}};
  engine("POST", "/containers/create?name=" + name, body.dump());
}

bool DockerBench::has_foreign(const std::string& name) {
  return engine("GET", "/containers/" + name + "/json").find("\"Id\"") != std::string::npos;
}

void DockerBench::exit(const Container& container, int code) {
  http_get(*container.address, "/exit/" + std::to_string(code));
}

void DockerBench::destroy(const Container& container) {
  engine("DELETE", "/containers/" + container.container_id + "?force=1");
}

std::vector<LogLine> DockerBench::log_lines(const ReplicaKey& key, int limit) {
  LogQuery query;
  query.instance_id = instance_;
  query.replica_id = key.id();
  query.limit = limit;
  auto lines = logs_->read(query);
  return lines ? *lines : std::vector<LogLine>();
}

std::string http_get(const Address& address, const std::string& path, Seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(address.port));
  inet_pton(AF_INET, address.host.c_str(), &to.sin_addr);
  while (std::chrono::steady_clock::now() < deadline) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
      ::close(fd);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    (void)!::write(fd, request.data(), request.size());
    std::string reply;
    char block[65536];
    for (ssize_t n; (n = ::read(fd, block, sizeof block)) > 0;)
      reply.append(block, static_cast<std::size_t>(n));
    ::close(fd);
    return reply;
  }
  return "";
}

std::string body_of(const std::string& reply) {
  const auto end = reply.find("\r\n\r\n");
  return end == std::string::npos ? "" : reply.substr(end + 4);
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 200; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return condition();
}

}  // namespace gantry::testing
