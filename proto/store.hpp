// The store's port: desired state and history. PostgreSQL is its only implementation.
//
// Order of a write: database, then memory, then the listeners. Reads of desired state come from
// memory and never touch the database; lists of history do. Every call that needs the database
// returns Code::unavailable when it cannot be reached. Thread-safe, except a Transaction, which
// belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/model.hpp"
#include "proto/snapshot.hpp"

namespace gantry {

// Who writes: goes into the event rows.
struct Actor {
  std::string token_id;  // empty: the daemon itself
  std::string request_id;
};

// If-Match: the version the caller has seen. Another one in the row: Code::stale, its version in
// the detail.
using IfMatch = std::optional<std::int64_t>;

struct NewDeployment {
  InstanceId instance_id;
  DeploymentId id;  // made by the caller, since the variables contain it
  Settings settings;
  ResolvedVariables variables;
  std::string trigger;
  std::string message = {};
  BuildProgress progress = {};
  std::string once = {};  // as in Deployment
  // Held when it is waiting or needs_approval: then it takes the place of held ones only.
  DeploymentStatus status = DeploymentStatus::queued;
  std::string reason = {};  // why it is held: a sentence
};

// What was done for a deployment before its replicas start.
struct ProgressChange {
  DeploymentId deployment_id;
  InstanceId instance_id;
  BuildProgress progress = {};
  std::optional<Settings> settings = {};   // in force from now on
  std::optional<std::string> config = {};  // config_json() of its configuration file
};

// How far a take-over has come. The order is a person's: the store keeps it as it is.
struct RolloutChange {
  DeploymentId deployment_id;
  InstanceId instance_id;
  int step = 0;
  std::optional<TimePoint> since = {};
  std::string message = {};  // for the event: why
};

// The autoscaler's word.
struct ScaleChange {
  InstanceId instance_id;
  int replicas = 0;
  std::string reason;
};

// Who may act for an installation: one daemon at a time. The term grows with every new holder; what
// an earlier one still writes is refused.
struct Lease {
  std::string holder;
  std::int64_t term = 0;
  TimePoint expires_at{};
};

// A deployment whose image or archive may be wanted again.
struct Release {
  InstanceId instance_id;
  ProjectId project_id;
  DeploymentId deployment_id;
  std::string image;    // empty: not built
  std::string archive;  // empty: none
  bool live = false;
};

struct IdempotencyRecord {
  std::string key;
  std::string token_id;
  std::string route;      // method and path
  std::string body_hash;  // hex SHA-256
  int status = 0;
  std::string body;
  std::string etag;
  std::string location;
};

struct StatusChange {
  DeploymentId deployment_id;
  InstanceId instance_id;
  DeploymentStatus status;
  std::string reason;
  std::optional<DeploymentId> keeps = {};  // of success: the older one that stays live
};

struct IssuedToken {
  Token token;
  std::string secret;
};

struct NewVolume {
  EnvironmentId environment_id;
  Name name;
  std::int64_t size_bytes = 0;
};

// What of a volume may be changed in place; absent: stays.
struct VolumeChange {
  std::optional<Name> name = {};
  std::optional<std::int64_t> size_bytes = {};
};

// A unit of work on one connection; rolled back when destroyed without commit. Deletions cascade
// downwards. Every verb writes its event row in the same transaction. Names already taken:
// Code::conflict "name_taken".
class Transaction {
 public:
  virtual ~Transaction() = default;

  virtual Result<Project> create_project(const Name&) = 0;  // with the environment "production"
  virtual Result<Project> rename_project(const ProjectId&, const Name&, IfMatch) = 0;
  virtual Result<> delete_project(const ProjectId&, IfMatch) = 0;

  // A new environment has an instance of no service. All subnets taken: Code::exhausted
  // "network_pool_exhausted".
  virtual Result<Environment> create_environment(const ProjectId&, const Name&) = 0;
  virtual Result<Environment> rename_environment(const EnvironmentId&, const Name&, IfMatch) = 0;
  virtual Result<Environment> protect_environment(const EnvironmentId&, const Protection&,
                                                  IfMatch) = 0;
  // Marked: its containers stop, its name is free, its data stays through the grace period.
  virtual Result<> delete_environment(const EnvironmentId&, IfMatch) = 0;
  // A deleted one, as it was. Not deleted: Code::conflict "not_deleted".
  virtual Result<Environment> restore_environment(const EnvironmentId&) = 0;
  // With all that is in it; its volumes are deleted and have their own grace. With a time: only one
  // that was deleted before it, else Code::conflict "not_deleted".
  virtual Result<> purge_environment(const EnvironmentId&,
                                     std::optional<TimePoint> deleted_before) = 0;
  // Instances with their settings and all variables, into an environment of the same project that
  // has none; nothing is deployed.
  virtual Result<> copy_environment(const EnvironmentId& from, const EnvironmentId& to) = 0;

