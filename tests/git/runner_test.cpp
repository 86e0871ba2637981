// The runner over a real store, with a server and a forge that are not.
#include "runtime/git/runner.hpp"

#include <gtest/gtest.h>

#include "store/open_git.hpp"
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

class SetClock final : public Clock {
 public:
  TimePoint now() const override { return now_.load(); }
  void pass(Duration span) { now_ = now_.load() + span; }

 private:
  std::atomic<TimePoint> now_{*parse_time("2026-11-29T12:00:00Z")};
};

class FakeRemote final : public GitRemote {
 public:
  Result<Fetched> fetch(const FetchOrder& order) override {
    refs.push_back(order.ref);
    if (error) return *error;
    Fetched fetched;
    fetched.commit = commit;
    fetched.archive = "sha256:" + std::string(24, '0') + commit;
    fetched.author = "Ada";
    fetched.message = "first line\nmore";
    fetched.changed = changed;
    return fetched;
  }
  Result<GitHeads> heads(const std::string&, const GitCredential&) override {
    return GitHeads{"main", branches};
  }

  std::vector<std::string> refs;
  std::optional<Error> error;
  std::string commit = std::string(40, 'a');
  std::optional<std::vector<std::string>> changed;
  std::map<std::string, std::string> branches;
};

class FakeForge final : public ForgeApi {
 public:
  Result<std::string> send(const Repository&, const ForgeRequest& request) override {
    sent.push_back(request);
    if (request.method == "GET") return checks;
    return std::string(R"({"id":5})");
  }
  int count(const std::string& method, const std::string& part) const {
    int found = 0;
    for (const auto& each : sent)
      found += each.method == method && each.path.find(part) != std::string::npos ? 1 : 0;
    return found;
  }
  std::vector<ForgeRequest> sent;
  std::string checks = R"({"check_suites":[]})";
};

class GitRunnerTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store_ = open();
    ledger_ = open_git_ledger(*store_);
    world_ = make_world(*store_);
    repository_.id = RepositoryId::make(clock_.now());
    repository_.project_id = world_.project.id;
    repository_.url = "https://git.example.com/team/app.git";
    repository_.forge = Forge::github;
    repository_.secret = "secret";
    repository_.created_at = clock_.now();
    put();
    ASSERT_TRUE(ledger_->put_connection(
        {.instance_id = world_.instance.id, .repository_id = repository_.id, .branch = "main"}));
    runner_ = std::make_unique<GitRunner>(GitPorts{*store_, *ledger_, remote_, forge_, clock_},
                                          GitRunnerOptions{});
  }
  void put() { ASSERT_TRUE(ledger_->put_repository(repository_)); }

  void told(const HookEvent& event) {
    ASSERT_TRUE(
        ledger_->take_events(repository_.id, std::to_string(++deliveries_), {event}, clock_.now()));
  }
  void pushed(const std::string& branch = "main") {
    told(PushEvent{
        .branch = branch, .commit = remote_.commit, .previous = {}, .author = {}, .message = {}});
  }
  PullEvent pull(PullEvent::Action action = PullEvent::Action::opened) const {
    return {.action = action,
            .number = 7,
            .title = "a change",
            .author = "ada",
            .head_branch = "f",
            .head_commit = remote_.commit,
            .base_branch = "main"};
  }
  // Everything that is due, on this thread.
  void work() {
    GitWork work({*store_, *ledger_, remote_, forge_, clock_}, {});
    for (const Push& push : *ledger_->due_pushes(clock_.now()))
      ASSERT_TRUE(work.push(repository_, push, {}));
    for (const Pull& one : *ledger_->due_pulls(clock_.now())) {
      const auto done_it = work.pull(repository_, one, {});
      ASSERT_TRUE(done_it) << done_it.error().detail;
    }
    for (const GitDeployment& one : *ledger_->open_deployments(clock_.now())) {
      const auto done_it = work.report(repository_, one);
      ASSERT_TRUE(done_it) << done_it.error().detail;
    }
  }
  std::vector<std::shared_ptr<const Deployment>> deployments(const InstanceId& id) const {
    return store_->project_of(id)->instances.at(id)->deployments;
  }
  std::vector<std::string> events(const std::string& type) const {
    std::vector<std::string> found;
    for (const Event& each : *store_->events({.project_id = world_.project.id,
                             .service_id = {},
                             .environment_id = {},
                             .deployment_id = {},
                             .within_environment_id = {}},
                                             "", 500))
      if (each.type == type) found.push_back(each.message);
    return found;
  }
  const EnvironmentView* preview() const { return store_->project("shop")->environment("pr-7"); }
  Pull row() const { return *ledger_->pull(repository_.id, 7); }

  std::unique_ptr<Store> store_;
  std::unique_ptr<GitLedger> ledger_;
  World world_;
  Repository repository_;
  SetClock clock_;
  FakeRemote remote_;
  FakeForge forge_;
  std::unique_ptr<GitRunner> runner_;
  int deliveries_ = 0;
};

