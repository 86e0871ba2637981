#include <charconv>

#include <nlohmann/json.hpp>

#include "runtime/docker/codec.hpp"
#include "runtime/docker/codec_parts.hpp"

namespace gantry::docker {
namespace {

using Json = nlohmann::json;

Json parse(std::string_view text) { return Json::parse(text, nullptr, false); }

std::optional<PortMode> parse_port_mode(std::string_view mode) {
  if (mode == "fixed") return PortMode::fixed;
  if (mode == "automatic") return PortMode::automatic;
  if (mode == "none") return PortMode::none;
  return std::nullopt;
}

std::optional<int> parse_port(std::string_view digits) {
  int port = 0;
  const char* end = digits.data() + digits.size();
  const auto [last, error] = std::from_chars(digits.data(), end, port);
  if (error != std::errc() || last != end || port < 1 || port > 65535) return std::nullopt;
  return port;
}

ContainerState parse_state(std::string_view status) {
  if (status == "running" || status == "paused" || status == "restarting")
    return ContainerState::running;
  return status == "created" ? ContainerState::created : ContainerState::exited;
}

ContainerExit exit_of(const Json& state) {
  return {.code = static_cast<int>(integer(state, "ExitCode")),
          .out_of_memory = at(state, "OOMKilled") == true,
          .at = time(state, "FinishedAt")};
}

std::vector<VolumeId> volumes_from(std::string_view ids) {
  std::vector<VolumeId> volumes;
  while (!ids.empty()) {
    const auto end = std::min(ids.find(' '), ids.size());
    if (auto id = VolumeId::parse(ids.substr(0, end))) volumes.push_back(*std::move(id));
    ids.remove_prefix(std::min(end + 1, ids.size()));
  }
  return volumes;
}

std::string ip_address(const Json& settings) {
  for (const Json& network : at(settings, "Networks"))
    if (std::string address = text(network, "IPAddress"); !address.empty()) return address;
  return "";
}

// What inspect and list have in common; nullopt when the labels are not whole.
std::optional<Container> from_labels(const Json& labels, std::string_view status,
                                     const Json& network_settings) {
  const auto key = ReplicaKey::parse(text(labels, kReplicaLabel));
  const auto instance = InstanceId::parse(text(labels, kInstanceLabel));
  const auto environment = EnvironmentId::parse(text(labels, kEnvironmentLabel));
  const auto mode = parse_port_mode(text(labels, kPortModeLabel));
  if (!key || !instance || !environment || !mode) return std::nullopt;
  Container container;
  container.key = *key;
  container.instance_id = *instance;
  container.environment_id = *environment;
  container.state = parse_state(status);
  container.port_mode = *mode;
  container.volumes = volumes_from(text(labels, kVolumesLabel));
  const auto port = parse_port(text(labels, kPortLabel));
  const std::string host = ip_address(network_settings);
  if (container.state == ContainerState::running && *mode != PortMode::none && port &&
      !host.empty())
    container.address = Address{host, *port};
  return container;
}

std::optional<JobSeen> job_from(const Json& labels, std::string_view status) {
  const auto run = RunId::parse(text(labels, kJobLabel));
  const auto instance = InstanceId::parse(text(labels, kInstanceLabel));
  if (!run || !instance) return std::nullopt;
  return JobSeen{.run_id = *run, .instance_id = *instance, .state = parse_state(status)};
}

NetworkSeen network_seen(const Json& network) {
  const Json& labels = at(network, "Labels");
  return {text(network, "Id"), text(labels, kInstallationLabel), text(labels, kEnvironmentLabel)};
}

VolumeSeen volume_seen(const Json& volume) {
  const Json& labels = at(volume, "Labels");
  const Json& usage = at(volume, "UsageData");
  return {.name = text(volume, "Name"),
          .installation = text(labels, kInstallationLabel),
          .volume = text(labels, kVolumeLabel),
          .folder = text(volume, "Mountpoint"),
          .used_bytes = usage.is_object() ? integer(usage, "Size") : -1};
}

}  // namespace

Result<Inspected> parse_inspect(std::string_view json) {
  const Json reply = parse(json);
  const Json& labels = at(at(reply, "Config"), "Labels");
  const Json& state = at(reply, "State");
  Inspected seen;
  seen.container_id = text(reply, "Id");
  if (seen.container_id.empty() || !state.is_object()) return unreadable("an inspection");
  seen.installation = text(labels, kInstallationLabel);
  seen.spec_digest = text(labels, kSpecLabel);
  seen.container = from_labels(labels, text(state, "Status"), at(reply, "NetworkSettings"));
  if (!seen.container) return seen;
  seen.container->container_id = seen.container_id;
  if (seen.container->state != ContainerState::created)
    seen.container->started_at = time(state, "StartedAt");
  if (seen.container->state == ContainerState::exited) seen.container->exit = exit_of(state);
  return seen;
}

Result<std::vector<Container>> parse_list(std::string_view json) {
  const Json reply = parse(json);
  if (!reply.is_array()) return unreadable("a list of containers");
  std::vector<Container> containers;
  for (const Json& item : reply) {
    auto container =
        from_labels(at(item, "Labels"), text(item, "State"), at(item, "NetworkSettings"));
    if (!container) continue;
    container->container_id = text(item, "Id");
    containers.push_back(std::move(*container));
  }
  return containers;
}

Result<RunSeen> parse_run(std::string_view json) {
  const Json reply = parse(json);
  const Json& labels = at(at(reply, "Config"), "Labels");
  const Json& state = at(reply, "State");
  RunSeen seen{.container_id = text(reply, "Id"),
               .installation = text(labels, kInstallationLabel),
               .deployment = text(labels, kRunLabel),
               .state = parse_state(text(state, "Status")),
               .started_at = {},
               .exit = {}};
  if (seen.container_id.empty() || !state.is_object()) return unreadable("an inspection");
  if (seen.state != ContainerState::created) seen.started_at = time(state, "StartedAt");
  if (seen.state == ContainerState::exited) seen.exit = exit_of(state);
  return seen;
}

Result<std::vector<DeploymentId>> parse_runs(std::string_view json) {
  const Json reply = parse(json);
  if (!reply.is_array()) return unreadable("a list of containers");
  std::vector<DeploymentId> deployments;
  for (const Json& item : reply)
    if (auto id = DeploymentId::parse(text(at(item, "Labels"), kRunLabel)))
      deployments.push_back(*std::move(id));
  return deployments;
}

Result<JobInspected> parse_job(std::string_view json) {
  const Json reply = parse(json);
  const Json& labels = at(at(reply, "Config"), "Labels");
  const Json& state = at(reply, "State");
  JobInspected seen{.container_id = text(reply, "Id"),
                    .installation = text(labels, kInstallationLabel),
                    .job = job_from(labels, text(state, "Status"))};
  if (seen.container_id.empty() || !state.is_object()) return unreadable("an inspection");
  if (!seen.job) return seen;
  if (seen.job->state != ContainerState::created) seen.job->started_at = time(state, "StartedAt");
  if (seen.job->state == ContainerState::exited) seen.job->exit = exit_of(state);
  return seen;
}

Result<std::vector<JobInspected>> parse_jobs(std::string_view json) {
  const Json reply = parse(json);
  if (!reply.is_array()) return unreadable("a list of containers");
  std::vector<JobInspected> jobs;
  for (const Json& item : reply) {
    const Json& labels = at(item, "Labels");
    jobs.push_back({.container_id = text(item, "Id"),
                    .installation = text(labels, kInstallationLabel),
                    .job = job_from(labels, text(item, "State"))});
  }
  return jobs;
}

Result<std::vector<std::string>> parse_names(std::string_view json) {
  const Json reply = parse(json);
  if (!reply.is_array()) return unreadable("a list of containers");
  std::vector<std::string> names;
  for (const Json& item : reply)
    for (const Json& name : at(item, "Names"))
      if (name.is_string()) {
        const auto& full = name.get_ref<const std::string&>();
        names.push_back(full.starts_with('/') ? full.substr(1) : full);
      }
  return names;
}

Result<VolumeSeen> parse_volume(std::string_view json) {
  const Json reply = parse(json);
  if (!reply.is_object()) return unreadable("a volume's inspection");
  return volume_seen(reply);
}

Result<std::vector<VolumeSeen>> parse_volumes(std::string_view json) {
  const Json reply = parse(json);
  if (!reply.is_object()) return unreadable("a list of volumes");
  std::vector<VolumeSeen> volumes;
  for (const Json& volume : at(reply, "Volumes")) volumes.push_back(volume_seen(volume));
  return volumes;
}

Result<std::string> parse_created_id(std::string_view json) {
  std::string id = text(parse(json), "Id");
  if (id.empty()) return unreadable("a create call");
  return id;
}

std::string parse_message(std::string_view json) {
  std::string message = text(parse(json), "message");
  return message.empty() ? std::string(json) : message;
}

Result<Port> parse_exposed(std::string_view image_json, int default_port) {
  const Json reply = parse(image_json);
  if (!reply.is_object()) return unreadable("an image's inspection");
  const Json& exposed = at(at(reply, "Config"), "ExposedPorts");
  const Port guess{PortMode::automatic, default_port};
  std::optional<Port> only;
  if (!exposed.is_object()) return guess;
  for (const auto& [name, unused] : exposed.items()) {
    if (!name.ends_with("/tcp")) continue;
    const auto port = parse_port(name.substr(0, name.size() - 4));
    if (only || !port) return guess;
    only = Port{PortMode::fixed, *port};
  }
  return only.value_or(guess);
}

// The engine's own count of memory without the cache: usage less inactive_file (cgroup 2).
Result<UsageReading> parse_usage(std::string_view json) {
  const Json reply = parse(json);
  const Json& memory = at(reply, "memory_stats");
  const TimePoint when = time(reply, "read");
  if (when == TimePoint() || !memory.is_object()) return unreadable("a container's counters");
  const auto used = integer(memory, "usage"), cache = integer(at(memory, "stats"), "inactive_file");
  return UsageReading{.at = when,
                      .cpu_nanoseconds = static_cast<double>(
                          integer(at(at(reply, "cpu_stats"), "cpu_usage"), "total_usage")),
                      .memory_bytes = static_cast<double>(used > cache ? used - cache : 0)};
}

Result<EngineInfo> parse_info(std::string_view json) {
  const Json reply = parse(json);
  EngineInfo info{static_cast<int>(integer(reply, "NCPU")), text(reply, "Name")};
  if (info.cores < 1) return unreadable("/info");
  return info;
}

Result<NetworkSeen> parse_network(std::string_view json) {
  const Json reply = parse(json);
  if (!reply.is_object()) return unreadable("a network's inspection");
  return network_seen(reply);
}

Result<std::vector<NetworkSeen>> parse_networks(std::string_view json) {
  const Json reply = parse(json);
  if (!reply.is_array()) return unreadable("a list of networks");
  std::vector<NetworkSeen> networks;
  for (const Json& item : reply) networks.push_back(network_seen(item));
  return networks;
}

std::optional<EventSeen> parse_event(std::string_view line) {
  const Json event = parse(line);
  const Json& actor = at(event, "Actor");
  const Json& attributes = at(actor, "Attributes");
  if (!actor.is_object()) return std::nullopt;
  return EventSeen{.action = text(event, "Action"),
                   .container_id = text(actor, "ID"),
                   .replica_id = text(attributes, kReplicaLabel),
                   .instance_id = text(attributes, kInstanceLabel),
                   .nanoseconds = integer(event, "timeNano")};
}

std::optional<std::string> pull_error(std::string_view lines) {
  std::optional<std::string> error;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    const Json line = parse(lines.substr(0, end));
    if (const std::string said = text(line, "error"); !said.empty()) error = said;
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
  return error;
}

}  // namespace gantry::docker
