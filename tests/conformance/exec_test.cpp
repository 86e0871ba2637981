// What every Exec promises, on the simulation and on a real Docker Engine.
#include "runtime/sim/exec.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "runtime/docker/docker.hpp"
#include "tests/support/driver_bench.hpp"

namespace gantry::testing {
namespace {

class ExecBench {
 public:
  virtual ~ExecBench() = default;
  virtual Exec& exec() = 0;
  virtual std::string container() = 0;  // that runs
  virtual void kill_container() = 0;
  virtual std::vector<std::string> argv(const std::string& what) = 0;
  virtual OneOffSpec one_off() = 0;
  virtual std::size_t one_offs() = 0;
};

class SimExecBench final : public ExecBench {
 public:
  SimExecBench() {
    exec_.add_container("one");
    exec_.add_program("cat", [](SimProgramIo& io, const auto&) {
      for (std::string bytes; !(bytes = io.read()).empty();)
        if (!io.write(ExecStream::out, bytes)) return 1;
      return 0;
    });
    exec_.add_program("exit 3", [](SimProgramIo&, const auto&) { return 3; });
    exec_.add_program("killed", [](SimProgramIo&, const auto&) { return 137; });
    exec_.add_program("both", [](SimProgramIo& io, const auto&) {
      io.write(ExecStream::out, "out\n");
      io.write(ExecStream::error, "err\n");
      return 0;
    });
    exec_.add_program("sleep", [](SimProgramIo& io, const auto&) {
      io.sleep();
      return 1;
    });
  }
  Exec& exec() override { return exec_; }
  std::string container() override { return "one"; }
  void kill_container() override { exec_.kill_container("one"); }
  std::vector<std::string> argv(const std::string& what) override { return {what}; }
  OneOffSpec one_off() override { return {}; }
  std::size_t one_offs() override { return exec_.one_offs(); }

 private:
  SimExec exec_;
};

class DockerExecBench final : public ExecBench {
 public:
  DockerExecBench()
      : exec_(make_docker_exec({.socket_path = test_engine_socket(),
                                .installation_id = bench_.installation,
                                .logs = &bench_.logs()})),
        spec_(bench_.spec()) {
    auto started = bench_.driver().start(spec_);
    EXPECT_TRUE(started.ok()) << started.error().detail;
    if (started) container_ = *started;
  }
  Exec& exec() override { return *exec_; }
  std::string container() override { return container_.container_id; }
  void kill_container() override {
    bench_.engine("POST", "/containers/" + container_.container_id + "/kill");
  }
  std::vector<std::string> argv(const std::string& what) override {
    if (what == "cat") return {"cat"};
    if (what == "sleep") return {"sleep", "1000"};
    if (what == "exit 3") return {"/bin/sh", "-c", "exit 3"};
    if (what == "killed") return {"/bin/sh", "-c", "kill -9 $$"};
    if (what == "both") return {"/bin/sh", "-c", "echo out; echo err >&2"};
    return {what};
  }
  OneOffSpec one_off() override {
    return {.session_id = SessionId::make(system_clock().now()),
            .instance_id = spec_.instance_id,
            .environment_id = spec_.environment_id,
            .image = spec_.image,
            .command = {},
            .variables = {{"GREETING", "hello"}},
            .memory_bytes = 64 << 20,
            .pids_limit = 64,
            .network = spec_.network};
  }
  std::size_t one_offs() override {
    const std::string list = bench_.engine("GET", "/containers/json?all=1");
    std::size_t count = 0;
    const std::string mark =
        "/gantry-" + std::string(bench_.installation.ulid().substr(18)) + "-ses-";
    for (auto at = list.find(mark); at != std::string::npos; at = list.find(mark, at + 1)) ++count;
    return count;
  }
  DockerBench& bench() { return bench_; }

 private:
  DockerBench bench_;
  std::unique_ptr<Exec> exec_;
  ContainerSpec spec_;
  Container container_;
};

struct Written {
  std::string out, error;
  std::string broken;  // the reason, when it broke off
};

Written read_all(Execution& program) {
  Written all;
  for (;;) {
    auto bytes = program.read();
    if (!bytes) {
      all.broken = bytes.error().reason;
      return all;
    }
    if (bytes->bytes.empty()) return all;
    (bytes->stream == ExecStream::error ? all.error : all.out) += bytes->bytes;
  }
}

class ExecConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "sim")
      bench_ = std::make_unique<SimExecBench>();
    else
      bench_ = std::make_unique<DockerExecBench>();
  }
  std::unique_ptr<Execution> start(const std::string& what) {
    auto begun =
        bench_->exec().exec({.container_id = bench_->container(), .command = bench_->argv(what)});
    EXPECT_TRUE(begun.ok()) << begun.error().detail;
    return begun ? std::move(*begun) : nullptr;
  }
  std::unique_ptr<ExecBench> bench_;
};