TEST_F(GitRunnerTest, APushBecomesADeploymentOfItsCommit) {
  pushed();
  work();
  const auto made = deployments(world_.instance.id);
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0]->settings.source.commit, remote_.commit);
  EXPECT_EQ(made[0]->settings.source.branch, "main");
  EXPECT_EQ(made[0]->trigger, "push");
  EXPECT_EQ(made[0]->message, "first line");
  EXPECT_EQ(made[0]->variables.at("RAILWAY_GIT_COMMIT_SHA"), remote_.commit);
  EXPECT_EQ(made[0]->variables.at("GANTRY_GIT_REPO_OWNER"), "team");
  EXPECT_TRUE(ledger_->due_pushes(clock_.now())->empty());
  EXPECT_EQ(*ledger_->seen_commit(repository_.id, "main"), remote_.commit);
}

TEST_F(GitRunnerTest, WhoeverGoesOnAfterACrashDeploysNothingTwice) {
  pushed();
  const auto push = ledger_->due_pushes(clock_.now())->at(0);
  work();
  ASSERT_TRUE(ledger_->put_push(push));  // as if it had not been finished
  work();
  EXPECT_EQ(deployments(world_.instance.id).size(), 1u);
}

TEST_F(GitRunnerTest, ManyPushesAreOneRow) {
  for (int i = 0; i < 200; ++i) pushed();
  work();
  EXPECT_EQ(remote_.refs.size(), 1u);
}

TEST_F(GitRunnerTest, APushDuringTheFetchIsNotLost) {
  pushed();
  const auto push = ledger_->due_pushes(clock_.now())->at(0);
  pushed();  // meanwhile
  ASSERT_TRUE(ledger_->finish_push(push));
  EXPECT_EQ(ledger_->due_pushes(clock_.now())->size(), 1u);
}

TEST_F(GitRunnerTest, OtherBranchesAndDeletedOnesDeployNothing) {
  pushed("other");
  told(PushEvent{.branch = "main", .commit = {}, .previous = {}, .author = {}, .message = {}});
  work();
  EXPECT_TRUE(remote_.refs.empty());
  EXPECT_EQ(events("git.branch_deleted").size(), 1u);
  EXPECT_NE(ledger_->repository(repository_.id)->trouble, "");
}

TEST_F(GitRunnerTest, WhatMayPassIsTriedAgainAndThenGivenUp) {
  remote_.error = Error{Code::unavailable, "git_timeout", "no answer"};
  pushed();
  for (int i = 0; i < 10; ++i) {
    work();
    clock_.pass(Seconds(600));
  }
  EXPECT_EQ(remote_.refs.size(), 5u);
  EXPECT_EQ(events("git.failed"), std::vector<std::string>{"no answer"});
  remote_.error = Error{Code::invalid, "auth_refused", "refused"};
  pushed();
  work();
  EXPECT_EQ(remote_.refs.size(), 6u) << "once: it does not pass";
  EXPECT_EQ(ledger_->repository(repository_.id)->trouble, "refused");
}

