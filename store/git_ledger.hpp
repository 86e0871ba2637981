// The ledger of repositories in PostgreSQL: git_repositories.cpp has who follows what, git_work.cpp
// what is to be done.
#pragma once

#include "proto/git.hpp"
#include "store/pg_store.hpp"

namespace gantry {

class PgGitLedger final : public GitLedger {
 public:
  explicit PgGitLedger(PgStore& store) : store_(store) {}

  Result<bool> leads() override;
  Result<std::vector<Repository>> repositories(const ProjectId&) override;
  Result<Repository> repository(const RepositoryId&) override;
  Result<std::vector<Repository>> polled() override;
  Result<> put_repository(const Repository&) override;
  Result<> erase_repository(const RepositoryId&) override;
  Result<> record_fetch(const RepositoryId&, std::string_view trouble, TimePoint) override;
  Result<std::vector<Connection>> connections(const RepositoryId&) override;
  Result<std::optional<Connection>> connection(const InstanceId&) override;
  Result<> put_connection(const Connection&) override;
  Result<> erase_connection(const InstanceId&) override;
  Result<> take_events(const RepositoryId&, std::string_view delivery,
                       const std::vector<HookEvent>&, TimePoint now) override;
  Result<> put_push(const Push&) override;
  Result<std::vector<Push>> due_pushes(TimePoint now) override;
  Result<> delay_push(const Push&) override;
  Result<> finish_push(const Push&) override;
  Result<std::string> seen_commit(const RepositoryId&, std::string_view branch) override;
  Result<> see_commit(const RepositoryId&, std::string_view branch,
                      std::string_view commit) override;
  Result<std::vector<Pull>> pulls(const RepositoryId&) override;
  Result<Pull> pull(const RepositoryId&, int number) override;
  Result<std::vector<Pull>> due_pulls(TimePoint now) override;
  Result<> record_pull(const Pull&) override;
  Result<> record_comment(const RepositoryId&, int number, std::string_view comment) override;
  Result<Pull> allow_pull(const RepositoryId&, int number) override;
  Result<int> previews(const RepositoryId&) override;
  Result<> admit_pulls(const RepositoryId&, TimePoint now) override;
  Result<std::optional<std::string>> preview_base(const InstanceId&) override;
  Result<> add_deployment(const GitDeployment&) override;
  Result<std::vector<GitDeployment>> open_deployments(TimePoint now) override;
  Result<std::vector<GitDeployment>> deployments_of(const RepositoryId&, int pull) override;
  Result<> record_deployment(const GitDeployment&) override;
  Result<> close_deployment(const DeploymentId&) override;
  Result<std::optional<CheckState>> check_state(const RepositoryId&,
                                                std::string_view commit) override;

 private:
  std::string seal(const Repository&) const;
  Result<Repository> repository_from(const pqxx::row&) const;

  PgStore& store_;
};

}  // namespace gantry
