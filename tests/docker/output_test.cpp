// The way of a container's output into Logs: whole, once, and across restarts of the daemon.
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "runtime/docker/frames.hpp"
#include "tests/support/driver_bench.hpp"

namespace gantry::testing {
namespace {

// "line 1" to "line N", each once, in any order of the two streams.
void expect_each_once(const std::vector<LogLine>& lines, int count) {
  std::map<std::string, int> seen;
  for (const LogLine& line : lines) ++seen[line.text];
  int absent = 0, repeated = 0;
  for (int i = 1; i <= count; ++i) {
    const int times = seen["line " + std::to_string(i)];
    absent += times == 0 ? 1 : 0;
    repeated += times > 1 ? 1 : 0;
  }
  EXPECT_EQ(absent, 0);
  EXPECT_EQ(repeated, 0);
  EXPECT_EQ(static_cast<int>(lines.size()), count);
}

TEST(DockerOutput, TwentyThousandLinesArriveOnce) {
  DockerBench bench;
  ContainerSpec spec = bench.spec();
  spec.variables["LOG_LINES"] = "20000";
  spec.variables["LOG_BOTH"] = "1";
  spec.variables["EXIT_AT_ONCE"] = "0";
  ASSERT_TRUE(bench.driver().start(spec).ok());
  ASSERT_TRUE(eventually([&] { return bench.log_lines(spec.key).size() >= 20000; }));
  ASSERT_TRUE(eventually([&] { return bench.driver().list()->front().exit.has_value(); }));
  EXPECT_TRUE(bench.driver().list().ok());
  const auto lines = bench.log_lines(spec.key);
  expect_each_once(lines, 20000);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const LogLine& l) { return l.is_error; }),
            10000);
}

TEST(DockerOutput, TheLastLinesOfARemovedContainerArrive) {
  DockerBench bench;
  ContainerSpec spec = bench.spec();
  spec.variables["LOG_LINES"] = "500";
  ASSERT_TRUE(bench.driver().start(spec).ok());
  ASSERT_TRUE(bench.stop(spec.key).ok());
  ASSERT_TRUE(bench.driver().remove(spec.key).ok());
  EXPECT_TRUE(eventually([&] { return bench.log_lines(spec.key).size() == 500; }));
}

TEST(DockerOutput, ARestartedDaemonCatchesUp) {
  DockerBench bench;
  ContainerSpec spec = bench.spec();
  spec.command = {"/bin/sh", "-c",
                  "i=1; while [ $i -le 12000 ]; do echo line $i; i=$((i+1)); "
                  "[ $((i % 50)) = 0 ] && sleep 0.005; done; sleep 100"};
  ASSERT_TRUE(bench.driver().start(spec).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  auto heir = bench.restarted();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ASSERT_TRUE(heir->list().ok());
  ASSERT_LT(bench.log_lines(spec.key).size(), 11000u) << "it was adopted while it wrote";
  ASSERT_TRUE(heir->list().ok());
  ASSERT_TRUE(eventually([&] { return bench.log_lines(spec.key).size() >= 12000; }));
  expect_each_once(bench.log_lines(spec.key), 12000);
}

TEST(DockerOutput, WhatEndedWhileTheDaemonWasAwayIsCaughtUp) {
  DockerBench bench;
  ContainerSpec spec = bench.spec();
  spec.command = {"/bin/sh", "-c", "echo line 1; sleep 0.7; echo line 2; echo line 3 >&2"};
  ASSERT_TRUE(bench.driver().start(spec).ok());
  ASSERT_TRUE(eventually([&] { return bench.log_lines(spec.key).size() == 1; }));
  auto heir = bench.restarted();
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  ASSERT_TRUE(heir->list().ok());
  ASSERT_TRUE(heir->list().ok());
  expect_each_once(bench.log_lines(spec.key), 3);
}

TEST(DockerOutput, LongLinesAndStrangeBytesSurvive) {
  DockerBench bench;
  ContainerSpec spec = bench.spec();
  spec.command = {"/bin/sh", "-c",
                  "printf 'a\\\\nb\\377\\001\\n'; i=0; while [ $i -lt 2000 ]; do printf "
                  "0123456789abcdefghijklmnopqrst; "
                  "i=$((i+1)); done; echo; printf last"};
  ASSERT_TRUE(bench.driver().start(spec).ok());
  ASSERT_TRUE(eventually([&] { return bench.log_lines(spec.key).size() == 3; }));
  const auto lines = bench.log_lines(spec.key);
  EXPECT_EQ(lines[0].text, "a\\nb\xff\x01");
  EXPECT_EQ(lines[1].text.size(), 60000u);
  EXPECT_EQ(lines[2].text, "last");
}

TEST(DockerFrames, AreReadHoweverTheyAreCut) {
  std::string bytes;
  const std::vector<std::string> texts = {"one\n", "", "two\nthree", std::string(300, 'x')};
  for (const std::string& text : texts) {
    bytes += std::string("\x02\0\0\0\0\0", 6) + static_cast<char>(text.size() >> 8) +
             static_cast<char>(text.size() & 255) + text;
  }
  for (std::size_t step = 1; step < 20; ++step) {
    docker::FrameReader reader;
    std::vector<std::string> frames;
    for (std::size_t at = 0; at < bytes.size(); at += step)
      reader.feed(bytes.substr(at, step), [&](bool is_error, std::string_view frame) {
        EXPECT_TRUE(is_error);
        frames.emplace_back(frame);
      });
    EXPECT_EQ(frames, texts) << step;
  }
}

TEST(DockerFrames, LongLinesComeInParts) {
  constexpr std::size_t longest = docker::LineCutter::kLongestLine;
  docker::LineCutter cutter;
  std::vector<std::size_t> sizes;
  const auto line = [&](const std::string& text) { sizes.push_back(text.size()); };
  cutter.feed(std::string(longest, 'a') + "\n" + std::string(longest + 5, 'b') + "\n\nend", line);
  cutter.finish(line);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{longest, longest, 5, 0, 3}));
}

}  // namespace
}  // namespace gantry::testing