TEST_F(GitRunnerTest, ChecksReleaseOrSkip) {
  ASSERT_TRUE(ledger_->put_connection({.instance_id = world_.instance.id,
                                       .repository_id = repository_.id,
                                       .branch = "main",
                                       .wait_for_ci = true}));
  pushed();
  work();
  const auto status = [&] { return deployments(world_.instance.id).at(0)->status; };
  EXPECT_EQ(status(), DeploymentStatus::waiting);
  told(CheckEvent{remote_.commit, "ci", CheckState::pending, ""});
  work();
  EXPECT_EQ(status(), DeploymentStatus::waiting);
  told(CheckEvent{remote_.commit, "ci", CheckState::success, ""});
  work();
  EXPECT_EQ(status(), DeploymentStatus::queued);
  remote_.commit = std::string(40, 'b');
  pushed();
  work();
  told(CheckEvent{remote_.commit, "ci", CheckState::failure, ""});
  work();
  EXPECT_EQ(store_->deployments(world_.instance.id, {})->items.at(0).status,
            DeploymentStatus::skipped);
  remote_.commit = std::string(40, 'c');
  pushed();
  work();
  clock_.pass(Seconds(3601));
  work();
  const auto last = store_->deployments(world_.instance.id, {})->items.at(0);
  EXPECT_EQ(last.status, DeploymentStatus::skipped);
  EXPECT_NE(last.reason.find("in time"), std::string::npos);
}

TEST_F(GitRunnerTest, ChecksThatTurnGoodAfterAllDeploy) {
  ASSERT_TRUE(ledger_->put_connection({.instance_id = world_.instance.id,
                                       .repository_id = repository_.id,
                                       .branch = "main",
                                       .wait_for_ci = true}));
  const auto newest = [&] { return *deployments(world_.instance.id).at(0); };
  const auto check = [&](const std::string& commit, CheckState state) {
    told(CheckEvent{commit, "ci", state, ""});
    work();  // what is decided
    work();  // what comes of it
    work();
  };
  pushed();
  work();
  check(remote_.commit, CheckState::failure);
  EXPECT_EQ(newest().status, DeploymentStatus::skipped);
  const DeploymentId skipped = newest().id;
  check(remote_.commit, CheckState::pending);  // it runs again
  EXPECT_EQ(newest().id, skipped);
  check(remote_.commit, CheckState::success);
  EXPECT_NE(newest().id, skipped);
  EXPECT_EQ(newest().status, DeploymentStatus::queued);
  EXPECT_EQ(newest().settings.source.commit, remote_.commit);
  const DeploymentId released = newest().id;
  check(remote_.commit, CheckState::success);  // told once more
  EXPECT_EQ(newest().id, released);

  const std::string old = remote_.commit = std::string(40, 'b');
  pushed();
  work();
  check(old, CheckState::failure);
  remote_.commit = std::string(40, 'c');
  pushed();
  work();
  check(old, CheckState::success);
  EXPECT_EQ(newest().settings.source.commit, remote_.commit);
  EXPECT_EQ(newest().status, DeploymentStatus::waiting) << "a newer commit is there";
  check(remote_.commit, CheckState::failure);
  const std::size_t fetches = remote_.refs.size();
  clock_.pass(Seconds(8 * 86400));
  check(remote_.commit, CheckState::success);
  EXPECT_EQ(newest().status, DeploymentStatus::skipped) << "after a week nobody waits for it";
  EXPECT_EQ(remote_.refs.size(), fetches);
}

