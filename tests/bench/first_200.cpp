// Milliseconds from the start of a command (or the end of a process) to the first 200, or to N
// different ones.
// Usage: first_200 [--distinct N] [--kill PID] [--ask after|during] HOST PORT[,IP:PORT...] [--
// ARGV]
// --ask after: not before the command has ended. For an address that nobody has yet: asking for it
// would leave a neighbour entry that is tried again only after a second.
// Each target is asked every millisecond on a connection of its own; after 60 s: exit code 1.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using SteadyClock = std::chrono::steady_clock;

struct Target {
  sockaddr_in address{};
  bool answered = false;
};

// "7070" or "10.0.0.2:8080", separated by commas.
std::vector<Target> targets_of(std::string text) {
  std::vector<Target> targets;
  text += ',';
  for (std::size_t comma = 0; (comma = text.find(',')) != std::string::npos;
       text.erase(0, comma + 1)) {
    const std::string one = text.substr(0, comma);
    const auto colon = one.find(':');
    const std::string ip = colon == std::string::npos ? "127.0.0.1" : one.substr(0, colon);
    Target target;
    target.address.sin_family = AF_INET;
    target.address.sin_port = htons(static_cast<std::uint16_t>(
        std::atoi(one.c_str() + (colon == std::string::npos ? 0 : colon + 1))));
    inet_pton(AF_INET, ip.c_str(), &target.address.sin_addr);
    targets.push_back(target);
  }
  return targets;
}

// The body of a 200; empty for everything else.
std::string ask(const Target& target, const std::string& request) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{0, 200'000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&target.address), sizeof target.address) ==
          0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char block[4096];
    for (ssize_t n = 0; (n = ::recv(fd, block, sizeof block, 0)) > 0;)
      answer.append(block, static_cast<std::size_t>(n));
  }
  ::close(fd);
  const auto body = answer.find("\r\n\r\n");
  if (answer.compare(0, 12, "HTTP/1.1 200") != 0 || body == std::string::npos) return {};
  return answer.substr(body + 4);
}

bool runs(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto state = text.rfind(") ");
  return state != std::string::npos && text[state + 2] != 'Z' && text[state + 2] != 'X';
}

pid_t spawn(char** argv) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) std::fprintf(stderr, "%s: %s\n", argv[0], std::strerror(error));
  return error == 0 ? pid : 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t distinct = 1;
  pid_t victim = 0;
  bool after = false;
  int at = 1;
  for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
    if (std::strcmp(argv[at], "--distinct") == 0)
      distinct = static_cast<std::size_t>(std::atoi(argv[at + 1]));
    else if (std::strcmp(argv[at], "--kill") == 0)
      victim = std::atoi(argv[at + 1]);
    else if (std::strcmp(argv[at], "--ask") == 0)
      after = std::strcmp(argv[at + 1], "after") == 0;
  }
  if (at + 1 >= argc) return 2;
  const std::string request =
      "GET / HTTP/1.1\r\nHost: " + std::string(argv[at]) + "\r\nConnection: close\r\n\r\n";
  std::vector<Target> targets = targets_of(argv[at + 1]);
  at += 2;
  const auto begin = SteadyClock::now();
  pid_t child = 0;
  if (victim != 0) {
    ::kill(victim, SIGKILL);
    while (runs(victim)) std::this_thread::sleep_for(std::chrono::microseconds(200));
  } else if (at + 1 < argc && (child = spawn(argv + at + 1)) == 0) {
    return 1;
  }
  int status = 0;
  if (child != 0 && after) ::waitpid(std::exchange(child, 0), &status, 0);
  std::set<std::string> seen;
  while (seen.size() < distinct && SteadyClock::now() - begin < std::chrono::seconds(60)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    for (Target& target : targets) {
      if (target.answered) continue;
      const std::string body = ask(target, request);
      if (body.empty()) continue;
      seen.insert(body);
      target.answered = targets.size() > 1;
    }
  }
  const std::chrono::duration<double, std::milli> took = SteadyClock::now() - begin;
  if (child != 0) ::waitpid(child, &status, 0);
  if (status != 0) std::fprintf(stderr, "the command ended with %d\n", status);
  std::printf("%.1f\n", took.count());
  return seen.size() >= distinct && status == 0 ? 0 : 1;
}
