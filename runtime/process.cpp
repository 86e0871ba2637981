#include "runtime/process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t kOutputLimit = 64 * 1024;
constexpr std::int64_t kCheckMilliseconds = 200;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Error system_error(std::string reason, const std::string& what, int number) {
  const Code code = number == ENOENT ? Code::not_found : Code::internal;
  return {code, std::move(reason), what + ": " + std::strerror(number)};
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return system_error("pipe_failed", "cannot open a pipe", errno);
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

// Everything the child needs, made before the fork: after it only async-signal-safe calls are
// allowed.
struct Launch {
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::vector<std::string> environment;
  int input = -1;
  int output = -1;
  int report = -1;  // write end of the CLOEXEC pipe on which a failure's errno is told
};

[[noreturn]] void fail_child(int report) {
  const int number = errno;
  [[maybe_unused]] const auto written = ::write(report, &number, sizeof number);
  ::_exit(127);
}

[[noreturn]] void run_child(const Program& program, const Launch& launch) {
  for (int signal = 1; signal < 65; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setsid();
  // The three sources are above 2 (the daemon keeps 0-2 open), so no dup2 overwrites another's
  // source.
  if (::dup2(launch.input, 0) < 0 || ::dup2(launch.output, 1) < 0 || ::dup2(launch.output, 2) < 0)
    fail_child(launch.report);
  int report = launch.report;
  if (report != 3) {
    if (::dup3(report, 3, O_CLOEXEC) < 0) fail_child(report);
    report = 3;
  }
  ::syscall(SYS_close_range, 4U, ~0U, 0U);
  if (program.uid && program.gid) {
    // Raw system calls: glibc's wrappers look for other threads, which a forked child does not
    // have.
    if (::syscall(SYS_setgroups, 0, nullptr) != 0) fail_child(report);
    if (::syscall(SYS_setresgid, *program.gid, *program.gid, *program.gid) != 0) fail_child(report);
    if (::syscall(SYS_setresuid, *program.uid, *program.uid, *program.uid) != 0) fail_child(report);
  }
  if (::chdir(program.working_directory.c_str()) != 0) fail_child(report);
  ::execve(launch.argv[0], launch.argv.data(), launch.envp.data());
  fail_child(report);
}

Result<> check(const Program& program) {
  if (program.argv.empty() || program.argv[0].empty() || program.argv[0][0] != '/')
    return Error{Code::invalid, "program_invalid", "a program is started by its absolute path"};
  if (program.uid.has_value() != program.gid.has_value())
    return Error{Code::invalid, "program_invalid",
                 "a program takes both a uid and a gid, or neither"};
  for (const auto& argument : program.argv)
    if (argument.find('\0') != std::string::npos)
      return Error{Code::invalid, "program_invalid", "an argument contains a NUL byte"};
  return done();
}

Result<pid_t> launch(const Program& program, int output) {
  GANTRY_TRY(check(program));
  Launch launch;
  for (const auto& argument : program.argv)
    launch.argv.push_back(const_cast<char*>(argument.c_str()));
  launch.argv.push_back(nullptr);
  for (const auto& [name, value] : program.environment)
    launch.environment.push_back(name + "=" + value);
  for (auto& entry : launch.environment) launch.envp.push_back(entry.data());
  launch.envp.push_back(nullptr);

  const Descriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto report = make_pipe();
  if (!report) return report.error();
  launch.input = input.get();
  launch.output = output;
  launch.report = report->write.get();

  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork_failed", "cannot start " + program.argv[0], errno);
  if (pid == 0) run_child(program, launch);
  report->write.close();
  int number = 0;
  ssize_t got;
  do got = ::read(report->read.get(), &number, sizeof number);
  while (got < 0 && errno == EINTR);
  if (got == sizeof number) {
    ::waitpid(pid, nullptr, 0);
    return system_error("exec_failed", "cannot start " + program.argv[0], number);
  }
  return pid;
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Reads what is there. False at the end of the stream.
bool drain(int fd, std::string& output) {
  char buffer[8192];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got > 0) {
      output.append(
          buffer, std::min<std::size_t>(got, kOutputLimit - std::min(kOutputLimit, output.size())));
    } else if (got == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
}

}  // namespace

Result<pid_t> spawn_detached(const Program& program) {
  const std::string path = program.output_file.empty() ? "/dev/null" : program.output_file;
  const Descriptor output(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  if (output.get() < 0) return system_error("output_failed", "cannot open " + path, errno);
  return launch(program, output.get());
}

Result<Finished> run(const Program& program, int timeout_seconds) {
  return run(program, timeout_seconds, nullptr);
}

Result<Finished> run(const Program& program, int timeout_seconds,
                     const std::function<std::optional<Error>()>& look) {
  auto pipe = make_pipe();
  if (!pipe) return pipe.error();
  ::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK);
  auto pid = launch(program, pipe->write.get());
  if (!pid) return pid.error();
  pipe->write.close();
  const Descriptor watch(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));

  const auto deadline = SteadyClock::now() + std::chrono::seconds(timeout_seconds);
  Finished finished;
  bool open = true;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    auto ended = left > 0 && look ? look() : std::nullopt;
    if (left <= 0)
      ended =
          Error{Code::unavailable, "timeout",
                program.argv[0] + " did not end within " + std::to_string(timeout_seconds) + " s"};
    if (ended) {
      ::kill(-*pid, SIGKILL);  // its session: what it has started ends with it
      ::waitpid(*pid, nullptr, 0);
      return *std::move(ended);
    }
    pollfd sources[] = {{watch.get(), POLLIN, 0}, {open ? pipe->read.get() : -1, POLLIN, 0}};
    const auto wait = look ? std::min<std::int64_t>(left, kCheckMilliseconds) : left;
    if (::poll(sources, 2, static_cast<int>(wait)) < 0 && errno != EINTR) break;
    if (sources[1].revents != 0) open = drain(pipe->read.get(), finished.output);
    if (sources[0].revents != 0) break;
  }
  drain(pipe->read.get(), finished.output);
  int status = 0;
  ::waitpid(*pid, &status, 0);
  finished.exit_code = exit_code_of(status);
  return finished;
}

bool process_alive(pid_t pid, const std::string& comm) {
  if (pid <= 0) return false;
  ::waitpid(pid, nullptr, WNOHANG);  // our own dead child would stay as a zombie
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const auto open = line.find('('), close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 >= line.size())
    return false;
  const char state = line[close + 2];
  return state != 'Z' && state != 'X' && line.substr(open + 1, close - open - 1) == comm;
}

}  // namespace gantry
