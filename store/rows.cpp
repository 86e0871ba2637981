#include "store/rows.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "proto/codec.hpp"

namespace gantry {
namespace {

// A value of ours that the database gives back changed is a broken machine, not a caller's mistake.
template <class T>
T trusted(Result<T> result) {
  if (!result)
    throw std::runtime_error("unexpected value in the database: " + result.error().detail);
  return *std::move(result);
}
template <class T>
T trusted(std::optional<T> value) {
  if (!value) throw std::runtime_error("unexpected word in the database");
  return *value;
}

template <class T>
T id_from(const pqxx::field& field) {
  return trusted(T::parse(field.c_str()));
}
Name name_from(const pqxx::field& field) { return trusted(Name::parse(field.c_str())); }
Settings settings_from(const pqxx::field& field) { return trusted(parse_settings(field.c_str())); }
std::optional<TimePoint> optional_time(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return time_from(field);
}
std::vector<std::string> words_from(const pqxx::field& field) {
  std::istringstream text(field.c_str());
  return {std::istream_iterator<std::string>(text), {}};
}
std::optional<TrafficSplit> split_from(const pqxx::row& row) {
  if (row["split_to"].is_null()) return std::nullopt;
  return TrafficSplit{id_from<InstanceId>(row["split_to"]), row["split_percent"].as<int>()};
}
std::optional<TcpProxy> tcp_proxy_from(const pqxx::row& row) {
  if (row["tcp_port"].is_null()) return std::nullopt;
  return TcpProxy{row["tcp_port"].as<int>(), row["tcp_target_port"].as<int>()};
}
Stamp stamp_from(const pqxx::row& row) {
  return {.created_at = time_from(row["created_at"]),
          .updated_at = time_from(row["updated_at"]),
          .version = row["version"].as<std::int64_t>()};
}

}  // namespace

// "2026-11-22 18:26:00.5+00", as the session's settings have it.
TimePoint time_from(const pqxx::field& field) {
  std::string text = field.c_str();
  std::replace(text.begin(), text.end(), ' ', 'T');
  return trusted(parse_time(text + ":00"));
}

std::string bytes_from(const pqxx::field& field) {
  const pqxx::binarystring raw(field);
  return {raw.get(), raw.size()};
}

pqxx::binarystring bytea(const std::string& text) {
  return pqxx::binarystring(text.data(), text.size());
}

Project project_from(const pqxx::row& row) {
  return {.id = id_from<ProjectId>(row["id"]),
          .name = name_from(row["name"]),
          .stamp = stamp_from(row)};
}

Environment environment_from(const pqxx::row& row) {
  return {.id = id_from<EnvironmentId>(row["id"]),
          .project_id = id_from<ProjectId>(row["project_id"]),
          .name = name_from(row["name"]),
          .subnet_index = row["subnet_index"].as<int>(),
          .protection = {.guarded = row["guarded"].as<bool>(),
                         .needs_approval = row["needs_approval"].as<bool>()},
          .deleted_at = optional_time(row["deleted_at"]),
          .stamp = stamp_from(row)};
}

Service service_from(const pqxx::row& row) {
  return {.id = id_from<ServiceId>(row["id"]),
          .project_id = id_from<ProjectId>(row["project_id"]),
          .name = name_from(row["name"]),
          .stamp = stamp_from(row)};
}

ServiceInstance instance_from(const pqxx::row& row) {
  return {.id = id_from<InstanceId>(row["id"]),
          .service_id = id_from<ServiceId>(row["service_id"]),
          .environment_id = id_from<EnvironmentId>(row["environment_id"]),
          .settings = settings_from(row["settings"]),
          .host_label = row["host_label"].c_str(),
          .domains = words_from(row["domains"]),
          .split = split_from(row),
          .tcp_proxy = tcp_proxy_from(row),
          .restart_epoch = row["restart_epoch"].as<int>(),
          .generation = row["generation"].as<std::int64_t>(),
          .stamp = stamp_from(row)};
}

Deployment deployment_from(const pqxx::row& row) {
  return {.id = id_from<DeploymentId>(row["id"]),
          .instance_id = id_from<InstanceId>(row["instance_id"]),
          .status = trusted(parse_deployment_status(row["status"].c_str())),
          .reason = row["reason"].c_str(),
          .trigger = row["trigger"].c_str(),
          .message = row["message"].c_str(),
          .settings = settings_from(row["settings"]),
          .once = row["once"].c_str(),
          .progress = {.prepared = row["prepared"].as<bool>(),
                       .image = row["image"].c_str(),
                       .pre_deployed = row["pre_deployed"].as<bool>()},
          .rollout = {.step = row["rollout_step"].as<int>(),
                      .since = optional_time(row["rollout_since"]),
                      .order = trusted(parse_rollout_order(row["rollout_order"].c_str()))},
          .succeeded_at = optional_time(row["succeeded_at"]),
          .variables = {},
          .created_at = time_from(row["created_at"]),
          .updated_at = time_from(row["updated_at"]),
          .version = row["version"].as<std::int64_t>()};
}

Replica replica_from(const pqxx::row& row) {
  Replica replica;
  replica.key = trusted(ReplicaKey::parse(row["id"].c_str()));
  replica.instance_id = id_from<InstanceId>(row["instance_id"]);
  replica.status = trusted(parse_replica_status(row["status"].c_str()));
  replica.reason = row["reason"].c_str();
  replica.container_id = row["container_id"].c_str();
  replica.node = row["node"].c_str();
  replica.address = row["address"].c_str();
  replica.ready = row["ready"].as<bool>();
  replica.restarts = row["restarts"].as<int>();
  if (!row["exit_code"].is_null()) replica.exit_code = row["exit_code"].as<int>();
  replica.started_at = optional_time(row["started_at"]);
  replica.exited_at = optional_time(row["exited_at"]);
  replica.updated_at = time_from(row["updated_at"]);
  return replica;
}

Event event_from(const pqxx::row& row) {
  Event event;
  event.cursor = cursor_of({row["xid"].c_str(), row["seq"].as<std::int64_t>()});
  event.type = row["type"].c_str();
  if (row["project_id"].size() > 0) event.project_id = id_from<ProjectId>(row["project_id"]);
  event.environment_id = row["environment_id"].c_str();
  event.service_id = row["service_id"].c_str();
  event.instance_id = row["instance_id"].c_str();
  event.deployment_id = row["deployment_id"].c_str();
  event.replica_id = row["replica_id"].c_str();
  event.message = row["message"].c_str();
  event.at = time_from(row["at"]);
  return event;
}

Token token_from(const pqxx::row& row) {
  Token token;
  token.id = id_from<TokenId>(row["id"]);
  token.name = row["name"].c_str();
  token.kind = trusted(parse_token_kind(row["kind"].c_str()));
  if (!row["user_id"].is_null()) token.user_id = id_from<UserId>(row["user_id"]);
  if (!row["project_id"].is_null()) token.project_id = id_from<ProjectId>(row["project_id"]);
  if (!row["environment_id"].is_null())
    token.environment_id = id_from<EnvironmentId>(row["environment_id"]);
  token.created_at = time_from(row["created_at"]);
  token.expires_at = optional_time(row["expires_at"]);
  token.last_used_at = optional_time(row["last_used_at"]);
  return token;
}

Volume volume_from(const pqxx::row& row) {
  Volume volume{.id = id_from<VolumeId>(row["id"]),
                .project_id = id_from<ProjectId>(row["project_id"]),
                .environment_id = id_from<EnvironmentId>(row["environment_id"]),
                .name = name_from(row["name"]),
                .mount_path = row["mount_path"].c_str(),
                .size_bytes = row["size_bytes"].as<std::int64_t>(),
                .made = row["made"].as<bool>(),
                .deleted_at = optional_time(row["deleted_at"]),
                .stamp = stamp_from(row)};
  if (!row["instance_id"].is_null()) volume.instance_id = id_from<InstanceId>(row["instance_id"]);
  if (!row["used_bytes"].is_null()) volume.used_bytes = row["used_bytes"].as<std::int64_t>();
  return volume;
}

std::string variable_identity(const std::string& owner_id, std::string_view name) {
  return "variable/" + owner_id + "/" + std::string(name);
}
std::string deployment_identity(const DeploymentId& id) { return "deployment/" + id.str(); }

Result<ResolvedVariables> open_variables(const Secrets& secrets, const DeploymentId& id,
                                         const pqxx::field& field) {
  const auto text = secrets.open(bytes_from(field), deployment_identity(id));
  if (!text) return text.error();
  return parse_variables_json(*text);
}

std::string cursor_of(const Position& position) {
  return fmt::format("{:0>20}-{:019}", position.xid, position.seq);
}

Result<Position> parse_cursor(const std::string& text) {
  if (text.empty()) return Position{};
  const bool fits = text.size() == 40 && text[20] == '-' && text[0] <= '1' &&
                    std::all_of(text.begin(), text.end(),
                                [](char c) { return (c >= '0' && c <= '9') || c == '-'; }) &&
                    text.find('-', 21) == std::string::npos && text.find('-') == 20 &&
                    (text.substr(0, 20) <= "18446744073709551615") &&
                    text.substr(21) <= "9223372036854775807";
  if (!fits) return invalid("", "invalid_cursor", "this is no cursor of an event");
  // Without the zeros in front: PostgreSQL would read them as octal.
  return Position{std::to_string(std::stoull(text.substr(0, 20))), std::stoll(text.substr(21))};
}

}  // namespace gantry
