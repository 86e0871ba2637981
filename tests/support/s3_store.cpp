#include "tests/support/s3_store.hpp"

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/http_client.hpp"

extern char** environ;

namespace gantry::testing {

S3StandIn::S3StandIn(std::size_t min_part_bytes) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  output_ = ends[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  std::string program = GANTRY_SOURCE_DIR "/tests/support/s3_stand_in";
  std::string part = std::to_string(min_part_bytes);
  std::string bucket = "backups", key = "tester", secret = "a secret/with+signs";
  char* argv[] = {program.data(), bucket.data(), key.data(), secret.data(), part.data(), nullptr};
  const int failure = posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failure != 0) throw std::runtime_error("the stand-in did not start");
  std::string line;
  for (char c = 0; ::read(output_, &c, 1) == 1 && c != '\n';) line += c;
  if (line.rfind("port ", 0) != 0) throw std::runtime_error("the stand-in said: " + line);
  port_ = std::atoi(line.c_str() + 5);
}

S3StandIn::~S3StandIn() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  ::close(output_);
}

S3Options S3StandIn::options() const {
  S3Options options;
  options.endpoint = "http://127.0.0.1:" + std::to_string(port_);
  options.bucket = "backups";
  options.prefix = "gantry/";
  options.access_key_id = "tester";
  options.secret_access_key = "a secret/with+signs";
  options.attempts = 4;
  options.first_pause_milliseconds = 5;
  options.part_bytes = 64 * 1024;
  options.timeout_seconds = 5;
  return options;
}

std::string S3StandIn::control(const std::string& path, const std::string& body) const {
  const auto reply = http_call(port_, {.method = "POST", .path = path, .body = body});
  if (reply.status != 200) throw std::runtime_error("the stand-in answered " + reply.head);
  return reply.body;
}
void S3StandIn::faults(const std::string& json) const { control("/-/faults", json); }
void S3StandIn::skew(int seconds) const { control("/-/skew", std::to_string(seconds)); }
std::string S3StandIn::state() const { return control("/-/state", ""); }

}  // namespace gantry::testing
