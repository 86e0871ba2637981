// The nouns. Plain values, the same words as the REST keys and the database's columns.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/cron_settings.hpp"
#include "proto/id.hpp"
#include "proto/name.hpp"
#include "proto/result.hpp"
#include "proto/rollout.hpp"
#include "proto/time.hpp"
#include "proto/traffic.hpp"

namespace gantry {

// ---- enums: they travel as their text; parse(name(x)) == x ----

enum class RestartPolicy { on_failure, always, never };  // "ON_FAILURE" "ALWAYS" "NEVER"

// Railway's deployment statuses; derived from facts, never set by who gave an order.
enum class DeploymentStatus {
  queued,        // accepted, not looked at by the scheduler yet
  initializing,  // its source is unpacked and its configuration read
  building,      // its image is made
  deploying,     // replicas start, the health window runs
  success,       // every replica became ready and the edge acknowledged; it serves
  crashed,       // was success; every replica has used up its restart policy
  failed,        // never became success: reason says why
  removing,      // superseded or removed by a person; its replicas drain and stop
  removed,       // gone
  skipped,       // an end: nothing that its watch patterns name has changed
  sleeping,
  // Held: made and not begun. The version that serves goes on; release_deployment() queues it.
  waiting,         // for the checks of its commit
  needs_approval,  // for a person who may let it into its environment
};

enum class ReplicaStatus {
  created,
  running,
  restarting,
  exited,
  crashed,
  stopped,
  removing,
  removed
};

// An account token may do everything, a project token what belongs to one environment.
enum class TokenKind { account, project };  // "account" "project"

std::string_view name(RestartPolicy);
std::string_view name(DeploymentStatus);
std::string_view name(ReplicaStatus);
std::string_view name(TokenKind);
std::optional<RestartPolicy> parse_restart_policy(std::string_view);        // any case
std::optional<DeploymentStatus> parse_deployment_status(std::string_view);  // exact
std::optional<ReplicaStatus> parse_replica_status(std::string_view);        // exact
std::optional<TokenKind> parse_token_kind(std::string_view);                // exact

// Whether replicas of a deployment in this status may run.
bool is_live(DeploymentStatus);      // queued..deploying, success, crashed, sleeping
bool is_terminal(DeploymentStatus);  // nothing follows
bool is_held(DeploymentStatus);      // waiting, needs_approval
// Whether it came to serve, and is there still: success, crashed, sleeping.
bool has_served(DeploymentStatus);

// ---- configuration ----

// What is deployed: an image, or an archive that one is built from: uploaded, or of a commit of a
// repository.
struct Source {
  std::optional<ImageRef> image;
  std::string archive = {};  // "sha256:<64 hex>" of a gzip tar; empty: none. Then there is no image
  std::string repository = {};  // URL; empty: none. Then there is no image
  std::string branch = {};      // whose pushes are deployed; empty: the repository's default
  std::string commit = {};      // of a deployment: 40 hex digits; empty: not made from a commit
  // "postgres" or "TEMPLATE.SERVICE": what it was made from (proto/template.hpp); empty: nothing.
  std::string from_template = {};
  bool operator==(const Source&) const = default;
};

// How a source becomes an image. Paths are below the source's root and have no leading slash.
struct BuildSettings {
  std::string builder = "RAILPACK";            // "RAILPACK" "NIXPACKS" "DOCKERFILE"
  std::optional<std::string> build_command;    // absent: detected; not used with a Dockerfile
  std::optional<std::string> dockerfile_path;  // below the root directory; absent: Dockerfile
  std::vector<std::string> watch_patterns;     // gitignore rules from the source's root
  std::optional<std::string> root_directory;   // absent: the source's root
  std::optional<std::string> config_file;      // absent: the first known name, see config_file.hpp
  std::optional<std::string> nixpacks_config_path;
  std::string nixpacks_plan;  // JSON; empty: none
  bool operator==(const BuildSettings&) const = default;
};

// Defaults are what a new service gets. Ranges are checked by api/settings.
struct DeploySettings {
  std::vector<std::string>
      start_command;  // argv in exec form that replaces the entry point; empty: the image's own
  std::optional<std::string> healthcheck_path;  // begins with '/'; absent: TCP connect
  // argv, run inside the container instead of a request from outside: exit code 0 is healthy.
  std::vector<std::string> healthcheck_command;
  int healthcheck_timeout_seconds =
      300;  // the whole window in which a new replica must become ready
  int healthcheck_interval_seconds = 10;  // between probes of a ready replica
  RestartPolicy restart_policy = RestartPolicy::on_failure;
  int restart_max_retries = 10;                     // per replica, for ON_FAILURE and ALWAYS
  int replicas = 1;                                 // 0 to 200
  int cpu_millicores = 1000;                        // 0: no limit
  std::int64_t memory_bytes = 512LL * 1024 * 1024;  // 0: no limit
  int pids_limit = 1024;                            // 0: no limit
  // The port that the container listens on. Absent: the variable PORT, else the image's only
  // EXPOSE, else 8080 if something listens there. 0: none (a worker: no probe, no address).
  std::optional<int> port;
  // Whether the edge gives it hosts. False: only its environment reaches it, as a database.
  bool exposed = true;
  int overlap_seconds = 0;    // both versions serve for so long after the switch
  int draining_seconds = 10;  // from SIGTERM to SIGKILL
  // Command lines, run one after the other in a container of the new image before any replica
  // starts; one that fails fails the deployment.
  std::vector<std::string> pre_deploy_command;
  RolloutSettings rollout;
  TrafficSettings traffic;
  ScalingSettings scaling;
  SleepSettings sleep;
  CronSettings cron;
  bool operator==(const DeploySettings&) const = default;
};

struct Settings {
  Source source;
  BuildSettings build;
  DeploySettings deploy;
  bool operator==(const Settings&) const = default;
};

// ---- nouns ----

struct Stamp {
  TimePoint created_at{};
  TimePoint updated_at{};
  std::int64_t version = 1;  // +1 with every write of the row: the ETag
};

struct Project {
  ProjectId id;
  Name name;
  Stamp stamp;
};

// What an environment asks of people.
struct Protection {
  bool guarded = false;         // only owners of the project change what is in it
  bool needs_approval = false;  // a deployment waits until an owner lets it in
  bool operator==(const Protection&) const = default;
};

struct Environment {
  EnvironmentId id;
  ProjectId project_id;
  Name name;
  int subnet_index = 0;  // the n-th /24 of the configured range
  Protection protection = {};
  // Its containers are stopped and nobody finds it; purged when its grace is over, until then
  // restored.
  std::optional<TimePoint> deleted_at = {};
  Stamp stamp;
};

struct Service {
  ServiceId id;
  ProjectId project_id;
  Name name;
  Stamp stamp;
};

// A share of one instance's requests that another one of its environment answers.
struct TrafficSplit {
  InstanceId to;
  int percent = 0;  // 1..100
  bool operator==(const TrafficSplit&) const = default;
};

// A port of the edge whose connections go to the replicas byte by byte.
struct TcpProxy {
  int port = 0;         // of the edge; unique in the installation
  int target_port = 0;  // in the container
  bool operator==(const TcpProxy&) const = default;
};

// Service x environment: everything that can be configured.
struct ServiceInstance {
  InstanceId id;
  ServiceId service_id;
  EnvironmentId environment_id;
  Settings settings;
  std::string
      host_label;  // "<service>-<environment>", with "-<4 hex>" when somebody else has that; unique
  std::vector<std::string> domains = {};  // hosts that people gave it, ascending; unique
  std::optional<TrafficSplit> split = {};
  std::optional<TcpProxy> tcp_proxy = {};
  int restart_epoch = 0;        // +1 with every restart: replicas of an older epoch are replaced
  std::int64_t generation = 1;  // +1 with every write that the scheduler must see
  Stamp stamp;
};

// Data that outlives what writes it: the engine's volume is named after the id. Its project, its
// environment and its service may be gone; the row stays until it is purged.
struct Volume {
  VolumeId id;
  ProjectId project_id;
  EnvironmentId environment_id;
  Name name;
  InstanceId instance_id = {};  // that mounts it; empty: none
  std::string mount_path = {};  // absolute; where it is mounted, or was last
  std::int64_t size_bytes = 0;  // budget, which is watched and not enforced; 0: none
  bool made = false;            // it is on the engine: a container never starts without it
  std::optional<std::int64_t> used_bytes = {};  // when last measured
  std::optional<TimePoint> deleted_at = {};  // purged when its grace is over, until then restored
  Stamp stamp = {};
};

// Of its budget; 0 without one, or when it was never measured.
int percent_used(const Volume&);
// Reached on the way up: people are told.
inline constexpr int kVolumeWarnings[] = {80, 90, 95};

// Where a version that waits for its promotion is reached.
std::string preview_host(std::string_view host_label, std::string_view base_domain);

struct Variable {
  std::string name;
  std::string value;  // as written: references unresolved
  Stamp stamp;
};
using Variables = std::map<std::string, Variable, std::less<>>;

// Name to resolved value: what a container gets.
using ResolvedVariables = std::map<std::string, std::string, std::less<>>;

// What has been done for a deployment before its replicas start; recorded, so that whoever takes
// over goes on from there.
struct BuildProgress {
  bool prepared = false;      // unpacked once, its configuration read: settings are in force
  std::string image = {};     // what runs: the built image, or the source's; empty: not built yet
  bool pre_deployed = false;  // the pre-deploy command ended well, or there is none
  bool done() const { return prepared && !image.empty() && pre_deployed; }
  bool operator==(const BuildProgress&) const = default;
};

struct Deployment {
  DeploymentId id;
  InstanceId instance_id;
  DeploymentStatus status = DeploymentStatus::queued;
  std::string reason;   // why it is in that status: a sentence; empty when it needs none
  std::string trigger;  // "deploy" "redeploy" "rollback" "push" "apply"
  std::string message;  // of who deployed it; may be empty
  // Frozen: source, build and deploy settings of the day; of a source, only once it is prepared.
  Settings settings;
  // JSON, a merge patch of settings.deploy: what was asked for this deployment alone, which wins
  // over its configuration file. Empty: nothing.
  std::string once = {};
  BuildProgress progress;
  RolloutProgress rollout = {};
  std::optional<TimePoint> succeeded_at = {};  // when it served first
  ResolvedVariables variables;                 // frozen; encrypted at rest
  TimePoint created_at{};
  TimePoint updated_at{};
  std::int64_t version = 1;
};

// The share of the requests that it answers. 0 while it is on its way and when it is over.
int percent_of(const Deployment&);
// Blue-green: it is ready and serves when somebody promotes it. The scheduler says so with a reason
// that begins with kReadyForPromotion.
inline constexpr std::string_view kReadyForPromotion = "ready for promotion";
bool waits_for_promotion(const Deployment&);

// One of a deployment's containers. `epoch` counts restarts asked for by people, `ordinal` is
// 0..replicas-1.
struct ReplicaKey {
  DeploymentId deployment_id;
  int epoch = 0;
  int ordinal = 0;
  auto operator<=>(const ReplicaKey&) const = default;
  bool operator==(const ReplicaKey&) const = default;
  std::string id() const;  // "rep_<ulid of the deployment>-<epoch>-<ordinal>"
  static Result<ReplicaKey> parse(std::string_view id);
};

struct Replica {
  ReplicaKey key;
  InstanceId instance_id;
  ReplicaStatus status = ReplicaStatus::created;
  std::string reason;
  std::string container_id;
  std::string node;
  std::string address;  // "host:port", empty while it has none
  bool ready = false;
  int restarts = 0;
  std::optional<int> exit_code;
  std::optional<TimePoint> started_at;
  std::optional<TimePoint> exited_at;
  TimePoint updated_at{};
};

// What happened, for people and watchers. `cursor` is opaque, ascending in the order of commits.
struct Event {
  std::string cursor;
  std::string type;  // "deployment.succeeded", "replica.crashed", "variable.set" ...
  ProjectId project_id;
  std::string environment_id;  // empty where it has none
  std::string service_id;
  std::string instance_id;
  std::string deployment_id;
  std::string replica_id;
  std::string message;
  TimePoint at{};
};

// Opens the API. The secret is nowhere, only its hash.
struct Token {
  TokenId id;
  std::string name;
  TokenKind kind = TokenKind::account;
  UserId user_id = {};           // whose it is and whose roles it has; empty: the operator's
  ProjectId project_id;          // of a project token, which reaches nothing else; else empty
  EnvironmentId environment_id;  // the same
  TimePoint created_at{};
  std::optional<TimePoint> expires_at = {};    // absent: never
  std::optional<TimePoint> last_used_at = {};  // to the minute
};

}  // namespace gantry
