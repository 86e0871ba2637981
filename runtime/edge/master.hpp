// The HAProxy master process of one directory: found again after a crash of the daemon, started,
// reloaded, ended. Knows processes and sockets, nothing about routes. Blocks; not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/edge/config.hpp"

namespace gantry {

// Answer to the master's "show proc".
struct MasterStatus {
  pid_t pid = 0;
  int reloads = 0;
  int failed = 0;
  pid_t worker = 0;  // 0: none at the moment
  std::vector<pid_t> old_workers;
};
std::optional<MasterStatus> parse_show_proc(const std::string& text);

class HaproxyMaster {
 public:
  explicit HaproxyMaster(const EdgeOptions&);

  // The master that runs on this directory. None: its socket is dead or belongs to a process that
  // is not ours. A master that is known to live but is silent (it re-executes itself on a reload)
  // is waited for.
  std::optional<MasterStatus> find();

  // `haproxy -c` of a file: Code::internal "config_refused" with what HAProxy says.
  Result<> check(const std::string& config) const;
  // Code::conflict "port_in_use", Code::forbidden "port_forbidden", Code::invalid
  // "address_unavailable".
  Result<> check_port() const;
  // Why each of the ports cannot be had; those that can are not in it.
  std::map<int, Error> check_ports(const std::vector<int>& ports) const;
  // Starts a master on the configuration in place; the caller waits for its worker.
  Result<pid_t> launch();
  // Makes it read the configuration again and waits until the new worker runs. Code::unavailable
  // "reload_failed".
  Result<> reload();
  // The last lines that it has written, for error messages.
  std::string last_words() const;
  Result<> stop(StopMode);

 private:
  std::optional<MasterStatus> ask();
  bool is_ours(pid_t) const;
  std::optional<pid_t> recorded_pid() const;
  std::vector<std::string> argv() const;

  EdgeOptions options_;
  EdgePaths paths_;
  std::string pid_file_;
};

}  // namespace gantry
