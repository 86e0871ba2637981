#include "runtime/process.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry {
namespace {

constexpr std::size_t kOutputMax = 64 * 1024;

// Everything a child needs, allocated before the fork: between fork and exec only async-signal-safe
// calls are made.
struct Prepared {
  explicit Prepared(const Program& from) : program(from) {
    for (const auto& arg : program.argv) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    for (const auto& [name, value] : program.environment) lines.push_back(name + "=" + value);
    for (auto& line : lines) environment.push_back(line.data());
    environment.push_back(nullptr);
  }
  const Program& program;
  std::vector<char*> argv;
  std::vector<std::string> lines;
  std::vector<char*> environment;
};

Error system_error(const std::string& what, int error) {
  return {Code::unavailable, "cannot_start", what + ": " + std::strerror(error)};
}

struct Pipe {
  int ends[2] = {-1, -1};
  bool open() { return ::pipe2(ends, O_CLOEXEC) == 0; }
  void close(int end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  ~Pipe() {
    close(0);
    close(1);
  }
};

// Raw system calls: glibc's wrappers speak to threads that a forked child does not have.
bool become_user(const Program& program) {
  if (!program.uid) return true;
  const gid_t gid = program.gid.value_or(*program.uid);
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setgid, gid) == 0 &&
         ::syscall(SYS_setuid, *program.uid) == 0;
}

// In the child: never returns. errno goes to `complaint`, which exec closes.
[[noreturn]] void exec_program(const Prepared& prepared, int output, int complaint) {
  const Program& program = prepared.program;
  const int nothing = ::open("/dev/null", O_RDWR);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int sink = output >= 0 ? output
                   : program.output_file.empty()
                       ? nothing
                       : ::open(program.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  bool ready = nothing >= 0 && sink >= 0 && ::dup2(nothing, 0) >= 0 && ::dup2(sink, 1) >= 0 &&
               ::dup2(sink, 2) >= 0 && become_user(program) &&
               ::chdir(program.working_directory.c_str()) == 0;
  if (ready) {
    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execve(prepared.argv[0], prepared.argv.data(), prepared.environment.data());
  }
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(complaint, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

Result<pid_t> spawn_detached(const Program& program) {
  const Prepared prepared(program);
  Pipe pids, complaints;
  if (!pids.open() || !complaints.open()) return system_error("pipe", errno);
  const pid_t between = ::fork();
  if (between < 0) return system_error("fork", errno);
  if (between == 0) {
    ::setsid();
    const pid_t child = ::fork();
    if (child == 0) exec_program(prepared, -1, complaints.ends[1]);
    [[maybe_unused]] const auto written = ::write(pids.ends[1], &child, sizeof child);
    ::_exit(0);  // the child is init's now, which reaps it
  }
  pids.close(1);
  complaints.close(1);
  pid_t child = -1;
  const bool told = ::read(pids.ends[0], &child, sizeof child) == sizeof child;
  while (::waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (!told || child < 0) return system_error("fork", EAGAIN);
  int error = 0;
  if (::read(complaints.ends[0], &error, sizeof error) == sizeof error)
    return system_error(program.argv[0], error);
  return child;
}

Result<Finished> run(const Program& program, int timeout_seconds) {
  const Prepared prepared(program);
  Pipe output, complaints;
  if (!output.open() || !complaints.open()) return system_error("pipe", errno);
  const pid_t child = ::fork();
  if (child < 0) return system_error("fork", errno);
  if (child == 0) {
    ::setsid();
    exec_program(prepared, output.ends[1], complaints.ends[1]);
  }
  output.close(1);
  complaints.close(1);
  Finished finished;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_seconds);
  bool late = false;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd waited{output.ends[0], POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&waited, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    late = ready <= 0;
    if (late) break;
    char buffer[4096];
    const ssize_t size = ::read(output.ends[0], buffer, sizeof buffer);
    if (size <= 0) break;
    const std::size_t room = kOutputMax - finished.output.size();
    finished.output.append(buffer, std::min(room, static_cast<std::size_t>(size)));
  }
  if (late) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) return Error{Code::unavailable, "timeout", program.argv[0] + " took too long"};
  int error = 0;
  if (::read(complaints.ends[0], &error, sizeof error) == sizeof error)
    return system_error(program.argv[0], error);
  finished.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return finished;
}

bool process_alive(pid_t pid, const std::string& comm) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (pid <= 0 || !std::getline(file, line)) return false;
  const auto open = line.find('(');
  const auto close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 >= line.size())
    return false;
  return line.substr(open + 1, close - open - 1) == comm && line[close + 2] != 'Z';
}

}  // namespace gantry
