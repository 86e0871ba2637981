// The API over a real store, without a server: requests as values, answers as values. Each test
// begins with the project "shop" of the OpenAPI examples and nothing else.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "api/http.hpp"
#include "proto/jobs.hpp"
#include "runtime/backup/runner.hpp"
#include "runtime/git/runner.hpp"
#include "tests/backup/fake_exec.hpp"
#include "tests/support/fake_logs.hpp"
#include "tests/support/fake_metrics.hpp"
#include "tests/support/openapi.hpp"
#include "tests/support/postgres.hpp"

namespace gantry::testing {

using Headers = std::vector<std::pair<std::string, std::string>>;

// What a test sends: a JSON body gets its Content-Type, a token is there unless `token` is empty.
struct Call {
  std::string method = "GET";
  std::string target;
  std::string body = {};
  Headers headers = {};
};

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override;

  api::Response send(const Call&);
  api::Response get(const std::string& target, const Headers& headers = {});
  api::Response post(const std::string& target, const Json& body, const Headers& headers = {});
  api::Response put(const std::string& target, const Json& body, const Headers& headers = {});
  api::Response patch(const std::string& target, const Json& body, const Headers& headers = {});
  api::Response del(const std::string& target, const Headers& headers = {});
  // An operation's example, about what is seeded.
  std::string target(const Operation&) const;
  Call call(const Operation&) const;

  // The secret of a new user's token, who has a role in a project, or in one environment of it.
  std::string user_token(const std::string& user, const std::string& role,
                         const std::string& project, const std::string& environment = {});
  // The secret of a new token of a project's environment.
  std::string project_token(const std::string& project, const std::string& environment);
  // What `send` gets with another token.
  api::Response as(std::string token, const Call&);

  // The project "shop": environment production; service api (image, a deployment, variable
  // LOG_LEVEL), environment former, which is deleted; service idle without an instance there; the
  // shared variable LOG_LEVEL; the archive kArchive; the volume "data", and "old", which is
  // deleted, each with the file /hello.txt; the project token "ci"; the users alice, an editor, and
  // bert, a viewer in the environment elsewhere; an invitation. Anything else is deleted, but the
  // first token.
  void seed();
  // On top of it, so that every operation's example can be carried out: an earlier deployment that
  // served, a canary on its way, a second service with a deployment that needs an approval, and a
  // domain; a backup, its schedule, a restore and a destination.
  void seed_rollout();
  void seed_backups();
  // The service follows "main" of kRepository, whose hook has kHookSecret; its pull request 7 is of
  // a fork and waits.
  void seed_repository();
  void seed_runs();                                                    // one that is queued
  void upload(const std::string& digest, const std::string& archive);  // to "shop"
  // Where a volume's files lie.
  std::string folder_of(const VolumeId&) const;
  void deploy_status(DeploymentStatus);  // of the seeded deployment

  Store& store();
  static pqxx::result sql(const std::string& statement);  // in the store's database
  api::Context& context() { return *context_; }
  FakeLogs& logs() { return logs_; }
  FakeLogs& build_logs() { return build_logs_; }
  GitLedger& git_ledger() { return *git_ledger_; }
  FakeLogs& run_logs() { return run_logs_; }
  JobLedger& jobs() { return *jobs_; }
  FakeMetrics& metrics() { return metrics_; }
  std::string token_;
  std::string deployment_id_;
  std::string token_id_;   // of the seeded token
  std::string volume_id_;  // of the seeded volume that is deleted
  std::string held_id_;    // of the deployment that needs an approval
  std::string invitation_id_, invitation_secret_;
  InstanceId instance_id_;

  static inline const std::string kInstance =
      "/v1/projects/shop/environments/production/services/api";
  static inline const std::string kVolumes = "/v1/projects/shop/environments/production/volumes";
  static inline const std::string kRepository = "https://git.example.com/team/app.git";
  static inline const std::string kRepositoryId = "repo_01jd8yq5x8c5v0m6r7k2n4t9wz";
  static inline const std::string kHookSecret = "whsec_aHVzaCBodXNo";
  static inline const std::string kArchive = "an archive";
  static inline const std::string kArchiveDigest =
      "sha256:9e691d5adacf0e102f203100842ffaba4e2a7dfe3dbd536827d3c0db8c7e88f1";

 private:
  FakeLogs logs_, build_logs_, run_logs_;
  FakeMetrics metrics_;
  void seed_volumes();
  void seed_people();
  void seed_held();
  TemporaryDirectory folder_, volumes_folder_;
  std::unique_ptr<VolumeFiles> volume_files_;
  std::unique_ptr<Sources> sources_;
  FakeExec exec_;
  std::unique_ptr<Workbench> workbench_ = make_workbench(exec_, one_off_container);
  std::unique_ptr<BackupLedger> ledger_;
  std::unique_ptr<JobLedger> jobs_;
  std::unique_ptr<People> people_;
  std::unique_ptr<Audit> audit_;
  std::unique_ptr<BackupRunner> backups_;  // carries nothing out: it is not started
  std::unique_ptr<GitLedger> git_ledger_;
  std::unique_ptr<GitRemote> git_remote_;  // knows kRepository alone
  std::unique_ptr<ForgeApi> forge_;
  std::unique_ptr<GitRunner> git_;  // carries nothing out either
  std::unique_ptr<api::Context> context_;
};

std::string header(const api::Response&, const std::string& name);  // empty when absent
Json json(const api::Response&);
std::string code(const api::Response&);                   // of a problem
std::vector<std::string> pointers(const api::Response&);  // of a problem's errors

}  // namespace gantry::testing
