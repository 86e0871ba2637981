// What every driver promises of run_once(), on the simulation and on a real Docker Engine.
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/driver_bench.hpp"

namespace gantry::testing {
namespace {

RunSpec run_spec_of(const ContainerSpec& spec) {
  return {.deployment_id = spec.key.deployment_id,
          .instance_id = spec.instance_id,
          .environment_id = spec.environment_id,
          .image = spec.image,
          .command = {"/bin/sh", "-c", "echo begun; echo oops >&2; exit ${RUN_EXIT:-0}"},
          .variables = spec.variables,
          .cpu_millicores = 500,
          .memory_bytes = 64 << 20,
          .pids_limit = 64,
          .network = spec.network,
          .deadline = Seconds(60)};
}

class RunDriverConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "sim")
      bench_ = make_sim_bench();
    else
      bench_ = std::make_unique<DockerBench>();
    spec_ = run_spec_of(bench_->spec());
  }
  void TearDown() override { EXPECT_TRUE(driver().end_run(spec_.deployment_id).ok()); }
  Driver& driver() { return bench_->driver(); }
  std::unique_ptr<DriverBench> bench_;
  RunSpec spec_;
};

INSTANTIATE_TEST_SUITE_P(Engines, RunDriverConformance, ::testing::Values("sim", "docker"),
                         [](const auto& engine) { return engine.param; });

TEST_P(RunDriverConformance, RunsToItsEndAndSaysHowItEnded) {
  auto ended = driver().run_once(spec_, {});
  ASSERT_TRUE(ended.ok()) << ended.error().detail;
  EXPECT_EQ(ended->code, 0);
  EXPECT_FALSE(ended->out_of_memory);
  EXPECT_EQ(*driver().runs(), std::vector{spec_.deployment_id});
  EXPECT_TRUE(driver().list()->empty()) << "it is no replica";
}

TEST_P(RunDriverConformance, IsBegunOnce) {
  spec_.variables["RUN_EXIT"] = "3";
  const auto first = driver().run_once(spec_, {});
  ASSERT_TRUE(first.ok()) << first.error().detail;
  EXPECT_EQ(first->code, 3);
  const auto again = driver().run_once(spec_, {});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->code, 3);
  EXPECT_EQ(again->at, first->at) << "the same end";
}

TEST_P(RunDriverConformance, IsGoneOnceItWasEnded) {
  ASSERT_TRUE(driver().run_once(spec_, {}).ok());
  EXPECT_TRUE(driver().end_run(spec_.deployment_id).ok());
  EXPECT_TRUE(driver().end_run(spec_.deployment_id).ok()) << "gone is fine";
  EXPECT_TRUE(driver().runs()->empty());
}

TEST_P(RunDriverConformance, AnotherInstallationDoesNotSeeIt) {
  ASSERT_TRUE(driver().run_once(spec_, {}).ok());
  const auto other = bench_->another(InstallationId::make(system_clock().now()));
  EXPECT_TRUE(other->runs()->empty());
  EXPECT_TRUE(other->end_run(spec_.deployment_id).ok());
  EXPECT_EQ(driver().runs()->size(), 1u);
}

TEST_P(RunDriverConformance, RefusesWhatCannotRun) {
  spec_.image = "gantry-test/no-such:1";
  auto refused = driver().run_once(spec_, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "image_not_found");
  spec_.image = bench_->spec().image;
  spec_.command = {"/no/such/program"};
  refused = driver().run_once(spec_, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "start_failed");
}

// ---- what only a real engine shows ----

class DockerRun : public ::testing::Test {
 protected:
  void command(const std::string& line) { spec_.command = {"/bin/sh", "-c", line}; }
  std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (const LogLine& line : bench_.log_lines({spec_.deployment_id, 0, 1}))
      out.push_back((line.is_error ? "err " : "out ") + line.text);
    return out;
  }
  DockerBench bench_;
  RunSpec spec_ = run_spec_of(bench_.spec());
};

TEST_F(DockerRun, KeepsItsOutput) {
  command("echo one; echo two; echo bad >&2");
  ASSERT_TRUE(bench_.driver().run_once(spec_, {}).ok());
  EXPECT_TRUE(eventually([&] { return lines().size() == 3; }));
  std::vector<std::string> seen = lines();
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<std::string>{"err bad", "out one", "out two"}));
}

TEST_F(DockerRun, EndsAtItsDeadline) {
  command("sleep 60");
  spec_.deadline = Seconds(1);
  const auto ended = bench_.driver().run_once(spec_, {});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, "run_deadline");
  EXPECT_TRUE(bench_.driver().runs()->empty());
}

TEST_F(DockerRun, GoesOnWithoutTheDaemonAndIsTakenOver) {
  command("sleep 2; echo done; exit 5");
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(800));
    stop.request_stop();
  });
  const auto first = bench_.driver().run_once(spec_, stop.get_token());
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().reason, "interrupted");
  const auto next = bench_.restarted();
  const auto ended = next->run_once(spec_, {});
  ASSERT_TRUE(ended.ok()) << ended.error().detail;
  EXPECT_EQ(ended->code, 5);
}

TEST_F(DockerRun, EndedByAnotherThreadItSaysSo) {
  command("sleep 60");
  std::jthread ender([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(800));
    EXPECT_TRUE(bench_.driver().end_run(spec_.deployment_id).ok());
  });
  const auto ended = bench_.driver().run_once(spec_, {});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, "cancelled");
}

TEST_F(DockerRun, RunsOutOfMemory) {
  spec_.memory_bytes = 8 << 20;
  command("x=a; while :; do x=$x$x; done");
  const auto ended = bench_.driver().run_once(spec_, {});
  ASSERT_TRUE(ended.ok()) << ended.error().detail;
  EXPECT_NE(ended->code, 0);
}

}  // namespace
}  // namespace gantry::testing