TEST_F(GitRunnerTest, ChecksAreAskedForAgainWhereNoHookTells) {
  ASSERT_TRUE(ledger_->put_connection({.instance_id = world_.instance.id,
                                       .repository_id = repository_.id,
                                       .branch = "main",
                                       .wait_for_ci = true}));
  repository_.token = "t";
  repository_.poll_seconds = 60;
  put();
  forge_.checks = R"({"check_suites":[{"status":"completed","conclusion":"failure"}]})";
  pushed();
  for (int i = 0; i < 3; ++i) work();
  EXPECT_EQ(deployments(world_.instance.id).at(0)->status, DeploymentStatus::skipped);
  forge_.checks = R"({"check_suites":[{"status":"completed","conclusion":"success"}]})";
  work();
  EXPECT_EQ(deployments(world_.instance.id).at(0)->status, DeploymentStatus::skipped);
  clock_.pass(Seconds(301));
  for (int i = 0; i < 3; ++i) work();
  EXPECT_EQ(deployments(world_.instance.id).at(0)->status, DeploymentStatus::queued);
}

TEST_F(GitRunnerTest, ACommitThatCannotBeFetchedIsToldToItsForge) {
  repository_.token = "t";
  put();
  remote_.error = Error{Code::unavailable, "git_timeout", "no answer"};
  pushed();
  work();
  EXPECT_EQ(forge_.sent.size(), 0u) << "it may pass";
  remote_.error = Error{Code::invalid, "lfs_pointers", "kept in Git LFS"};
  pushed();
  work();
  ASSERT_EQ(forge_.count("POST", "/statuses/" + remote_.commit), 1);
  EXPECT_NE(forge_.sent.at(0).body.find("gantry/production/web"), std::string::npos)
      << forge_.sent.at(0).body;
  EXPECT_NE(forge_.sent.at(0).body.find("\"failure\""), std::string::npos);
  EXPECT_NE(forge_.sent.at(0).body.find("kept in Git LFS"), std::string::npos);
  forge_.sent.clear();
  repository_.previews.enabled = true;
  put();
  told(pull());
  work();
  ASSERT_EQ(forge_.count("POST", "/statuses/" + remote_.commit), 1);
  EXPECT_NE(forge_.sent.at(0).body.find("gantry/pr-7"), std::string::npos);
  remote_.error.reset();
  told(pull());
  work();
  EXPECT_NE(forge_.sent.at(1).body.find("gantry/pr-7"), std::string::npos);
  EXPECT_NE(forge_.sent.at(1).body.find("\"success\""), std::string::npos);
}

TEST_F(GitRunnerTest, PreviewsHaveTheirMost) {
  repository_.previews = {.enabled = true, .most = 1};
  put();
  told(pull());
  work();
  ASSERT_NE(preview(), nullptr);
  const auto other = [&](int number) { return *ledger_->pull(repository_.id, number); };
  for (const int number : {8, 9}) {
    PullEvent next = pull();
    next.number = number;
    told(next);
  }
  const std::size_t fetches = remote_.refs.size();
  work();
  EXPECT_EQ(remote_.refs.size(), fetches) << "not even fetched";
  EXPECT_EQ(other(8).state, PullState::held);
  EXPECT_NE(other(8).reason.find("may have 1"), std::string::npos) << other(8).reason;
  ASSERT_TRUE(ledger_->admit_pulls(repository_.id, clock_.now()));
  EXPECT_EQ(other(8).state, PullState::held) << "there is no room yet";
  told(pull(PullEvent::Action::updated));
  work();
  EXPECT_EQ(row().state, PullState::open) << "its own counts once";
  told(pull(PullEvent::Action::closed));
  work();
  ASSERT_TRUE(ledger_->admit_pulls(repository_.id, clock_.now()));
  EXPECT_EQ(other(9).state, PullState::held) << "one at a time, the oldest first";
  work();
  EXPECT_NE(store_->project("shop")->environment("pr-8"), nullptr);
  EXPECT_EQ(store_->project("shop")->environment("pr-9"), nullptr);
  repository_.previews.most = 2;
  put();
  ASSERT_TRUE(ledger_->admit_pulls(repository_.id, clock_.now()));
  work();
  EXPECT_NE(store_->project("shop")->environment("pr-9"), nullptr);
}

