// The daemon is killed at a random moment of each step of a story, started again each time; what
// was asked for comes true in the end, and visitors never notice.
#include <random>

#include <gtest/gtest.h>

#include "tests/support/daemon.hpp"
#include "tests/support/load.hpp"

namespace gantry::testing {
namespace {

void pause(double seconds) {
  within(seconds, [] { return false; });
}

class Story {
 public:
  explicit Story(unsigned seed) : random_(seed) {
    std::printf("seed %u\n", seed);
    gantry.start();
    path = gantry.create("web", {{"replicas", 2}, {"healthcheck_timeout_seconds", 60}});
  }

  // Asks for something, then dies at some moment within 1.5 s, as often as told.
  void step(const std::string& name, const std::function<void()>& ask, int deaths) {
    ask();
    for (int i = 0; i < deaths; ++i) {
      const double delay = random_() % 1500 / 1000.0;
      pause(delay);
      gantry.kill();
      ++kills;
      std::printf("%s: killed %.3f s after\n", name.c_str(), delay);
      gantry.start();
    }
  }
  void whole(int replicas, const std::string& version) {
    EXPECT_TRUE(gantry.converged(path, replicas)) << gantry.state_of(path);
    EXPECT_EQ(gantry.containers().size(), static_cast<std::size_t>(replicas));
    for (int i = 0; i < 10; ++i)
      EXPECT_NE(gantry.edge(path).body.find("version=" + version + " "), std::string::npos);
  }

  Gantry gantry;
  std::string path;
  int kills = 0;

 private:
  std::mt19937 random_;
};

TEST(E2eCrash, AStoryWithTwelveDeaths) {
  Story story(std::random_device{}());
  Gantry& gantry = story.gantry;
  const std::string& path = story.path;
  gantry.api("PUT", path + "/variables/VERSION", {{"value", "one"}});
  story.step(
      "deploy", [&] { gantry.deploy(path); }, 3);
  story.whole(2, "one");

  auto load = std::make_unique<Load>(gantry.edge_port, gantry.host(path), 150);
  gantry.api("PUT", path + "/variables/VERSION", {{"value", "two"}});
  story.step(
      "redeploy",
      [&] {
        gantry.deploy(path, {{"image", "gantry-test/web:2"}});
      },
      4);
  story.whole(2, "two");
  EXPECT_EQ(load->take("redeploy, killed 4 times").failed(), 0);
  story.step(
      "scale",
      [&] {
        gantry.api("POST", path + "/scale", {{"replicas", 4}});
      },
      2);
  story.whole(4, "two");
  story.step(
      "scale down",
      [&] {
        gantry.api("POST", path + "/scale", {{"replicas", 1}});
      },
      2);
  story.whole(1, "two");
  story.step(
      "restart", [&] { gantry.api("POST", path + "/restart"); }, 2);
  pause(1);
  story.whole(1, "two");
  EXPECT_EQ(load->take("scale and restart, killed 6 times").failed(), 0);
  load.reset();

  const std::string host = gantry.host(path);
  story.step(
      "delete", [&] { EXPECT_EQ(gantry.api("DELETE", path).status, 204); }, 2);
  EXPECT_TRUE(within(30, [&] { return gantry.containers().empty(); })) << gantry.state_of(path);
  EXPECT_TRUE(
      within(10, [&] { return http_call(gantry.edge_port, {.host = host}).status == 404; }));
  std::printf("deaths %d\n", story.kills);
}

// A container and a network of somebody else, beside ours, with a name like ours.
std::string foreign_facts(Gantry& gantry, const std::string& name) {
  const Json facts = Json::parse(gantry.engine("GET", "/containers/" + name + "/json").body);
  return facts["Id"].get<std::string>() + " " + facts["State"].value("StartedAt", "") + " " +
         facts["State"].value("Status", "");
}

TEST(E2eForeign, OthersAreLeftAlone) {
  Gantry gantry({.resync_seconds = 1});
  const std::string tag = std::to_string(::getpid());
  const Json labels = {{"gantry.installation", "ins_01jd8yq5x8c5v0m6r7k2n4t9wz"},
                       {"gantry.instance", "ins_01jd8yq5x8c5v0m6r7k2n4t9wz"},
                       {"gantry.environment", "env_01jd8yq5x8c5v0m6r7k2n4t9wz"},
                       {"gantry.replica", "rep_01jd8yq5x8c5v0m6r7k2n4t9wz-0-0"},
                       {"gantry.port-mode", "none"}};
  struct Foreign {
    Gantry& gantry;
    std::vector<std::string> names, networks;
    ~Foreign() {
      for (const auto& name : names) gantry.engine("DELETE", "/containers/" + name + "?force=1");
      for (const auto& name : networks) gantry.engine("DELETE", "/networks/" + name);
    }
  } foreign{gantry,
            {"gantry-e2eother-" + tag, "gantry-e2enobody-" + tag},
            {"gantry-e2enet-" + tag, "gantry-e2enolabel-" + tag}};
  for (const auto& name : foreign.names) {
    Json body = {{"Image", "gantry-test/web:1"}, {"HostConfig", {{"NetworkMode", "none"}}}};
    if (name.find("other") != std::string::npos) body["Labels"] = labels;
    ASSERT_EQ(gantry.engine("POST", "/containers/create?name=" + name, body.dump()).status, 201);
    ASSERT_EQ(gantry.engine("POST", "/containers/" + name + "/start").status, 204);
  }
  int subnet = 0;
  for (const auto& name : foreign.networks) {
    Json body = {
        {"Name", name},
        {"IPAM", {{"Config", {{{"Subnet", "10.208." + std::to_string(subnet++) + ".0/24"}}}}}}};
    if (name.find("enet") != std::string::npos) body["Labels"] = labels;
    ASSERT_EQ(gantry.engine("POST", "/networks/create", body.dump()).status, 201);
  }
  const auto facts = [&] {
    std::string text;
    for (const auto& name : foreign.names) text += foreign_facts(gantry, name) + "\n";
    for (const auto& name : foreign.networks)
      text +=
          Json::parse(gantry.engine("GET", "/networks/" + name).body).value("Id", "gone") + "\n";
    return text;
  };
  const std::string before = facts();

  gantry.start();
  const std::string path = gantry.create("web", {{"replicas", 2}});
  ASSERT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS");
  EXPECT_TRUE(gantry.converged(path, 2));
  gantry.kill();
  gantry.start();
  EXPECT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS");
  EXPECT_TRUE(gantry.converged(path, 2));
  EXPECT_EQ(gantry.api("DELETE", "/v1/projects/shop").status, 204);
  EXPECT_TRUE(within(30, [&] { return gantry.containers().empty(); }));
  pause(3);  // several resyncs
  EXPECT_EQ(facts(), before);
}

}  // namespace
}  // namespace gantry::testing
