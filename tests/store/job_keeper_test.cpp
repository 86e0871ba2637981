// The keeper on a real ledger and runs in memory.
#include "scheduler/job_keeper.hpp"

#include <gtest/gtest.h>

#include "runtime/sim/jobs.hpp"
#include "store/open_jobs.hpp"
#include "tests/support/fake_logs.hpp"
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

using namespace std::chrono_literals;

class AheadClock final : public Clock {
 public:
  TimePoint now() const override { return base + ahead; }
  TimePoint base = system_clock().now();
  Duration ahead{};
};

class StoreJobKeeper : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store_ = open();
    world_ = make_world(*store_);
    ledger_ = open_job_ledger(*store_);
    engine_.add_image("nginx");
    keeper_ = make();
  }
  void TearDown() override { keeper_.reset(); }
  std::unique_ptr<JobKeeper> make() {
    const JobPorts ports{.store = *store_,
                         .ledger = *ledger_,
                         .engine = engine_,
                         .logs = logs_,
                         .clock = clock_,
                         .pull = {}};
    JobKeeperOptions options;
    options.desired.installation = store_->installation();
    options.policy.at_once = at_once_;
    options.log = [this](const std::string& line) { log_ += line + "\n"; };
    return std::make_unique<JobKeeper>(ports, std::move(options));
  }
  // A version that serves.
  void deploy(CronSettings cron, ResolvedVariables variables = {}) {
    Settings settings;
    settings.deploy.cron = std::move(cron);
    settings.deploy.start_command = {"/work"};
    const auto made = write(*store_, [&](Transaction& t) {
      return t.create_deployment(
          {.instance_id = world_.instance.id,
           .id = DeploymentId::make(system_clock().now()),
           .settings = settings,
           .variables = std::move(variables),
           .trigger = "deploy",
           .progress = {.prepared = true, .image = "nginx", .pre_deployed = true}});
    });
    ASSERT_TRUE(made.ok());
    deployment_ = made->id;
    ASSERT_TRUE(
        store_->record_status({made->id, world_.instance.id, DeploymentStatus::success, ""}).ok());
    clock_.base = system_clock().now();
  }
  JobRun ask(std::vector<std::string> command, ResolvedVariables variables = {}) {
    JobRun run;
    run.created_at = clock_.now();
    run.id = RunId::make(run.created_at);
    run.instance_id = world_.instance.id;
    run.deployment_id = deployment_;
    run.command = std::move(command);
    run.variables = std::move(variables);
    EXPECT_TRUE(add(run).ok());
    return run;
  }
  Result<> add(const JobRun& run) {
    return write(*store_,
                 [&](Transaction& t) { return dynamic_cast<JobVerbs&>(t).add_run(run, {}); });
  }
  Result<JobRun> cancel(const JobRun& run, std::string_view reason) {
    return write(*store_, [&](Transaction& t) {
      return dynamic_cast<JobVerbs&>(t).cancel_run(run.id, reason, clock_.now());
    });
  }
  void look(int times = 1) {
    for (int i = 0; i < times; ++i) {
      const auto looked = keeper_->look();
      ASSERT_TRUE(looked.ok()) << looked.error().detail;
      while (!keeper_->idle()) std::this_thread::yield();
    }
  }
  std::vector<JobRun> runs() { return ledger_->runs(world_.instance.id, {})->items; }
  std::string status_of(const RunId& id) {
    const auto run = ledger_->run(id);
    return std::string(name(run->status)) + (run->reason.empty() ? "" : ": " + run->reason);
  }

  AheadClock clock_;
  SimJobs engine_{clock_};
  testing::FakeLogs logs_;
  std::unique_ptr<Store> store_;
  World world_;
  std::unique_ptr<JobLedger> ledger_;
  std::unique_ptr<JobKeeper> keeper_;
  DeploymentId deployment_;
  std::string log_;
  int at_once_ = 32;
};

