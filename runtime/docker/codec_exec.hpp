// The engine's JSON about programs inside containers and one-off containers, both ways. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/exec.hpp"

namespace gantry::docker {

// Of one-off containers: their session. Beside the installation's, instance's and environment's.
inline constexpr std::string_view kSessionLabel = "gantry.session";
// In the environment of every program run by Exec, and so of all that it starts.
inline constexpr std::string_view kSessionVariable = "GANTRY_SESSION_ID";

std::string exec_body(const ExecSpec&, const SessionId&);
std::string exec_start_body(const ExecSpec&);
std::string resize_query(const TerminalSize&);  // "?h=24&w=80"

// "gantry-<last 8 of the installation's ulid>-ses-<ulid of the session>"
std::string one_off_name(const InstallationId&, const SessionId&);
std::string one_off_body(const OneOffSpec&, const InstallationId&);

struct ContainerSeen {
  std::string container_id;
  std::string installation;  // as labelled; empty when it has no such label
  std::string session;
  bool running = false;
  int exit_code = 0;
  std::vector<std::string> path = {};  // where programs are looked for
};
Result<ContainerSeen> parse_container(std::string_view inspect_json);

struct ExecSeen {
  bool running = false;
  bool started = false;  // there was a process
  int exit_code = -1;    // -1: nobody knows
};
Result<ExecSeen> parse_exec(std::string_view json);

struct OneOffSeen {
  std::string container_id;
  std::string session;
  TimePoint created_at{};
};
Result<std::vector<OneOffSeen>> parse_one_offs(std::string_view list_json);

}  // namespace gantry::docker
