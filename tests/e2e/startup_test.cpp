// What keeps a daemon from starting is said in one line, and nothing is harmed. And how it stops.
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "runtime/process.hpp"
#include "tests/support/daemon.hpp"

namespace gantry::testing {
namespace {

const std::string kProgram = GANTRY_BINARY_DIR "/gantryd";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Finished check_config(const std::string& text) {
  char name[] = "/tmp/gantry-e2e-config-XXXXXX";
  ::close(::mkstemp(name));
  std::ofstream(name) << text;
  Program program;
  program.argv = {kProgram, "--check-config", "--config", name};
  const auto finished = run(program, 20);
  std::filesystem::remove(name);
  return finished ? *finished : Finished{-1, finished.error().detail};
}

TEST(E2eStartup, CheckConfigNamesTheLine) {
  const auto good = check_config("data_dir: /tmp/x\nlisten: 127.0.0.1:7071\n");
  EXPECT_EQ(good.exit_code, 0) << good.output;
  const auto unknown = check_config("data_dir: /tmp/x\ncolour: red\nedge:\n  lisen: 1\n");
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_TRUE(has(unknown.output, ":2: colour") && has(unknown.output, ":4: edge.lisen"))
      << unknown.output;
  const auto bad = check_config("workers: many\nlisten: nonsense\nnetwork_range: 10.0.0.0/33\n");
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_TRUE(has(bad.output, ":1: workers") && has(bad.output, ":2: listen") &&
              has(bad.output, ":3: network_range"))
      << bad.output;
  const auto broken = check_config("a: [1\nb: }");
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_FALSE(broken.output.empty());
}

TEST(E2eStartup, WhatIsTakenIsNamed) {
  Gantry first;
  first.start();
  const std::string path = first.create("web");
  ASSERT_EQ(first.settled(first.deploy(path)), "SUCCESS");
  ASSERT_TRUE(first.converged(path, 1));
  const auto before = first.containers();
  const auto refused = [](Gantry& gantry, const std::string& part) {
    gantry.launch();
    const auto code = gantry.exit_code(60);
    EXPECT_EQ(code, 1);
    const std::string log = gantry.log();
    const auto line = log.find("daemon did not start");
    EXPECT_NE(line, std::string::npos) << log;
    if (line == std::string::npos) return;
    std::printf("%s", log.substr(line, log.find('\n', line) - line + 1).c_str());
    EXPECT_TRUE(has(log.substr(line), part)) << log;
  };
  Gantry same_directory;
  same_directory.write_config(first.made_config());
  refused(same_directory, "another gantryd uses " + first.directory);
  Gantry same_api;
  same_api.api_port = first.api_port;
  same_api.write_config(same_api.made_config());
  refused(same_api, std::to_string(first.api_port));
  Gantry same_edge;
  same_edge.edge_port = first.edge_port;
  same_edge.write_config(same_edge.made_config());
  refused(same_edge, std::to_string(first.edge_port));
  EXPECT_EQ(first.containers(), before);
  EXPECT_EQ(first.edge(path).status, 200);
}

TEST(E2eStartup, SigtermFinishesWhatIsUnderWay) {
  Gantry gantry;
  gantry.start();
  const std::string path = gantry.create("web");
  ASSERT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS");
  ASSERT_TRUE(gantry.converged(path, 1));
  const std::string host = gantry.host(path);
  const auto before = gantry.containers();
  // Requests that are being worked on when the signal comes, each with its answer.
  std::atomic<int> answered{0}, cut{0};
  std::atomic<bool> stop{false};
  std::vector<std::jthread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&, i] {
      for (int n = 0; !stop; ++n) {
        const auto reply =
            gantry.api("PUT", path + "/variables/S" + std::to_string(i) + "_" + std::to_string(n),
                       {{"value", "x"}});
        if (reply.status != 0) {
          ++answered;
        } else if (!has(reply.http.head, "connect")) {
          ++cut;
          std::printf("cut: %s\n", reply.http.head.c_str());
        }
      }
    });
  within(0.5, [] { return false; });
  // And one through the edge, which does not even notice.
  HttpReply slow;
  std::jthread visitor(
      [&] { slow = http_call(gantry.edge_port, {.path = "/sleep/2000", .host = host}); });
  within(0.2, [] { return false; });
  EXPECT_EQ(gantry.stop(), 0);
  stop = true;
  clients.clear();
  visitor.join();
  std::printf("SIGTERM: requests %d failed %d\n", answered.load(), cut.load());
  EXPECT_EQ(slow.status, 200);
  EXPECT_GT(answered, 5);
  EXPECT_EQ(cut, 0);
  EXPECT_EQ(http_call(gantry.edge_port, {.host = host}).status, 200) << "the edge stays up";
  EXPECT_EQ(gantry.postgres(), 0) << "the own database was stopped in order";
  gantry.start();
  EXPECT_TRUE(gantry.converged(path, 1));
  EXPECT_EQ(gantry.containers(), before);
}

}  // namespace
}  // namespace gantry::testing
