#include <future>

#include <gtest/gtest.h>

#include "runtime/probe.hpp"
#include "runtime/sim/exec.hpp"

namespace gantry {
namespace {

class NoProber final : public Prober {
 public:
  void probe(const ProbeTarget&, std::function<void(ProbeOutcome)> done) override {
    done({true, "the other one"});
  }
};

class ProbeCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    exec_.add_container("one");
    exec_.add_program("well", [](SimProgramIo&, const auto&) { return 0; });
    exec_.add_program("ill", [](SimProgramIo& io, const auto&) {
      io.write(ExecStream::out, "checking\n");
      io.write(ExecStream::error, "no connection\n");
      return 2;
    });
    exec_.add_program("stuck", [](SimProgramIo& io, const auto&) {
      io.sleep();
      return 0;
    });
    prober_ = make_command_prober(exec_, std::make_unique<NoProber>(), 2);
  }
  ProbeOutcome probe(std::vector<std::string> command, const std::string& container = "one") {
    std::promise<ProbeOutcome> outcome;
    prober_->probe({.address = {},
                    .path = {},
                    .timeout = std::chrono::milliseconds(300),
                    .command = std::move(command),
                    .container_id = container},
                   [&](ProbeOutcome found) { outcome.set_value(std::move(found)); });
    return outcome.get_future().get();
  }
  SimExec exec_;
  std::unique_ptr<Prober> prober_;
};

TEST_F(ProbeCommand, ExitCodeZeroIsHealthy) { EXPECT_TRUE(probe({"well"}).ok); }

TEST_F(ProbeCommand, AnotherOneIsNotAndSaysWhatItWroteLast) {
  const ProbeOutcome outcome = probe({"ill"});
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.detail, "ill exited with code 2: no connection");
}

TEST_F(ProbeCommand, OneThatDoesNotEndIsEnded) {
  const ProbeOutcome outcome = probe({"stuck"});
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.detail, "stuck did not end within 300 ms");
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(probe({"stuck"}).ok);
  EXPECT_TRUE(probe({"well"}).ok) << "the threads are free again";
}

TEST_F(ProbeCommand, WhatCannotBeRunIsNotHealthy) {
  EXPECT_FALSE(probe({"nothing"}).ok);
  EXPECT_FALSE(probe({"well"}, "another").ok);
}

TEST_F(ProbeCommand, WithoutACommandTheOtherProberIsAsked) {
  EXPECT_EQ(probe({}).detail, "the other one");
}

}  // namespace
}  // namespace gantry