  virtual Result<Service> create_service(const ProjectId&, const Name&) = 0;
  virtual Result<Service> rename_service(const ServiceId&, const Name&, IfMatch) = 0;
  virtual Result<> delete_service(const ServiceId&, IfMatch) = 0;

  // A service gains an instance in an environment. It exists already: Code::conflict
  // "instance_exists".
  virtual Result<ServiceInstance> create_instance(const ServiceId&, const EnvironmentId&,
                                                  const Settings&) = 0;
  // Another number of replicas also counts for what is live. More than one of an instance that
  // mounts a volume: Code::conflict "volume_attached".
  virtual Result<ServiceInstance> update_settings(const InstanceId&, const Settings&, IfMatch) = 0;
  virtual Result<ServiceInstance> bump_restart_epoch(const InstanceId&) = 0;
  virtual Result<> delete_instance(const InstanceId&, IfMatch) = 0;

  virtual Result<Variable> put_shared_variable(const EnvironmentId&, std::string_view name,
                                               std::string_view value, IfMatch) = 0;
  virtual Result<Variable> put_variable(const InstanceId&, std::string_view name,
                                        std::string_view value, IfMatch) = 0;
  virtual Result<> delete_shared_variable(const EnvironmentId&, std::string_view name, IfMatch) = 0;
  virtual Result<> delete_variable(const InstanceId&, std::string_view name, IfMatch) = 0;

  // The newest of an instance; older ones queued..deploying become removing. Held where approvals
  // are needed. A greater id exists already: Code::conflict "superseded", to be tried again with a
  // new one. An image that was built for another project: Code::invalid "foreign_image".
  virtual Result<Deployment> create_deployment(const NewDeployment&) = 0;
  // Live and held ones become removing (the scheduler then drains and stops them); others:
  // Code::conflict "not_live". Older ones that still run, as the kept colour of a blue-green
  // rollout does, serve again.
  virtual Result<Deployment> remove_deployment(const DeploymentId&, std::string_view reason) = 0;
  // A held one is queued; by no actor it needs an approval next, where that is asked for. Not held:
  // Code::conflict "not_held"; a newer one has begun: Code::conflict "superseded".
  virtual Result<Deployment> release_deployment(const DeploymentId&) = 0;
  // A held one is skipped. Not held: Code::conflict "not_held".
  virtual Result<Deployment> skip_deployment(const DeploymentId&, std::string_view reason) = 0;
  // What a person asks of a deployment on its way: Code::conflict "not_under_way" when it is not
  // queued..deploying.
  virtual Result<Deployment> order_rollout(const DeploymentId&, RolloutOrder) = 0;

  // Hosts of people's own. Somebody has it already: Code::conflict "domain_taken".
  virtual Result<ServiceInstance> add_domain(const InstanceId&, std::string_view host) = 0;
  // In one commit, so that no reader sees it nowhere. It is nobody's: not_found. Only within a
  // project.
  virtual Result<ServiceInstance> move_domain(std::string_view host, const InstanceId& to) = 0;
  virtual Result<ServiceInstance> remove_domain(const InstanceId&, std::string_view host) = 0;
  // To another instance of the same environment; nothing: no split.
  virtual Result<ServiceInstance> set_split(const InstanceId&, const std::optional<TrafficSplit>&,
                                            IfMatch) = 0;

  // A port of the edge; nothing: none. Another instance has it: Code::conflict "tcp_port_taken".
  virtual Result<ServiceInstance> set_tcp_proxy(const InstanceId&, const std::optional<TcpProxy>&,
                                                IfMatch) = 0;

  // A volume of an environment, mounted nowhere. Names are one environment's.
  virtual Result<Volume> create_volume(const NewVolume&) = 0;
  virtual Result<Volume> change_volume(const VolumeId&, const VolumeChange&, IfMatch) = 0;
  // Mounts it in an instance of its environment, which restarts, as does the one that had it.
  // Another volume is there: Code::conflict "mount_path_taken". An instance that may have several
  // replicas: Code::conflict "several_replicas". Deleted: Code::conflict "volume_deleted".
  virtual Result<Volume> attach_volume(const VolumeId&, const InstanceId&,
                                       std::string_view mount_path) = 0;
  virtual Result<Volume> detach_volume(const VolumeId&) = 0;
  // Detached and marked; its data stays through the grace period. A service, environment or project
  // that is deleted does the same to its volumes.
  virtual Result<Volume> delete_volume(const VolumeId&, IfMatch) = 0;
  // A deleted one, into an environment (its own may be gone), mounted nowhere. Being purged:
  // Code::conflict "volume_purged".
  virtual Result<Volume> restore_volume(const VolumeId&, const EnvironmentId& to) = 0;

  // Makes its id and secret; the secret is given once and kept as a hash.
  virtual Result<IssuedToken> create_token(const Token&) = 0;
  // Counts no more once it is committed. The last account token that does not expire stays:
  // Code::conflict "last_account_token".
  virtual Result<> revoke_token(const TokenId&) = 0;

