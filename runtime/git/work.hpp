// What is done for pushes, pull requests and deployments that came of them. Each verb is for one
// repository, may be broken off anywhere and done again. Blocking; one thread a repository.
#pragma once

#include <functional>
#include <mutex>
#include <stop_token>

#include "proto/git.hpp"
#include "runtime/git/fetch.hpp"
#include "runtime/git/forge_client.hpp"

namespace gantry {

// They outlive the work.
struct GitPorts {
  Store& store;
  GitLedger& ledger;
  GitRemote& remote;
  ForgeApi& forge;
  const Clock& clock;
};

struct GitWorkOptions {
  std::string base_domain = "localhost";
  int edge_port = 80;
  std::string url_scheme = "http";
  Seconds checks_wait{60 * 60};  // for the checks of a commit
  int attempts = 5;              // of what may pass
  std::function<void(const std::string&)> log = nullptr;
};

class GitWork {
 public:
  GitWork(const GitPorts& ports, GitWorkOptions options)
      : ports_(ports), options_(std::move(options)) {}

  // Fetches, deploys who follows the branch, and forgets the push; or leaves it for later.
  Result<> push(const Repository&, const Push&, const std::stop_token&);
  // The environment of a pull request as it should be.
  Result<> pull(const Repository&, Pull, const std::stop_token&);
  // Releases what waited for its checks, and tells the forge what has become of it.
  Result<> report(const Repository&, GitDeployment);
  // Heads that are not those seen last become pushes.
  Result<> poll(const Repository&);

  const GitPorts& ports() const { return ports_; }
  // An event of a project, for people.
  void tell(std::string_view type, const Repository&, const std::string& message,
            const InstanceId& = {});

 private:
  struct Wanted {
    InstanceId instance_id;
    Source source;
    std::string message;
    ResolvedVariables git = {};
    int pull = 0;
    std::string trigger = "push";
    bool waits = false;  // for the checks of its commit
  };
  // Nothing: it is there already.
  Result<> deploy(const Repository&, const Wanted&);
  Result<> deploy_once(const Repository&, const Wanted&, const ProjectPtr&, const InstanceView&);
  Result<> later(const Repository&, Push, const std::vector<Connection>&, const Error&);

  // Of a pull request.
  Result<> end_pull(const Repository&, Pull);
  Result<> refuse_pull(const Repository&, Pull, PullState, const std::string& reason);
  Result<> pull_later(const Repository&, Pull, const Error&);
  Result<EnvironmentId> environment_of(const Repository&, Pull&, const EnvironmentView& base);
  Result<> bring_up(const Repository&, Pull&, const EnvironmentView& base, const Fetched&);
  std::vector<InstanceId> touched(const Repository&, const EnvironmentView& base, const Pull&,
                                  const Fetched&);
  Result<> deploy_into(const Repository&, const Pull&, const InstanceId& base_instance,
                       const EnvironmentId& to, const Fetched&, const std::vector<InstanceId>& git);
  Result<> comment(const Repository&, const Pull&);
  std::string comment_text(const Repository&, const Pull&);

  Result<> decide(const Repository&, GitDeployment&, const Deployment&);
  Result<> reconsider(const Repository&, GitDeployment&, const Deployment&);
  Result<std::optional<CheckState>> checks_of(const Repository&, const std::string& commit);
  Result<> tell_forge(const Repository&, GitDeployment, const Deployment&);
  // `where`: of the status' context, without what it begins with.
  void tell_outcome(const Repository&, const std::string& commit, const std::string& where,
                    const CommitStatus& outcome);
  void tell_pull(const Repository&, const Pull&, const CommitStatus& outcome);
  std::string url_of(const InstanceId&) const;  // empty: it has none

  const GitPorts ports_;
  const GitWorkOptions options_;
  std::mutex commenting_;
};

// GIT_COMMIT_SHA, GIT_AUTHOR, GIT_BRANCH, GIT_REPO_NAME, GIT_REPO_OWNER, GIT_COMMIT_MESSAGE.
ResolvedVariables git_variables(const Repository&, const std::string& branch, const Fetched&);

// Whether changed files concern a service: its watch patterns, else its root directory, else all.
bool is_touched(const BuildSettings&, const std::vector<std::string>& changed);

// "production/web": what a commit's status is about. REQUIRES: the project has the instance
std::string status_place(const ProjectSnapshot&, const InstanceId&);

// A later run of the checks may still turn them good.
bool was_skipped_for_checks(const Deployment&);

GitCredential credential_of(const Repository&);

}  // namespace gantry
