#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "proto/expand.hpp"
#include "proto/percent.hpp"
#include "runtime/docker/codec.hpp"
#include "runtime/docker/codec_exec.hpp"
#include "runtime/volumes.hpp"

namespace gantry::docker {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kNanosPerMillicore = 1'000'000;

// FNV-1a: tells specs apart, protects nothing.
std::string digest(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return fmt::format("{:016x}", hash);
}

std::string_view text_of(PortMode mode) {
  switch (mode) {
    case PortMode::fixed:
      return "fixed";
    case PortMode::automatic:
      return "automatic";
    case PortMode::none:
      return "none";
  }
  return "none";
}

Json environment(const ResolvedVariables& variables) {
  Json env = Json::array();
  for (const auto& [name, value] : variables) env.push_back(name + "=" + value);
  return env;
}

Json environment(const ResolvedVariables& variables, const SessionId& session) {
  Json env = environment(variables);
  env.push_back(std::string(kSessionVariable) + "=" + session.str());
  return env;
}

Json environment(const ContainerSpec& spec, const Port& port) {
  Json env = environment(spec.variables);
  if (port.mode != PortMode::none && !spec.variables.contains("PORT"))
    env.push_back("PORT=" + std::to_string(port.number));
  return env;
}

VariableLookup lookup(const ResolvedVariables& variables) {
  return [&variables](std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

// `Spec`: ContainerSpec, RunSpec, JobSpec or OneOffSpec.
template <class Spec>
Json host_config(const Spec& spec) {
  Json host = {
      {"NetworkMode", spec.network.name},
      {"RestartPolicy", {{"Name", "no"}}},
      {"Init", true},
      {"SecurityOpt", {"no-new-privileges:true"}},
      {"CapDrop", {"NET_RAW"}},
      {"LogConfig", {{"Type", "json-file"}, {"Config", {{"max-size", "1m"}, {"max-file", "2"}}}}},
  };
  if (spec.cpu_millicores > 0) host["NanoCpus"] = spec.cpu_millicores * kNanosPerMillicore;
  if (spec.memory_bytes > 0) {
    host["Memory"] = spec.memory_bytes;
    host["MemorySwap"] = spec.memory_bytes;
  }
  if (spec.pids_limit > 0) host["PidsLimit"] = spec.pids_limit;
  return host;
}

Json mounts_of(const std::vector<Mount>& mounts, const InstallationId& installation) {
  Json list = Json::array();
  for (const Mount& mount : mounts)
    list.push_back({{"Type", "volume"},
                    {"Source", volume_name(installation, mount.volume_id)},
                    {"Target", mount.path}});
  return list;
}

std::string ids_of(const std::vector<Mount>& mounts) {
  std::vector<std::string> ids;
  for (const Mount& mount : mounts) ids.push_back(mount.volume_id.str());
  std::sort(ids.begin(), ids.end());
  return fmt::format("{}", fmt::join(ids, " "));
}

std::string filters(const Json& filter) { return "filters=" + percent_encode(filter.dump()); }

}  // namespace

std::string container_name(const InstallationId& installation, const ReplicaKey& key) {
  return engine_prefix(installation) + key.id();
}

std::vector<std::string> command_of(const ContainerSpec& spec, const Port& port) {
  ResolvedVariables variables = spec.variables;
  if (port.mode != PortMode::none) variables.try_emplace("PORT", std::to_string(port.number));
  return expanded(spec.command, lookup(variables));
}

std::vector<std::string> command_of(const RunSpec& spec) {
  return expanded(spec.command, lookup(spec.variables));
}

std::vector<std::string> command_of(const JobSpec& spec) {
  return expanded(spec.command, lookup(spec.variables));
}

CreateBody create_body(const ContainerSpec& spec, const InstallationId& installation,
                       const Port& port) {
  Json body = {
      {"Image", spec.image},
      {"Env", environment(spec, port)},
      {"HostConfig", host_config(spec)},
      {"NetworkingConfig",
       {{"EndpointsConfig",
         {{spec.network.name,
           {{"Aliases", {spec.service, spec.service + ".railway.internal"}}}}}}}},
  };
  if (!spec.command.empty()) body["Entrypoint"] = command_of(spec, port);
  Json labels = {
      {kInstallationLabel, installation.str()},       {kInstanceLabel, spec.instance_id.str()},
      {kEnvironmentLabel, spec.environment_id.str()}, {kReplicaLabel, spec.key.id()},
      {kPortModeLabel, text_of(port.mode)},
  };
  if (!spec.mounts.empty()) {
    body["HostConfig"]["Mounts"] = mounts_of(spec.mounts, installation);
    labels[std::string(kVolumesLabel)] = ids_of(spec.mounts);
  }
  if (port.mode != PortMode::none) labels[std::string(kPortLabel)] = std::to_string(port.number);
  body["Labels"] = labels;
  const std::string spec_digest = digest(body.dump());
  body["Labels"][std::string(kSpecLabel)] = spec_digest;
  return {body.dump(), spec_digest};
}

std::string run_name(const InstallationId& installation, const DeploymentId& deployment) {
  return engine_prefix(installation) + "run-" + std::string(deployment.ulid());
}

std::string run_body(const RunSpec& spec, const InstallationId& installation) {
  const Json body = {
      {"Image", spec.image},
      {"Env", environment(spec.variables)},
      {"Entrypoint", command_of(spec)},
      {"HostConfig", host_config(spec)},
      {"Labels",
       {{kInstallationLabel, installation.str()},
        {kInstanceLabel, spec.instance_id.str()},
        {kEnvironmentLabel, spec.environment_id.str()},
        {kRunLabel, spec.deployment_id.str()}}},
  };
  return body.dump();
}

std::string job_name(const InstallationId& installation, const RunId& run) {
  return engine_prefix(installation) + "job-" + std::string(run.ulid());
}

std::string job_body(const JobSpec& spec, const InstallationId& installation) {
  Json body = {
      {"Image", spec.image},
      {"Env", environment(spec.variables)},
      {"HostConfig", host_config(spec)},
      {"Labels",
       {{kInstallationLabel, installation.str()},
        {kInstanceLabel, spec.instance_id.str()},
        {kEnvironmentLabel, spec.environment_id.str()},
        {kJobLabel, spec.run_id.str()}}},
  };
  if (!spec.command.empty()) body["Entrypoint"] = command_of(spec);
  if (!spec.mounts.empty()) body["HostConfig"]["Mounts"] = mounts_of(spec.mounts, installation);
  return body.dump();
}

std::string exec_body(const ExecSpec& spec, const SessionId& session) {
  Json body = {{"AttachStdin", spec.input},
               {"AttachStdout", true},
               {"AttachStderr", true},
               {"Tty", spec.terminal.has_value()},
               {"Env", environment(spec.variables, session)},
               {"Cmd", spec.command}};
  if (!spec.user.empty()) body["User"] = spec.user;
  return body.dump();
}

std::string exec_start_body(const ExecSpec& spec) {
  return Json{{"Detach", false}, {"Tty", spec.terminal.has_value()}}.dump();
}

std::string resize_query(const TerminalSize& size) {
  return "?h=" + std::to_string(size.rows) + "&w=" + std::to_string(size.columns);
}

std::string one_off_name(const InstallationId& installation, const SessionId& session) {
  return engine_prefix(installation) + "ses-" + std::string(session.ulid());
}

std::string one_off_body(const OneOffSpec& spec, const InstallationId& installation) {
  Json host = host_config(spec);
  host["LogConfig"] = {{"Type", "none"}};  // whoever runs it reads it
  if (!spec.mounts.empty()) host["Mounts"] = mounts_of(spec.mounts, installation);
  Json body = {
      {"Image", spec.image},
      {"Env", environment(spec.variables, spec.session_id)},
      {"Tty", spec.terminal.has_value()},
      {"OpenStdin", spec.input},
      {"StdinOnce", spec.input},
      {"AttachStdin", spec.input},
      {"AttachStdout", true},
      {"AttachStderr", true},
      {"HostConfig", std::move(host)},
      {"Labels",
       {{kInstallationLabel, installation.str()},
        {kInstanceLabel, spec.instance_id.str()},
        {kEnvironmentLabel, spec.environment_id.str()},
        {kSessionLabel, spec.session_id.str()}}},
  };
  if (!spec.command.empty()) body["Entrypoint"] = spec.command;
  return body.dump();
}

std::string network_body(const NetworkSpec& network, const InstallationId& installation) {
  Json config = Json::array();
  if (!network.subnet.empty()) config.push_back({{"Subnet", network.subnet}});
  const Json body = {
      {"Name", network.name},
      {"CheckDuplicate", true},
      {"Driver", "bridge"},
      {"IPAM", {{"Driver", "default"}, {"Config", config}}},
      {"Labels",
       {{kInstallationLabel, installation.str()},
        {kEnvironmentLabel, network.environment_id.str()}}},
  };
  return body.dump();
}

std::string volume_body(const InstallationId& installation, const VolumeId& id) {
  const Json body = {
      {"Name", volume_name(installation, id)},
      {"Driver", "local"},
      {"Labels", {{kInstallationLabel, installation.str()}, {kVolumeLabel, id.str()}}},
  };
  return body.dump();
}

std::string volume_filter(const std::vector<std::string>& names) {
  return filters({{"volume", names}, {"status", {"running", "paused", "restarting"}}});
}

std::string runs_filter(const EnvironmentId& id) {
  return filters(
      {{"label", {std::string(kRunLabel), std::string(kEnvironmentLabel) + "=" + id.str()}},
       {"status", {"running", "paused", "restarting"}}});
}

std::string label_filter(std::string_view label, std::string_view value) {
  return filters({{"label", {std::string(label) + "=" + std::string(value)}}});
}

std::string labelled_filter(const InstallationId& installation, std::string_view label) {
  return filters(
      {{"label",
        {std::string(kInstallationLabel) + "=" + installation.str(), std::string(label)}}});
}

std::string event_filter(const InstallationId& installation) {
  return filters({{"label", {std::string(kInstallationLabel) + "=" + installation.str()}},
                  {"type", {"container"}},
                  {"event", {"start", "die", "destroy", "oom"}}});
}

}  // namespace gantry::docker