TEST_F(StoreJobKeeper, ATickRunsTheStartCommandOnce) {
  deploy({.schedule = "* * * * *"}, {{"A", "1"}});
  look();
  EXPECT_TRUE(runs().empty());
  clock_.ahead = 60s;
  look(4);
  ASSERT_EQ(runs().size(), 1u) << log_;
  const JobRun run = runs()[0];
  EXPECT_EQ(status_of(run.id), "succeeded");
  EXPECT_EQ(run.trigger, RunTrigger::cron);
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_TRUE(run.started_at && run.finished_at);
  ASSERT_EQ(engine_.specs().size(), 1u);
  EXPECT_EQ(engine_.specs()[0].command, std::vector<std::string>{"/work"});
  EXPECT_EQ(engine_.specs()[0].variables.at("A"), "1");
  EXPECT_EQ(engine_.specs()[0].variables.at("GANTRY_RUN_TICK"), format_time(*run.tick));
  EXPECT_TRUE(engine_.list()->empty()) << "its container is gone";
  keeper_ = make();  // another daemon
  look(3);
  EXPECT_EQ(runs().size(), 1u);
  bool told = false;
  const auto events = store_->events({}, "", 200);
  for (const Event& event : *events)
    told = told || (event.type == "run.succeeded" && event.message == run.id.str());
  EXPECT_TRUE(told);
}

TEST_F(StoreJobKeeper, ATickIsOneRowWhoeverAddsIt) {
  deploy({.schedule = "* * * * *"});
  JobRun run;
  run.instance_id = world_.instance.id;
  run.deployment_id = deployment_;
  run.trigger = RunTrigger::cron;
  run.tick = *parse_time("2026-03-01T10:00:00Z");
  run.created_at = clock_.now();
  run.id = RunId::make(clock_.now());
  EXPECT_TRUE(*ledger_->add_tick(run));
  run.id = RunId::make(clock_.now());
  EXPECT_FALSE(*ledger_->add_tick(run));
  sql("update lease set term = term + 1");
  run.tick = *parse_time("2026-03-01T10:01:00Z");
  const auto late = ledger_->add_tick(run);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, "lease_lost");
}

TEST_F(StoreJobKeeper, AJobHasItsOwnWordsAndVariables) {
  deploy({}, {{"A", "1"}, {"B", "1"}});
  const JobRun run = ask({"seed", "a b", ""}, {{"B", "it's \"2\""}, {"RUN_EXIT", "7"}});
  look(3);
  EXPECT_EQ(status_of(run.id), "failed: exited with code 7");
  EXPECT_EQ(ledger_->run(run.id)->exit_code, 7);
  EXPECT_EQ(ledger_->run(run.id)->command, run.command);
  ASSERT_EQ(engine_.specs().size(), 1u);
  EXPECT_EQ(engine_.specs()[0].command, run.command);
  EXPECT_EQ(engine_.specs()[0].variables.at("A"), "1");
  EXPECT_EQ(engine_.specs()[0].variables.at("B"), "it's \"2\"");
  EXPECT_TRUE(sql("select variables from job_runs")[0][0].is_null()) << "and keeps no secrets";
}

TEST_F(StoreJobKeeper, AnotherDaemonFindsARunAgain) {
  deploy({});
  const JobRun run = ask({"long"}, {{"RUN_SECONDS", "30"}});
  look(2);
  EXPECT_EQ(status_of(run.id), "running");
  keeper_ = make();
  look();
  EXPECT_EQ(engine_.begun(run.id), 1);
  clock_.ahead += 31s;
  look(2);
  EXPECT_EQ(status_of(run.id), "succeeded");
  EXPECT_EQ(engine_.begun(run.id), 1);
}

TEST_F(StoreJobKeeper, ALostAnswerBeginsNothingTwice) {
  deploy({});
  engine_.lose_replies(1);
  const JobRun run = ask({"long"}, {{"RUN_SECONDS", "30"}});
  look(3);
  EXPECT_EQ(engine_.begun(run.id), 1);
  EXPECT_TRUE(ledger_->run(run.id)->started_at);
}

TEST_F(StoreJobKeeper, IsEndedWhenSomebodyAsksOrItsTimeIsOver) {
  deploy({});
  const JobRun cancelled = ask({"long"}, {{"RUN_SECONDS", "600"}});
  look(2);
  ASSERT_TRUE(cancel(cancelled, "cancelled by request").ok());
  look(3);
  EXPECT_EQ(status_of(cancelled.id), "cancelled: cancelled by request");
  const auto again = cancel(cancelled, "again");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, "run_over");

  deploy({.schedule = "* * * * *", .limit_seconds = 20}, {{"RUN_SECONDS", "600"}});
  clock_.ahead += 60s;
  look(2);
  clock_.ahead += 21s;
  look(4);
  bool timed_out = false;
  for (const JobRun& run : runs()) timed_out = timed_out || run.status == RunStatus::timed_out;
  EXPECT_TRUE(timed_out) << log_;
}

