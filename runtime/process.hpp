// Starting programs: an argv array and an allow-listed environment, never a shell.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "proto/result.hpp"

namespace gantry {

struct Program {
  std::vector<std::string> argv;                   // argv[0] is an absolute path
  std::map<std::string, std::string> environment;  // nothing else is passed on
  std::optional<uid_t> uid;  // with `gid`: run as that user, no supplementary groups
  std::optional<gid_t> gid;
  std::string working_directory = "/";
  std::string output_file;  // stdout and stderr are appended there; empty: /dev/null
};

struct Finished {
  int exit_code = 0;   // 128 + n when ended by signal n
  std::string output;  // stdout and stderr, at most 64 KiB
};

// Starts it in a session of its own, so that it outlives the daemon. All descriptors but 0-2 are
// closed.
Result<pid_t> spawn_detached(const Program&);

// Runs it to its end; after `timeout` it is killed and the result is Code::unavailable "timeout".
Result<Finished> run(const Program&, int timeout_seconds);

// The same; several times a second `look` is asked, and ends it with the error that it gives.
Result<Finished> run(const Program&, int timeout_seconds,
                     const std::function<std::optional<Error>()>& look);

// Whether a process with this pid lives and its executable's name (comm) is `comm`.
bool process_alive(pid_t pid, const std::string& comm);

}  // namespace gantry