TEST_F(GitRunnerTest, AForkIsNotAdmittedByRoomAlone) {
  repository_.previews.enabled = true;
  put();
  PullEvent fork = pull();
  fork.fork = true;
  told(fork);
  work();
  ASSERT_TRUE(ledger_->admit_pulls(repository_.id, clock_.now()));
  EXPECT_EQ(row().state, PullState::held);
}

TEST_F(GitRunnerTest, AnEnvironmentKnowsWhatItWasCopiedFrom) {
  repository_.previews.enabled = true;
  put();
  told(pull());
  work();
  const auto* copy =
      store_->project("shop")->instance(world_.service.id, preview()->environment.id);
  EXPECT_EQ(*ledger_->preview_base(copy->instance.id), "production");
  EXPECT_EQ(*ledger_->preview_base(world_.instance.id), std::nullopt);
}

TEST_F(GitRunnerTest, APullRequestGetsItsEnvironmentAndLosesIt) {
  repository_.previews.enabled = true;
  repository_.token = "t";
  put();
  told(pull());
  work();
  ASSERT_NE(preview(), nullptr);
  EXPECT_EQ(remote_.refs.at(0), "refs/pull/7/head");
  const auto* copy =
      store_->project("shop")->instance(world_.service.id, preview()->environment.id);
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->deployments.at(0)->settings.source.commit, remote_.commit);
  EXPECT_TRUE(deployments(world_.instance.id).empty()) << "production is left alone";
  EXPECT_EQ(forge_.count("POST", "/issues/7/comments"), 1);
  told(pull());  // once more
  work();
  EXPECT_EQ(store_->project("shop")
                ->instance(world_.service.id, preview()->environment.id)
                ->deployments.size(),
            1u);
  EXPECT_EQ(forge_.count("POST", "/issues/7/comments"), 1) << "one comment, changed in place";
  told(pull(PullEvent::Action::closed));
  work();
  EXPECT_EQ(preview(), nullptr);
  EXPECT_EQ(row().state, PullState::removed);
}

TEST_F(GitRunnerTest, AnEnvironmentThatWasMadeBeforeACrashIsTakenOver) {
  repository_.previews.enabled = true;
  put();
  told(pull());
  Pull half = row();
  half.environment = "pr-7";
  ASSERT_TRUE(ledger_->record_pull(half));
  auto transaction = store_->begin({});
  const auto made = (*transaction)->create_environment(world_.project.id, name_of("pr-7"));
  ASSERT_TRUE(made);
  ASSERT_TRUE((*transaction)->copy_environment(world_.environment, made->id));
  ASSERT_TRUE((*transaction)->commit());
  work();
  EXPECT_EQ(row().environment_id, made->id);
}

TEST_F(GitRunnerTest, SomebodyElsesEnvironmentIsLeftAlone) {
  repository_.previews.enabled = true;
  put();
  auto transaction = store_->begin({});
  const auto made = (*transaction)->create_environment(world_.project.id, name_of("pr-7"));
  ASSERT_TRUE((*transaction)->commit());
  told(pull());
  work();
  EXPECT_EQ(row().environment, "pr-7-app");
  told(pull(PullEvent::Action::closed));
  work();
  ASSERT_NE(preview(), nullptr);
  EXPECT_EQ(preview()->environment.id, made->id);
}

TEST_F(GitRunnerTest, OneThatTouchesNothingGetsNone) {
  repository_.previews.enabled = true;
  put();
  auto transaction = store_->begin({});
  Settings settings = world_.instance.settings;
  settings.build.root_directory = "api";
  ASSERT_TRUE((*transaction)->update_settings(world_.instance.id, settings, {}));
  ASSERT_TRUE((*transaction)->commit());
  remote_.changed = std::vector<std::string>{"README.md"};
  told(pull());
  work();
  EXPECT_EQ(preview(), nullptr);
  remote_.changed = std::vector<std::string>{"api/main.go"};
  told(pull(PullEvent::Action::updated));
  work();
  EXPECT_NE(preview(), nullptr);
}