  // Idempotency-Key: what an earlier request with this key got, looked up and locked before the
  // effect; two at once: the second gets Code::conflict "idempotency_key_in_flight". Kept 24 h.
  virtual Result<std::optional<IdempotencyRecord>> find_idempotency(
      const std::string& key, const std::string& token_id) = 0;
  virtual Result<> remember_idempotency(const IdempotencyRecord&) = 0;

  // A promise that the next verb is the only one and that commit() follows: the store may then
  // commit in that verb, and commit() only publishes.
  virtual void only_one_verb() {}

  // Commits, publishes the new snapshots, then tells the listeners.
  virtual Result<> commit() = 0;
};

template <class T>
struct Page {
  std::vector<T> items;
  std::optional<std::string> next;  // the sort key of the last item, when there is more
};

struct PageRequest {
  std::optional<std::string> after;  // sort key of the last item seen
  int limit = 50;
};

struct EventFilter {
  ProjectId project_id;    // empty: all
  std::string service_id;  // empty: all
  std::string environment_id;
  std::string deployment_id;
  std::string within_environment_id;  // events of this environment and those of none
};

class Store {
 public:
  virtual ~Store() = default;

  virtual Result<std::unique_ptr<Transaction>> begin(const Actor&) = 0;

  // ---- memory ----
  virtual ProjectPtr project(std::string_view id_or_name) const = 0;  // null when there is none
  virtual ProjectPtr project_of(const InstanceId&) const = 0;         // null when there is none
  virtual std::vector<ProjectPtr> projects() const = 0;               // by id
  // Whose secret it is, expired or not, and a note that it was used; nothing when it is nobody's.
  virtual std::optional<Token> verify_token(std::string_view secret) = 0;
  virtual std::optional<Token> token(const TokenId&) const = 0;
  virtual std::vector<Token> tokens() const = 0;  // by id
  virtual const InstallationId& installation() const = 0;

  // ---- SQL: history ----
  virtual Result<Deployment> deployment(const DeploymentId&) = 0;  // variables included
  virtual Result<Page<Deployment>> deployments(
      const InstanceId&, const PageRequest&) = 0;  // newest first, without variables
  virtual Result<std::vector<Replica>> replicas(const InstanceId&) = 0;  // of live deployments
  // config_json() of a deployment's configuration file; empty: it had none.
  virtual Result<std::string> deployment_config(const DeploymentId&) = 0;
  // Of every instance the newest `per_instance` that came to an image, and all that are not at
  // their end.
  virtual Result<std::vector<Release>> releases(int per_instance) = 0;
  // Events after a cursor in commit order; with an empty cursor: from the beginning.
  virtual Result<std::vector<Event>> events(const EventFilter&, const std::string& after,
                                            int limit) = 0;
  virtual Result<std::string> latest_cursor() = 0;
  // All there are, those whose project is gone, too; by id.
  virtual Result<std::vector<Volume>> volumes() = 0;
  virtual Result<> ping() = 0;

  // ---- the scheduler's side ----
  // Holds or renews the lease for `ttl`; another daemon has it: Code::conflict "lease_held".
  // Without it, and from the moment another daemon has it, every record_ verb gives Code::conflict
  // "lease_lost".
  virtual Result<Lease> hold_lease(const std::string& holder, Seconds ttl) = 0;
  virtual Result<> release_lease(const std::string& holder) = 0;

  // Status and replicas as observed. Setting success moves every older live deployment but `keeps`
  // to removing, in the same transaction. Publishes like any write.
  virtual Result<> record_status(const StatusChange&) = 0;
  // Of one that has ended or is being removed: nothing is written.
  virtual Result<> record_progress(const ProgressChange&) = 0;
  // Of one that is not on its way any more: nothing is written.
  virtual Result<> record_rollout(const RolloutChange&) = 0;
  // The number of replicas of an instance and of what is live of it.
  virtual Result<> record_scale(const ScaleChange&) = 0;
  virtual Result<> record_replica(const Replica&) = 0;  // upsert; status removed deletes the row
  virtual Result<> record_event(const Event&) = 0;      // cursor and at are filled in
  // It is on the engine now. Before its first mount.
  virtual Result<> record_volume_made(const VolumeId&) = 0;
  virtual Result<> record_volume_usage(const VolumeId&, std::int64_t used_bytes) = 0;
  // From here on it cannot be restored; false: it was not deleted before `deleted_before`.
  virtual Result<bool> claim_volume_purge(const VolumeId&, TimePoint deleted_before) = 0;
  // Its data is gone from the engine: so is the row. REQUIRES: claimed
  virtual Result<> record_volume_purged(const VolumeId&) = 0;

  // Called after a commit that changes what the scheduler must do, from the committing or the
  // listening thread, for instances that exist or existed. Must not block.
  using Listener = std::function<void(const InstanceId&)>;
  virtual void on_change(Listener) = 0;
  // Called after a commit that wrote an event. Must not block.
  virtual void on_event(std::function<void()>) = 0;
  // Reads everything again from the database; a lost notification is covered by calling this
  // periodically.
  virtual Result<> reload() = 0;
};

}  // namespace gantry