TEST_F(StoreJobKeeper, WaitsForAPlaceAndSaysSo) {
  deploy({});
  at_once_ = 1;
  keeper_ = make();
  const JobRun first = ask({"long"}, {{"RUN_SECONDS", "30"}});
  const JobRun second = ask({"short"});
  look(3);
  EXPECT_EQ(status_of(first.id), "running");
  EXPECT_EQ(
      status_of(second.id),
      "queued: waits for a place: at most 1 runs at once in this installation (jobs.at_once)");
  EXPECT_EQ(engine_.begun(second.id), 0);
  clock_.ahead += 31s;
  look(4);
  EXPECT_EQ(status_of(first.id), "succeeded");
  EXPECT_EQ(status_of(second.id), "succeeded");
}

TEST_F(StoreJobKeeper, AskingAndCancellingAreEventsWithTheirRow) {
  deploy({});
  const JobRun run = ask({"seed", "--password=s3cr3t"});
  ASSERT_TRUE(cancel(run, "cancelled by request").ok());
  ASSERT_TRUE(cancel(run, "again").ok());
  EXPECT_EQ(ledger_->run(run.id)->reason, "cancelled by request");
  std::vector<std::string> told;
  const auto events = store_->events({}, "", 200);
  for (const Event& event : *events)
    if (event.type.starts_with("run.")) {
      told.push_back(event.type + " " + event.message);
      EXPECT_EQ(event.instance_id, world_.instance.id.str());
      EXPECT_EQ(event.deployment_id, deployment_.str());
    }
  EXPECT_EQ(told,
            (std::vector<std::string>{"run.asked " + run.id.str() + ": seed by token tok_test",
                                      "run.cancel_asked " + run.id.str() + " by token tok_test"}));
  // What is not committed was neither asked for nor told.
  auto transaction = store_->begin({.token_id = "tok_test", .request_id = "req_test"});
  JobRun never = run;
  never.id = RunId::make(clock_.now());
  ASSERT_TRUE(dynamic_cast<JobVerbs&>(**transaction).add_run(never, {}).ok());
  transaction->reset();
  EXPECT_FALSE(ledger_->run(never.id).ok());
}

TEST_F(StoreJobKeeper, EndsWithItsService) {
  deploy({});
  const JobRun run = ask({"long"}, {{"RUN_SECONDS", "600"}});
  look(2);
  ASSERT_TRUE(write(*store_, [&](Transaction& t) {
                return t.delete_instance(world_.instance.id, {});
              }).ok());
  look(4);
  EXPECT_EQ(engine_.running(), 0);
  clock_.ahead += 1h;  // the row goes with the next look for old ones
  look();
  EXPECT_TRUE(sql("select 1 from job_runs").empty());
}

TEST_F(StoreJobKeeper, WhatCannotBeginSaysWhy) {
  deploy({});
  sql("update deployments set image = 'gone'");
  ASSERT_TRUE(store_->reload().ok());
  const JobRun run = ask({"x"});
  look(2);
  EXPECT_EQ(status_of(run.id), "failed: the image gone is not there");
}

TEST_F(StoreJobKeeper, OldRunsAreForgottenAndOpenOnesAreBounded) {
  deploy({});
  for (int i = 0; i < 25; ++i) {
    const JobRun run = ask({"x"});
    look(2);
  }
  EXPECT_EQ(ledger_->forget_runs({.kept = 10}, clock_.now())->size(), 15u);
  EXPECT_EQ(runs().size(), 10u);
  EXPECT_EQ(ledger_->forget_runs({}, clock_.now() + 24h * 31)->size(), 9u) << "the newest stays";
  for (int i = 0; i < 20; ++i) ask({"x"});
  JobRun more;
  more.id = RunId::make(clock_.now());
  more.instance_id = world_.instance.id;
  const auto refused = add(more);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "too_many_runs");
}

}  // namespace
}  // namespace gantry
