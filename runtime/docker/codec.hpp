// The engine's JSON, both ways. Pure; text in, text out: callers never see the JSON library. Labels
// are the handle by which containers and networks are found again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/driver.hpp"
#include "runtime/jobs.hpp"

namespace gantry::docker {

inline constexpr std::string_view kInstallationLabel = "gantry.installation";
inline constexpr std::string_view kInstanceLabel = "gantry.instance";
inline constexpr std::string_view kEnvironmentLabel = "gantry.environment";
inline constexpr std::string_view kReplicaLabel = "gantry.replica";
inline constexpr std::string_view kRunLabel = "gantry.run";    // of run_once(): its deployment
inline constexpr std::string_view kJobLabel = "gantry.job";    // of a run: its id
inline constexpr std::string_view kPortLabel = "gantry.port";  // absent: none
inline constexpr std::string_view kPortModeLabel = "gantry.port-mode";  // fixed, automatic or none
inline constexpr std::string_view kVolumesLabel = "gantry.volumes";     // ids; absent: none
inline constexpr std::string_view kVolumeLabel = "gantry.volume";       // of a volume: its id
inline constexpr std::string_view kSpecLabel = "gantry.spec";  // a digest of everything else

struct Port {
  PortMode mode = PortMode::none;
  int number = 0;
};

// "gantry-<last 8 of the installation's ulid>-<replica id>"
std::string container_name(const InstallationId&, const ReplicaKey&);

// What a container runs: without a shell where it would only put variables into words.
std::vector<std::string> command_of(const ContainerSpec&, const Port&);
std::vector<std::string> command_of(const RunSpec&);
std::vector<std::string> command_of(const JobSpec&);

struct CreateBody {
  std::string json;
  std::string spec_digest;  // as in kSpecLabel
};
// REQUIRES: variables and command are UTF-8.
CreateBody create_body(const ContainerSpec&, const InstallationId&, const Port&);
// "gantry-<last 8 of the installation's ulid>-run-<ulid of the deployment>"
std::string run_name(const InstallationId&, const DeploymentId&);
// REQUIRES: variables and command are UTF-8.
std::string run_body(const RunSpec&, const InstallationId&);
// "gantry-<last 8 of the installation's ulid>-job-<ulid of the run>"
std::string job_name(const InstallationId&, const RunId&);
// REQUIRES: variables and command are UTF-8.
std::string job_body(const JobSpec&, const InstallationId&);
std::string network_body(const NetworkSpec&, const InstallationId&);

std::string volume_body(const InstallationId&, const VolumeId&);

// Filters as query text, already percent-encoded.
std::string label_filter(std::string_view label, std::string_view value);
// Containers that run and have one of these volumes.
std::string volume_filter(const std::vector<std::string>& names);
// Containers of run_once() that run in this environment.
std::string runs_filter(const EnvironmentId&);
// Containers with a label, whatever its value.
std::string labelled_filter(const InstallationId&, std::string_view label);
std::string event_filter(const InstallationId&);

// ---- what the engine answers; unreadable: Code::internal "engine_reply_unreadable" ----

struct Inspected {
  std::string container_id;
  std::string installation;  // as labelled; empty when it has no such label
  std::string spec_digest;
  std::optional<Container> container;  // without `node`; absent when its labels are not whole
};
Result<Inspected> parse_inspect(std::string_view json);
// As from a list: no started_at, no exit.
Result<std::vector<Container>> parse_list(std::string_view json);

struct RunSeen {
  std::string container_id;
  std::string installation;
  std::string deployment;  // as labelled
  ContainerState state = ContainerState::created;
  TimePoint started_at{};
  ContainerExit exit;  // when exited
};
Result<RunSeen> parse_run(std::string_view json);
// The deployments in a list of such containers.
Result<std::vector<DeploymentId>> parse_runs(std::string_view json);

struct JobInspected {
  std::string container_id;
  std::string installation;
  std::optional<JobSeen> job;  // absent when its labels are not whole
};
Result<JobInspected> parse_job(std::string_view json);
// From a list: no started_at, no exit.
Result<std::vector<JobInspected>> parse_jobs(std::string_view json);

// Names in a list of containers, without the slash in front.
Result<std::vector<std::string>> parse_names(std::string_view json);
struct VolumeSeen {
  std::string name;
  std::string installation;      // as labelled
  std::string volume;            // as labelled
  std::string folder;            // on the engine's machine
  std::int64_t used_bytes = -1;  // unknown, unless it comes from /system/df
};
Result<VolumeSeen> parse_volume(std::string_view json);
// From /volumes or /system/df.
Result<std::vector<VolumeSeen>> parse_volumes(std::string_view json);

Result<std::string> parse_created_id(std::string_view json);
std::string parse_message(std::string_view json);  // {"message": ...}; else the text itself
Result<Port> parse_exposed(std::string_view image_json, int default_port);

struct EngineInfo {
  int cores = 0;
  std::string host_name;
};
Result<EngineInfo> parse_info(std::string_view json);

// One reading of a container's counters.
struct UsageReading {
  TimePoint at{};
  double cpu_nanoseconds = 0;  // since its start
  double memory_bytes = 0;     // without the page cache
};
Result<UsageReading> parse_usage(std::string_view json);
double cpu_millicores(const UsageReading& before, const UsageReading& now);

struct NetworkSeen {
  std::string id;
  std::string installation;
  std::string environment;
};
Result<NetworkSeen> parse_network(std::string_view json);
Result<std::vector<NetworkSeen>> parse_networks(std::string_view json);

struct EventSeen {
  std::string action;  // "start", "die", "destroy", "oom"
  std::string container_id;
  std::string replica_id;
  std::string instance_id;
  std::int64_t nanoseconds = 0;
};
std::optional<EventSeen> parse_event(std::string_view line);

// The text of the last {"error": ...} line of a pull; nullopt when it went well.
std::optional<std::string> pull_error(std::string_view lines);

}  // namespace gantry::docker
