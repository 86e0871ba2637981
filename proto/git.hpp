// Repositories that services are deployed from, what was pushed to them, their pull requests and
// the environments of those: nouns, and a port beside Store, in the same database. Every call asks
// the database: Code::unavailable when it cannot be reached. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/forge.hpp"
#include "proto/store.hpp"

namespace gantry {

struct RepositoryTag {
  static constexpr std::string_view prefix = "repo";
};
using RepositoryId = Id<RepositoryTag>;

// What a project does with the pull requests of a repository.
struct PreviewSettings {
  bool enabled = false;
  std::string base = "production";  // name of the environment that is copied
  bool focused = true;              // only services that the changed files touch, and what they use
  int expiry_days = 14;             // after the last push; 0: never
  bool bots = false;                // also those that programs open
  int most = 20;                    // environments at once; another one waits for its turn
  bool operator==(const PreviewSettings&) const = default;
};

// One repository of one project: all its services there share the fetch, the hook and the
// credentials. Secrets are encrypted at rest and never given out, but for the hook's, once.
struct Repository {
  RepositoryId id;  // also the hook's address
  ProjectId project_id;
  std::string url;
  Forge forge = Forge::plain;
  std::string api_url;  // empty: as the host says
  std::string secret;   // of the hook
  std::string username, token, ssh_key;
  bool submodules = false;
  int poll_seconds = 0;  // 0: pushes are told by the hook
  PreviewSettings previews = {};
  std::string trouble = {};  // why the last fetch failed: a sentence; empty: it did not
  std::optional<TimePoint> fetched_at = {};
  TimePoint created_at{};
};

// Of a service in an environment.
struct Connection {
  InstanceId instance_id;
  RepositoryId repository_id;
  std::string branch;
  bool wait_for_ci = false;  // a deployment waits for the checks of its commit
};

// What is to be fetched and deployed. Newer pushes of a branch take its place.
struct Push {
  RepositoryId repository_id;
  std::string branch;
  InstanceId instance_id = {};  // a person wants this one alone; empty: all that follow the branch
  std::string commit = {};      // as it was told; empty: whatever is there
  bool deleted = false;         // the branch
  int attempts = 0;
  TimePoint not_before{};
  std::int64_t version = 1;  // +1 with every newer push
};

enum class PullState { open, held, ignored, closed, removed };
std::string_view name(PullState);
std::optional<PullState> parse_pull_state(std::string_view);  // exact

struct Pull {
  RepositoryId repository_id;
  int number = 0;
  std::string title, author;
  bool bot = false, fork = false;
  std::string head_branch, head_commit, base_branch;
  PullState state = PullState::open;
  std::string reason = {};          // why it is held or ignored, or what went wrong: a sentence
  std::string allowed_commit = {};  // of a fork: what a person let in
  std::string done_commit = {};     // what its environment was last brought to
  EnvironmentId environment_id = {};
  std::string environment = {};       // its name, before it is made
  std::string base_environment = {};  // name of the one that it was copied from
  std::string comment = {};           // its id at the forge
  bool pending = true;                // something is to be done
  int attempts = 0;
  TimePoint not_before{};
  std::optional<TimePoint> expires_at = {};
  std::int64_t version = 1;  // +1 with every event
};

// How the reason of a deployment begins that was skipped for the checks of its commit.
inline constexpr std::string_view kChecksOf = "the checks of ";

// A deployment of a commit whose course is told to the forge.
struct GitDeployment {
  DeploymentId deployment_id;
  InstanceId instance_id;
  RepositoryId repository_id;
  std::string commit;
  int pull = 0;  // number; 0: none
  // Held for its checks until then; of one that was skipped for them: so long they may still turn
  // good.
  std::optional<TimePoint> wait_until = {};
  std::string reported = {};  // the status that was told last
  int attempts = 0;
  TimePoint not_before{};
};

class GitLedger {
 public:
  virtual ~GitLedger() = default;

  // Whether this daemon acts for the installation.
  virtual Result<bool> leads() = 0;

  // By id. Empty: of all projects.
  virtual Result<std::vector<Repository>> repositories(const ProjectId&) = 0;
  virtual Result<Repository> repository(const RepositoryId&) = 0;  // or not_found
  virtual Result<std::vector<Repository>> polled() = 0;  // those that are asked for pushes
  // A new one, or other settings of a known one. Another one with this URL in the project:
  // Code::conflict "repository_taken".
  virtual Result<> put_repository(const Repository&) = 0;
  virtual Result<> erase_repository(const RepositoryId&) = 0;  // with all below it
  virtual Result<> record_fetch(const RepositoryId&, std::string_view trouble, TimePoint) = 0;

  virtual Result<std::vector<Connection>> connections(const RepositoryId&) = 0;
  virtual Result<std::optional<Connection>> connection(const InstanceId&) = 0;
  virtual Result<> put_connection(const Connection&) = 0;
  virtual Result<> erase_connection(const InstanceId&) = 0;

  // What a hook tells with its delivery, in one transaction. Seen before: Code::conflict
  // "delivery_seen".
  virtual Result<> take_events(const RepositoryId&, std::string_view delivery,
                               const std::vector<HookEvent>&, TimePoint now) = 0;

  virtual Result<> put_push(const Push&) = 0;
  virtual Result<std::vector<Push>> due_pushes(TimePoint now) = 0;
  // Again later; of one that a newer push has replaced: nothing is written.
  virtual Result<> delay_push(const Push&) = 0;
  virtual Result<> finish_push(const Push&) = 0;  // the same

  // The commit that was seen last; empty: none.
  virtual Result<std::string> seen_commit(const RepositoryId&, std::string_view branch) = 0;
  virtual Result<> see_commit(const RepositoryId&, std::string_view branch,
                              std::string_view commit) = 0;

  virtual Result<std::vector<Pull>> pulls(const RepositoryId&) = 0;  // by number, newest first
  virtual Result<Pull> pull(const RepositoryId&, int number) = 0;    // or not_found
  virtual Result<std::vector<Pull>> due_pulls(TimePoint now) = 0;    // pending or expired
  // What was done for it, but for its comment. `pending` and `state` of one that an event has
  // changed since: stay.
  virtual Result<> record_pull(const Pull&) = 0;
  virtual Result<> record_comment(const RepositoryId&, int number, std::string_view comment) = 0;
  // A person lets a fork's commit in. Not held: Code::conflict "not_held".
  virtual Result<Pull> allow_pull(const RepositoryId&, int number) = 0;
  // Environments of pull requests that are there.
  virtual Result<int> previews(const RepositoryId&) = 0;
  // Those that are held for want of room are open again, the oldest first, as many as there is room
  // for.
  virtual Result<> admit_pulls(const RepositoryId&, TimePoint now) = 0;
  // Of an instance in a pull request's environment: the name of the environment that it was copied
  // from. Of another one: nothing.
  virtual Result<std::optional<std::string>> preview_base(const InstanceId&) = 0;

  virtual Result<> add_deployment(const GitDeployment&) = 0;
  virtual Result<std::vector<GitDeployment>> open_deployments(TimePoint now) = 0;
  virtual Result<std::vector<GitDeployment>> deployments_of(const RepositoryId&, int pull) = 0;
  virtual Result<> record_deployment(const GitDeployment&) = 0;
  virtual Result<> close_deployment(const DeploymentId&) = 0;  // nothing is told any more

  // How the checks of a commit stand, as far as hooks told: none, or the worst of them.
  virtual Result<std::optional<CheckState>> check_state(const RepositoryId&,
                                                        std::string_view commit) = 0;
};

}  // namespace gantry
