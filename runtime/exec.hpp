// Programs inside containers, with their input and output: an ability of a driver beside Driver.
// Blocking; any thread. Bytes pass through a pipe of bounded size: who does not read stops who
// writes, and nothing is held in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/driver.hpp"

namespace gantry {

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};

struct ExecSpec {
  std::string container_id;
  std::vector<std::string> command;           // argv; never empty
  ResolvedVariables variables = {};           // beside those of the container
  std::string user = {};                      // empty: the container's own
  bool input = true;                          // false: it reads the end at once
  std::optional<TerminalSize> terminal = {};  // present: one stream, both outputs in it
};

enum class ExecStream { out, error };

struct ExecBytes {
  ExecStream stream = ExecStream::out;
  std::string bytes;  // empty: both outputs have ended
};

// A program under way. One thread may read while another one writes. Dropping it closes both
// directions; what the program does then is its own affair, unless it was killed before.
class Execution {
 public:
  virtual ~Execution() = default;
  // What it wrote, in order; waits for some. Broken off: Code::unavailable "stream_broken".
  virtual Result<ExecBytes> read() = 0;
  // Waits until all is taken. The program reads no more: Code::conflict "input_closed".
  virtual Result<> write(std::string_view) = 0;
  virtual Result<> close_input() = 0;
  virtual Result<> resize(const TerminalSize&) = 0;
  // Its exit code. REQUIRES: read() has given the end. Its container ended meanwhile:
  // Code::unavailable "stream_broken".
  virtual Result<int> exit_code() = 0;
  // From any thread: read() and write() that wait come back with "stream_broken".
  virtual void cancel() = 0;
  // Ends the program and all that it started: hung up, and killed a second later. Does not wait for
  // that. At its end already: nothing.
  virtual void kill() { cancel(); }
};

// A container of its own for one command, without ports, removed when it is dropped.
struct OneOffSpec {
  SessionId session_id;
  InstanceId instance_id;
  EnvironmentId environment_id;
  std::string image;
  std::vector<std::string> command;  // argv; empty: the image's own
  ResolvedVariables variables;
  int cpu_millicores = 0;  // limits as in ContainerSpec
  std::int64_t memory_bytes = 0;
  int pids_limit = 0;
  NetworkSpec network;
  std::vector<Mount> mounts = {};
  bool input = true;
  std::optional<TerminalSize> terminal = {};
};

class Exec {
 public:
  virtual ~Exec() = default;
  // In a container that runs. It does not: Code::conflict "not_running"; it is not ours or not
  // there: not_found; there is no such program in it: invalid "start_failed".
  virtual Result<std::unique_ptr<Execution>> exec(const ExecSpec&) = 0;
  // Errors as Driver::start().
  virtual Result<std::unique_ptr<Execution>> run(const OneOffSpec&) = 0;
  // Containers of run() that an earlier daemon left, older than `age`: killed and removed.
  virtual Result<int> sweep_one_offs(Duration age) = 0;
};

}  // namespace gantry