TEST_F(GitRunnerTest, ForksWaitAndBotsGetNone) {
  repository_.previews.enabled = true;
  put();
  PullEvent fork = pull();
  fork.fork = true;
  told(fork);
  work();
  EXPECT_EQ(row().state, PullState::held);
  EXPECT_EQ(preview(), nullptr);
  EXPECT_TRUE(remote_.refs.empty()) << "not even fetched";
  ASSERT_TRUE(ledger_->allow_pull(repository_.id, 7));
  work();
  EXPECT_NE(preview(), nullptr);
  remote_.commit = fork.head_commit = std::string(40, 'e');
  fork.action = PullEvent::Action::updated;
  told(fork);
  work();
  EXPECT_EQ(row().state, PullState::held) << "what they saw is what they allowed";
  PullEvent bot = pull();
  bot.number = 8;
  bot.bot = true;
  told(bot);
  work();
  EXPECT_EQ(ledger_->pull(repository_.id, 8)->state, PullState::ignored);
}

TEST_F(GitRunnerTest, AForgottenOneExpires) {
  repository_.previews.enabled = true;
  repository_.previews.expiry_days = 2;
  put();
  told(pull());
  work();
  ASSERT_NE(preview(), nullptr);
  clock_.pass(Seconds(2 * 86400 + 1));
  work();
  EXPECT_EQ(preview(), nullptr);
  EXPECT_EQ(row().state, PullState::removed);
}

TEST_F(GitRunnerTest, PollingFindsWhatIsNewAndWhatIsGone) {
  GitWork work({*store_, *ledger_, remote_, forge_, clock_}, {});
  remote_.branches = {{"main", remote_.commit}};
  ASSERT_TRUE(work.poll(repository_));
  EXPECT_EQ(ledger_->due_pushes(clock_.now())->size(), 1u);
  ASSERT_TRUE(ledger_->finish_push(ledger_->due_pushes(clock_.now())->at(0)));
  ASSERT_TRUE(work.poll(repository_));
  EXPECT_TRUE(ledger_->due_pushes(clock_.now())->empty()) << "nothing new";
  remote_.branches.clear();
  ASSERT_TRUE(work.poll(repository_));
  EXPECT_TRUE(ledger_->due_pushes(clock_.now())->at(0).deleted);
}

TEST_F(GitRunnerTest, DeliveriesAreKnownAndBounded) {
  pushed();
  const auto again = ledger_->take_events(repository_.id, "1", {OtherEvent{}}, clock_.now());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, "delivery_seen");
  clock_.pass(Seconds(31 * 86400));
  ASSERT_TRUE(ledger_->take_events(repository_.id, "2", {OtherEvent{}}, clock_.now()));
  EXPECT_EQ(sql("select 1 from git_deliveries").size(), 1u);
}

TEST_F(GitRunnerTest, WithoutTheLeaseNothingIsDone) {
  pushed();
  ASSERT_TRUE(store_->release_lease("tests"));
  sql("delete from lease");
  ASSERT_TRUE(runner_->look());
  EXPECT_EQ(runner_->pending(), 0);
}

TEST_F(GitRunnerTest, TheRunnerDoesWhatIsDue) {
  runner_->start();
  pushed();
  runner_->nudge();
  for (int i = 0; i < 100 && deployments(world_.instance.id).empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(deployments(world_.instance.id).size(), 1u);
  runner_->stop();
}

TEST_F(GitRunnerTest, CredentialsAreSealed) {
  repository_.token = "plain-token";
  repository_.ssh_key = "PRIVATE KEY";
  put();
  EXPECT_EQ(ledger_->repository(repository_.id)->token, "plain-token");
  EXPECT_EQ(sql("select 1 from git_repositories where position('plain-token'::bytea in secrets) > "
                "0 or position('PRIVATE'::bytea in secrets) > 0")
                .size(),
            0u);
}

}  // namespace
}  // namespace gantry
