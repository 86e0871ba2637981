// What every engine promises of runs, in memory and on a real Docker Engine.
#include "runtime/jobs.hpp"

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "runtime/docker/docker.hpp"
#include "runtime/sim/jobs.hpp"
#include "tests/support/driver_bench.hpp"

namespace gantry::testing {
namespace {

class JobDriverConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const bool sim = GetParam() == "sim";
    bench_ = sim ? make_sim_bench() : std::make_unique<DockerBench>();
    directory_ =
        (std::filesystem::temp_directory_path() / ("gantry-runs-" + bench_->installation.str()))
            .string();
    logs_ = make_file_logs({.directory = directory_});
    const ContainerSpec like = bench_->spec();
    if (sim) {
      auto made = std::make_unique<SimJobs>(system_clock());
      made->add_image(like.image);
      jobs_ = std::move(made);
    } else {
      jobs_ = make();
    }
    spec_ = {.run_id = RunId::make(system_clock().now()),
             .instance_id = like.instance_id,
             .environment_id = like.environment_id,
             .image = like.image,
             .command = {"/bin/sh", "-c",
                         "echo begun; echo oops >&2; sleep ${RUN_SECONDS:-0}; exit ${RUN_EXIT:-0}"},
             .variables = like.variables,
             .memory_bytes = 64 << 20,
             .network = like.network};
  }
  void TearDown() override {
    EXPECT_TRUE(jobs_->remove(spec_.run_id).ok());
    jobs_.reset();
    std::filesystem::remove_all(directory_);
  }
  std::unique_ptr<JobEngine> make() {
    return make_docker_jobs({.socket_path = test_engine_socket(),
                             .installation_id = bench_->installation,
                             .job_logs = logs_.get()});
  }
  std::optional<JobSeen> seen() {
    const auto all = jobs_->list();
    EXPECT_TRUE(all.ok());
    for (const JobSeen& one : *all)
      if (one.run_id == spec_.run_id) return one;
    return std::nullopt;
  }
  bool ended() {
    return eventually([&] { return seen() && seen()->exit; });
  }
  std::vector<std::string> lines() {
    std::vector<std::string> out;
    LogQuery query;
    query.instance_id = spec_.instance_id;
    query.deployment_id = log_key(spec_.run_id).deployment_id;
    const auto kept = logs_->read(query);
    for (const LogLine& line : *kept) out.push_back((line.is_error ? "err " : "out ") + line.text);
    std::sort(out.begin(), out.end());
    return out;
  }

  std::unique_ptr<DriverBench> bench_;
  std::string directory_;
  std::unique_ptr<Logs> logs_;
  std::unique_ptr<JobEngine> jobs_;
  JobSpec spec_;
};

INSTANTIATE_TEST_SUITE_P(Engines, JobDriverConformance, ::testing::Values("sim", "docker"),
                         [](const auto& engine) { return engine.param; });

TEST_P(JobDriverConformance, RunsOnceAndSaysHowItEnded) {
  spec_.variables["RUN_EXIT"] = "3";
  const auto begun = jobs_->begin(spec_);
  ASSERT_TRUE(begun.ok()) << begun.error().detail;
  ASSERT_TRUE(ended());
  const JobSeen first = *seen();
  EXPECT_EQ(first.exit->code, 3);
  EXPECT_EQ(first.instance_id, spec_.instance_id);
  const auto again = jobs_->begin(spec_);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->started_at, first.started_at) << "it is not begun a second time";
  EXPECT_TRUE(bench_->driver().list()->empty()) << "it is no replica";
  EXPECT_TRUE(bench_->driver().runs()->empty()) << "and no pre-deploy command";
}

TEST_P(JobDriverConformance, IsEndedWithItsExitStillToBeSeen) {
  spec_.variables["RUN_SECONDS"] = "60";
  const auto begun = jobs_->begin(spec_);
  ASSERT_TRUE(begun.ok()) << begun.error().detail;
  EXPECT_EQ(begun->state, ContainerState::running);
  EXPECT_TRUE(jobs_->end(spec_.run_id, Seconds(1)).ok());
  ASSERT_TRUE(ended());
  EXPECT_NE(seen()->exit->code, 0);
  EXPECT_TRUE(jobs_->end(spec_.run_id, Seconds(1)).ok()) << "ended is fine";
}

TEST_P(JobDriverConformance, IsGoneOnceItWasRemoved) {
  spec_.variables["RUN_SECONDS"] = "60";
  ASSERT_TRUE(jobs_->begin(spec_).ok());
  EXPECT_TRUE(jobs_->remove(spec_.run_id).ok());
  EXPECT_TRUE(jobs_->remove(spec_.run_id).ok()) << "gone is fine";
  EXPECT_TRUE(jobs_->end(spec_.run_id, Seconds(1)).ok()) << "gone is fine";
  EXPECT_FALSE(seen());
}

TEST_P(JobDriverConformance, RefusesAnImageThatIsNotThere) {
  spec_.image = "gantry-test/no-such:1";
  const auto refused = jobs_->begin(spec_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "image_not_found");
}

TEST_P(JobDriverConformance, KeepsWhatItWroteAndIsTakenOver) {
  if (GetParam() == "sim") GTEST_SKIP() << "it writes nothing";
  spec_.variables["RUN_SECONDS"] = "2";
  ASSERT_TRUE(jobs_->begin(spec_).ok());
  jobs_ = make();  // another daemon
  ASSERT_TRUE(seen());
  EXPECT_EQ(seen()->state, ContainerState::running);
  ASSERT_TRUE(ended());
  EXPECT_EQ(lines(), (std::vector<std::string>{"err oops", "out begun"}));
  const auto other =
      make_docker_jobs({.socket_path = test_engine_socket(),
                        .installation_id = InstallationId::make(system_clock().now()),
                        .job_logs = logs_.get()});
  EXPECT_TRUE(other->list()->empty()) << "another installation does not see it";
}

}  // namespace
}  // namespace gantry::testing