INSTANTIATE_TEST_SUITE_P(Engines, ExecConformance, ::testing::Values("sim", "docker"),
                         [](const auto& engine) { return engine.param; });

TEST_P(ExecConformance, EveryByteComesBackAndTheEndOfTheInputIsTold) {
  const auto program = start("cat");
  ASSERT_NE(program, nullptr);
  std::string every;
  for (int i = 0; i < 3 * 256; ++i) every += static_cast<char>(i);
  ASSERT_TRUE(program->write(every).ok());
  ASSERT_TRUE(program->close_input().ok());
  const Written all = read_all(*program);
  EXPECT_EQ(all.broken, "");
  EXPECT_EQ(all.out, every);
  EXPECT_EQ(*program->exit_code(), 0);
}

TEST_P(ExecConformance, SixtyFourMegabytesComeBackEqual) {
  const auto program = start("cat");
  ASSERT_NE(program, nullptr);
  std::string block(1 << 20, '\0');
  for (std::size_t i = 0; i < block.size(); ++i)
    block[i] = static_cast<char>(i * 2654435761U >> 13);
  std::thread writer([&] {
    for (int i = 0; i < 64; ++i) {
      EXPECT_TRUE(program->write(block).ok());
    }
    EXPECT_TRUE(program->close_input().ok());
  });
  std::size_t count = 0;
  bool equal = true;
  for (;;) {
    const auto bytes = program->read();
    ASSERT_TRUE(bytes.ok()) << bytes.error().detail;
    if (bytes->bytes.empty()) break;
    for (const char c : bytes->bytes) equal = equal && c == block[count++ % block.size()];
  }
  writer.join();
  EXPECT_EQ(count, 64U << 20);
  EXPECT_TRUE(equal);
  EXPECT_EQ(*program->exit_code(), 0);
}

TEST_P(ExecConformance, ExitCodesAreKept) {
  for (const auto& [what, code] : std::map<std::string, int>{{"exit 3", 3}, {"killed", 137}}) {
    const auto program = start(what);
    ASSERT_NE(program, nullptr);
    (void)read_all(*program);
    const auto found = program->exit_code();
    ASSERT_TRUE(found.ok()) << found.error().detail;
    EXPECT_EQ(*found, code) << what;
  }
}

TEST_P(ExecConformance, ErrorOutputIsApart) {
  const auto program = start("both");
  ASSERT_NE(program, nullptr);
  const Written all = read_all(*program);
  EXPECT_EQ(all.out, "out\n");
  EXPECT_EQ(all.error, "err\n");
}

TEST_P(ExecConformance, WhoExitsWithoutReadingIsNotWaitedFor) {
  const auto program = start("exit 3");
  ASSERT_NE(program, nullptr);
  Result<> written = done();
  std::thread writer([&] {
    for (int i = 0; i < 10000 && written; ++i)
      written = program->write(std::string(64 * 1024, 'x'));
  });
  EXPECT_EQ(read_all(*program).out, "");
  writer.join();
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().reason, "input_closed");
  EXPECT_EQ(*program->exit_code(), 3);
}

TEST_P(ExecConformance, CancelEndsAWait) {
  const auto program = start("sleep");
  ASSERT_NE(program, nullptr);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    program->cancel();
  });
  EXPECT_EQ(read_all(*program).broken, "stream_broken");
  other.join();
  program->kill();
}

TEST_P(ExecConformance, KillEndsTheProgram) {
  const auto program = start("sleep");
  ASSERT_NE(program, nullptr);
  program->kill();
  EXPECT_EQ(read_all(*program).broken, "");
  EXPECT_GE(*program->exit_code(), 128);
}

TEST_P(ExecConformance, AContainerThatEndsTakesItAlong) {
  const auto program = start("sleep");
  ASSERT_NE(program, nullptr);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    bench_->kill_container();
  });
  EXPECT_EQ(read_all(*program).out, "");
  other.join();
  const auto code = program->exit_code();
  EXPECT_TRUE(!code || *code >= 128) << *code;
  const auto again =
      bench_->exec().exec({.container_id = bench_->container(), .command = bench_->argv("cat")});
  EXPECT_FALSE(again.ok());
}

TEST_P(ExecConformance, WhatIsNotThereIsSaid) {
  const auto nowhere = bench_->exec().exec({.container_id = "0123", .command = {"cat"}});
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(nowhere.error().code, Code::not_found);
  const auto nothing =
      bench_->exec().exec({.container_id = bench_->container(), .command = {"no-such-program"}});
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().reason, "start_failed");
}

TEST_P(ExecConformance, WithoutInputItReadsTheEnd) {
  const auto program = bench_->exec().exec(
      {.container_id = bench_->container(), .command = bench_->argv("cat"), .input = false});
  ASSERT_TRUE(program.ok()) << program.error().detail;
  EXPECT_EQ(read_all(**program).out, "");
  EXPECT_EQ(*(*program)->exit_code(), 0);
}

