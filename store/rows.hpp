// Rows of the database as nouns of the model. The column lists are the one place that says which
// columns a noun has and in which order its reader expects them.
#pragma once

#include <string>

#include <pqxx/pqxx>

#include "proto/model.hpp"
#include "store/secrets.hpp"

namespace gantry {

inline constexpr const char* kProjectColumns = "id, name, version, created_at, updated_at";
inline constexpr const char* kEnvironmentColumns =
    "id, project_id, name, subnet_index, guarded, needs_approval, deleted_at, version, created_at, "
    "updated_at";
inline constexpr const char* kServiceColumns =
    "id, project_id, name, version, created_at, updated_at";
inline constexpr const char* kInstanceColumns =
    "id, service_id, environment_id, settings, host_label, array_to_string(array(select d.host "
    "from domains d where d.instance_id = service_instances.id order by d.host collate \"C\"), "
    "' ') as domains, split_to, split_percent, tcp_port, tcp_target_port, restart_epoch, "
    "generation, version, created_at, "
    "updated_at";
// With the variables' ciphertext last, or null in its place.
inline constexpr const char* kDeploymentColumns =
    "id, instance_id, status, reason, trigger, message, settings, once, prepared, image, "
    "pre_deployed, "
    "rollout_step, rollout_since, rollout_order, succeeded_at, version, created_at, updated_at";
inline constexpr const char* kReplicaColumns =
    "id, instance_id, status, reason, container_id, node, address, ready, restarts, exit_code, "
    "started_at, exited_at, updated_at";
inline constexpr const char* kEventColumns =
    "xid::text as xid, seq, type, project_id, environment_id, service_id, instance_id, "
    "deployment_id, replica_id, message, at";
inline constexpr const char* kVolumeColumns =
    "id, project_id, environment_id, name, instance_id, mount_path, size_bytes, made, used_bytes, "
    "deleted_at, version, created_at, updated_at";
inline constexpr const char* kTokenColumns =
    "id, name, kind, user_id, project_id, environment_id, created_at, expires_at, last_used_at";

Project project_from(const pqxx::row&);
Environment environment_from(const pqxx::row&);
Service service_from(const pqxx::row&);
ServiceInstance instance_from(const pqxx::row&);
Deployment deployment_from(const pqxx::row&);  // without variables
Replica replica_from(const pqxx::row&);
Event event_from(const pqxx::row&);
Token token_from(const pqxx::row&);
Volume volume_from(const pqxx::row&);

TimePoint time_from(const pqxx::field&);
std::string bytes_from(const pqxx::field&);
pqxx::binarystring bytea(const std::string&);

// What a ciphertext is bound to.
std::string variable_identity(const std::string& owner_id, std::string_view name);
std::string deployment_identity(const DeploymentId&);
Result<ResolvedVariables> open_variables(const Secrets&, const DeploymentId&, const pqxx::field&);

// A cursor is "<xid>-<seq>", both padded with zeros, so that cursors sort as texts.
struct Position {
  std::string xid = "0";
  std::int64_t seq = 0;
};
std::string cursor_of(const Position&);
Result<Position> parse_cursor(const std::string&);

}  // namespace gantry
