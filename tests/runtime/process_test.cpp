#include "runtime/process.hpp"

#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry {
namespace {

Program shell(const std::string& script) {
  Program program;
  program.argv = {"/bin/sh", "-c", script};
  return program;
}

TEST(Process, RunGivesOutputAndExitCode) {
  const auto finished = run(shell("echo out; echo err >&2; exit 3"), 10);
  ASSERT_TRUE(finished.ok());
  EXPECT_EQ(finished->exit_code, 3);
  EXPECT_EQ(finished->output, "out\nerr\n");
}

TEST(Process, PassesOnOnlyTheAllowedEnvironment) {
  ::setenv("GANTRY_TEST_SECRET", "hush", 1);
  Program program;
  program.argv = {"/usr/bin/env"};
  program.environment = {{"GREETING", "hello there"}};
  EXPECT_EQ(run(program, 10)->output, "GREETING=hello there\n");
}

TEST(Process, ArgumentsAreNeverReadByAShell) {
  Program program;
  program.argv = {"/bin/echo", "$(id)", "a b;c"};
  EXPECT_EQ(run(program, 10)->output, "$(id) a b;c\n");
}

TEST(Process, SaysThatAProgramIsMissing) {
  Program program;
  program.argv = {"/nonexistent/program"};
  const auto finished = run(program, 10);
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().code, Code::not_found);
  EXPECT_EQ(finished.error().reason, "exec_failed");
  EXPECT_FALSE(spawn_detached(program).ok());
  program.argv = {"relative"};
  EXPECT_EQ(run(program, 10).error().reason, "program_invalid");
}

TEST(Process, KillsWhatTakesTooLongAndWhatItStarted) {
  const auto begin = std::chrono::steady_clock::now();
  const auto finished = run(shell("sleep 60 & sleep 60"), 1);
  ASSERT_FALSE(finished.ok());
  EXPECT_EQ(finished.error().reason, "timeout");
  EXPECT_EQ(finished.error().code, Code::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(Process, DoesNotWaitForABackgroundChildThatHoldsTheOutput) {
  const auto begin = std::chrono::steady_clock::now();
  const auto finished = run(shell("sleep 3 & echo ready"), 10);
  ASSERT_TRUE(finished.ok());
  EXPECT_EQ(finished->output, "ready\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

TEST(Process, KeepsAtMost64KiBOfOutput) {
  const auto finished = run(shell("head -c 1000000 /dev/zero | tr '\\0' x"), 10);
  ASSERT_TRUE(finished.ok());
  EXPECT_EQ(finished->exit_code, 0);
  EXPECT_EQ(finished->output.size(), 64u * 1024);
}

TEST(Process, ASignalIsAnExitCodeAbove128) {
  EXPECT_EQ(run(shell("kill -9 $$"), 10)->exit_code, 137);
}

TEST(Process, ClosesEveryDescriptorAndUnblocksSignals) {
  const int leak = ::open("/dev/null", O_RDONLY);  // without CLOEXEC on purpose
  sigset_t block, before;
  ::sigemptyset(&block);
  ::sigaddset(&block, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &block, &before);
  const auto finished =
      run(shell("ls /proc/self/fd | tr '\\n' ' '; grep SigBlk /proc/self/status"), 10);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(leak);
  ASSERT_TRUE(finished.ok());
  EXPECT_EQ(finished->output,
            "0 1 2 3 SigBlk:\t0000000000000000\n");  // 3 is the folder that ls reads
}

TEST(Process, RunsAsAnotherUserWithoutGroups) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root";
  Program program;
  program.argv = {"/bin/sh", "-c", "id -u; id -g; id -G"};
  program.uid = 65534;
  program.gid = 65534;
  EXPECT_EQ(run(program, 10)->output, "65534\n65534\n65534\n");
}

TEST(Process, ADetachedProgramHasItsOwnSessionAndWritesToItsFile) {
  const std::string path = ::testing::TempDir() + "gantry_process_" + std::to_string(::getpid());
  auto program = shell("echo session $(ps -o sid= -p $$) pid $$; exec sleep 60");
  program.output_file = path;
  program.environment = {{"PATH", "/usr/bin:/bin"}};
  const auto pid = spawn_detached(program);
  ASSERT_TRUE(pid.ok());
  std::string text;
  for (int i = 0; i < 100 && text.find("pid") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::ostringstream all;
    all << std::ifstream(path).rdbuf();
    text = all.str();
  }
  const std::string number = std::to_string(*pid);
  EXPECT_EQ(text, "session " + number + " pid " + number + "\n");
  const auto becomes = [&](bool alive) {
    for (int i = 0; i < 200 && process_alive(*pid, "sleep") != alive; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return process_alive(*pid, "sleep") == alive;
  };
  EXPECT_TRUE(becomes(true));  // the shell has to become it first
  EXPECT_FALSE(process_alive(*pid, "haproxy"));
  ::kill(*pid, SIGKILL);
  EXPECT_TRUE(becomes(false));
  EXPECT_FALSE(process_alive(0, "sleep"));
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace gantry
