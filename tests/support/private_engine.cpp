#include "tests/support/private_engine.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/docker/engine_client.hpp"
#include "tests/support/daemon.hpp"

extern char** environ;

namespace gantry::testing {
namespace {

namespace fs = std::filesystem;

// Mounts below a directory, the deepest first.
void unmount_below(const std::string& directory) {
  std::ifstream mounts("/proc/self/mounts");
  std::vector<std::string> found;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, place;
    words >> device >> place;
    if (place.starts_with(directory)) found.push_back(place);
  }
  std::sort(found.rbegin(), found.rend());
  for (const std::string& place : found) ::umount2(place.c_str(), MNT_DETACH);
}

}  // namespace

PrivateEngine::PrivateEngine() {
  char pattern[] = "/var/tmp/gantry-engine-XXXXXX";
  if (::mkdtemp(pattern) == nullptr) throw std::runtime_error("no directory for an engine");
  directory_ = pattern;
  socket_ = directory_ + "/docker.sock";
  // Its own bridge: with "none" an engine deletes docker0, which may be another's.
  bridge_ = "gty" + std::to_string(::getpid());
  const std::string add = "ip link add " + bridge_ +
                          " type bridge && ip addr add 10.208.250.1/24 dev " + bridge_ +
                          " && ip link set " + bridge_ + " up";
  if (std::system(add.c_str()) != 0) throw std::runtime_error("no bridge: " + add);
  start();
  const std::string images =
      "DOCKER_HOST=unix://" + socket_ + " " GANTRY_SOURCE_DIR "/tests/images/build";
  if (std::system(images.c_str()) != 0) throw std::runtime_error("no test images");
}

PrivateEngine::~PrivateEngine() {
  if (pid_ != 0) stop(SIGTERM);
  std::ifstream containerd(directory_ + "/exec/containerd/containerd.pid");
  pid_t left = 0;
  if (containerd >> left && left > 1) ::kill(left, SIGTERM);
  within(2, [&] { return left == 0 || ::kill(left, 0) != 0; });
  if (std::system(("ip link del " + bridge_).c_str()) != 0) bridge_.clear();
  unmount_below(directory_);
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

bool PrivateEngine::answers() const {
  const auto reply = docker::make_engine_client(socket_)->call({.target = "/_ping"});
  return reply && reply->ok();
}

void PrivateEngine::start() {
  const std::vector<std::string> words = {
      "/usr/sbin/dockerd",
      "--data-root",
      directory_ + "/data",
      "--exec-root",
      directory_ + "/exec",
      "--pidfile",
      directory_ + "/docker.pid",
      "-H",
      "unix://" + socket_,
      "--bridge",
      bridge_,
      "--iptables=false"};  // another engine's rules are its own
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, (directory_ + "/log").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const int failure = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw std::runtime_error("cannot start dockerd");
  if (!within(60, [&] { return answers(); })) {
    std::ifstream log(directory_ + "/log");
    const std::string text((std::istreambuf_iterator<char>(log)), {});
    throw std::runtime_error("the engine does not answer: " +
                             text.substr(text.size() > 3000 ? text.size() - 3000 : 0));
  }
}

void PrivateEngine::stop(int signal) {
  ::kill(pid_, signal);
  int status = 0;
  if (!within(30, [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status, 0);
  }
  pid_ = 0;
  // What is left of a killed one would keep the next from starting: a containerd that died with it
  // and that nobody has reaped still looks alive.
  std::error_code ignored;
  fs::remove(directory_ + "/docker.pid", ignored);
  const std::string containerd = directory_ + "/exec/containerd/containerd.pid";
  std::ifstream file(containerd);
  pid_t left = 0;
  if (signal == SIGKILL && file >> left) {
    ::kill(left, SIGKILL);
    within(1, [&] { return ::kill(left, 0) != 0; });
    fs::remove(containerd, ignored);
  }
}

}  // namespace gantry::testing