TEST_P(ExecConformance, AOneOffIsGoneWhenItIsDropped) {
  OneOffSpec spec = bench_->one_off();
  spec.command = bench_->argv("cat");
  auto program = bench_->exec().run(spec);
  ASSERT_TRUE(program.ok()) << program.error().detail;
  EXPECT_EQ(bench_->one_offs(), 1U);
  ASSERT_TRUE((*program)->write("in and out").ok());
  ASSERT_TRUE((*program)->close_input().ok());
  EXPECT_EQ(read_all(**program).out, "in and out");
  EXPECT_EQ(*(*program)->exit_code(), 0);
  EXPECT_EQ(*bench_->exec().sweep_one_offs(Seconds(0)), 0) << "it is under way";
  program->reset();
  EXPECT_EQ(bench_->one_offs(), 0U);
}

TEST_P(ExecConformance, AOneOffKeepsItsExitCodeAndEndsWhileItRuns) {
  OneOffSpec spec = bench_->one_off();
  spec.command = bench_->argv("exit 3");
  auto program = bench_->exec().run(spec);
  ASSERT_TRUE(program.ok()) << program.error().detail;
  (void)read_all(**program);
  EXPECT_EQ(*(*program)->exit_code(), 3);
  program->reset();
  OneOffSpec second = bench_->one_off();
  second.command = bench_->argv("sleep");
  auto sleeper = bench_->exec().run(second);
  ASSERT_TRUE(sleeper.ok()) << sleeper.error().detail;
  sleeper->reset();
  EXPECT_EQ(bench_->one_offs(), 0U);
  OneOffSpec third = bench_->one_off();
  third.command = {"no-such-program"};
  const auto nothing = bench_->exec().run(third);
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().reason, "start_failed");
  EXPECT_EQ(bench_->one_offs(), 0U);
}

// ---- the engine only ----

TEST(DockerExec, HasATerminalOfTheSizeThatWasAskedFor) {
  DockerExecBench bench;
  auto program = bench.exec().exec(
      {.container_id = bench.container(),
       .command = {"/bin/sh", "-c", "sleep 1; busybox stty size; read x; busybox stty size"},
       .terminal = TerminalSize{.columns = 101, .rows = 33}});
  ASSERT_TRUE(program.ok()) << program.error().detail;
  std::string seen;
  while (seen.find("33 101") == std::string::npos) {
    const auto bytes = (*program)->read();
    ASSERT_TRUE(bytes.ok() && !bytes->bytes.empty()) << seen;
    seen += bytes->bytes;
  }
  ASSERT_TRUE((*program)->resize({.columns = 80, .rows = 25}).ok());
  ASSERT_TRUE((*program)->write("\n").ok());
  EXPECT_NE(read_all(**program).out.find("25 80"), std::string::npos);
}

TEST(DockerExec, ReachesNoContainerOfSomebodyElse) {
  DockerExecBench bench;
  const auto other =
      make_docker_exec({.socket_path = test_engine_socket(),
                        .installation_id = InstallationId::make(system_clock().now()),
                        .logs = &bench.bench().logs()});
  const auto program = other->exec({.container_id = bench.container(), .command = {"cat"}});
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.error().code, Code::not_found);
}

TEST(DockerExec, KillReachesWhatTheProgramStarted) {
  DockerExecBench bench;
  auto program = bench.exec().exec(
      {.container_id = bench.container(),
       .command = {"/bin/sh", "-c",
                   "trap '' HUP TERM; (trap '' HUP TERM; sleep 777) & echo up; wait"}});
  ASSERT_TRUE(program.ok()) << program.error().detail;
  ASSERT_EQ((*program)->read()->bytes, "up\n");
  (*program)->cancel();
  (*program)->kill();
  EXPECT_TRUE(eventually([&] {
    const std::string top =
        bench.bench().engine("GET", "/containers/" + bench.container() + "/top");
    return top.find("sleep 777") == std::string::npos;
  }));
}

TEST(DockerExec, SweepsWhatAnEarlierDaemonLeft) {
  DockerExecBench bench;
  const OneOffSpec spec = [&] {
    OneOffSpec one = bench.one_off();
    one.command = {"sleep", "1000"};
    return one;
  }();
  auto earlier = make_docker_exec({.socket_path = test_engine_socket(),
                                   .installation_id = bench.bench().installation,
                                   .logs = &bench.bench().logs()});
  auto program = earlier->run(spec);
  ASSERT_TRUE(program.ok()) << program.error().detail;
  EXPECT_EQ(*bench.exec().sweep_one_offs(Seconds(60)), 0);
  EXPECT_EQ(bench.one_offs(), 1U);
  EXPECT_EQ(*bench.exec().sweep_one_offs(Seconds(0)), 1);
  EXPECT_EQ(bench.one_offs(), 0U);
}

}  // namespace
}  // namespace gantry::testing
