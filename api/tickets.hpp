// Tickets: each opens one session, once, within 30 seconds, and nothing but what was asked for it.
// In memory, as hashes; a daemon that starts anew knows none. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/id.hpp"
#include "proto/result.hpp"
#include "proto/time.hpp"
#include "runtime/exec.hpp"

namespace gantry::api {

// What a session is to do, found and allowed when its ticket was made.
struct SessionOrder {
  SessionId session_id = {};
  std::string token_id = {};  // who asked
  InstanceId instance_id = {};
  // A program...
  std::vector<std::string> command = {};      // argv; empty: it is a tunnel
  std::optional<TerminalSize> terminal = {};  // present: on a terminal
  bool input = true;
  // ... in a replica, else in a container of its own, of this deployment.
  std::string replica_id = {};
  std::string container_id = {};
  DeploymentId deployment_id = {};
  // A tunnel's far end.
  Address address = {};

  bool is_tunnel() const { return command.empty(); }
  bool is_one_off() const { return !is_tunnel() && container_id.empty(); }
};

class Tickets {
 public:
  static constexpr Seconds kLife{30};

  // Too many that nobody used: Code::exhausted "too_many_tickets".
  Result<std::string> issue(const SessionOrder&, TimePoint now);
  // One that is as random as an issued one, and opens nothing.
  static std::string sample();
  // Used, expired or never issued: Code::not_found "unknown_ticket".
  Result<SessionOrder> redeem(std::string_view ticket, TimePoint now);

 private:
  struct Entry {
    SessionOrder order;
    TimePoint expires_at;
  };
  void forget_expired(TimePoint now);

  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by the ticket's SHA-256
};

}  // namespace gantry::api
