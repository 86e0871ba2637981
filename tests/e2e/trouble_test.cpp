// What cannot work says why and harms nobody else: images, programs, limits, an engine that is
// away.
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/daemon.hpp"
#include "tests/support/driver_bench.hpp"

namespace gantry::testing {
namespace {

class E2eTrouble : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    gantry = new Gantry;
    gantry->start();
  }
  static void TearDownTestSuite() { delete std::exchange(gantry, nullptr); }

  // The final state of a first deployment.
  static std::string fate(const std::string& service, Json deploy,
                          const std::string& image = "gantry-test/web:1",
                          const std::map<std::string, std::string>& variables = {}) {
    if (!deploy.contains("healthcheck_timeout_seconds")) deploy["healthcheck_timeout_seconds"] = 5;
    const std::string path = gantry->create(service, deploy, image);
    for (const auto& [name, value] : variables)
      gantry->api("PUT", path + "/variables/" + name, {{"value", value}});
    const std::string end = gantry->settled(gantry->deploy(path), 30);
    std::printf("%s: %s\n", service.c_str(), end.c_str());
    EXPECT_TRUE(within(15, [&] {
      for (const auto& container : gantry->containers(path))
        if (container.running) return false;
      return true;
    })) << gantry->state_of(path);
    return end;
  }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
  static inline Gantry* gantry = nullptr;
};

TEST_F(E2eTrouble, WhatCannotRunFailsWithItsReason) {
  const std::string unknown = fate("unknown", {}, "127.0.0.1:1/no/such:image");
  EXPECT_TRUE(unknown.starts_with("FAILED") && has(unknown, "no/such")) << unknown;
  const std::string closed =
      fate("closed", {{"port", 9999}}, "gantry-test/web:1", {{"LISTEN", "0"}});
  EXPECT_TRUE(closed.starts_with("FAILED") && has(closed, "9999")) << closed;
  const std::string exits = fate(
      "exits", {{"restart_max_retries", 2}, {"port", 8080}, {"healthcheck_timeout_seconds", 20}},
      "gantry-test/web:1", {{"EXIT_AT_ONCE", "3"}});
  EXPECT_TRUE(exits.starts_with("FAILED") && has(exits, "code 3") && has(exits, "2 restarts"))
      << exits;
  const std::string command = fate("command", {{"start_command", {"/no/such/program"}}});
  EXPECT_TRUE(command.starts_with("FAILED") && has(command, "/no/such/program")) << command;
  const std::string word =
      fate("word", {{"start_command", {"nosuchword"}}, {"restart_max_retries", 1}});
  EXPECT_TRUE(word.starts_with("FAILED")) << word;
  const std::string cpu = fate("cpu", {{"cpu_millicores", 900000}});
  EXPECT_TRUE(cpu.starts_with("FAILED") && has(cpu, "900000 millicores")) << cpu;
  const std::string sick = fate("sick", {{"healthcheck_path", "/nowhere"}});
  EXPECT_TRUE(sick.starts_with("FAILED") && has(sick, "404")) << sick;
}

TEST_F(E2eTrouble, TooLittleMemory) {
  const auto refused = gantry->api("POST", "/v1/projects/shop/services",
                                   {{"name", "small"}, {"deploy", {{"memory_bytes", 1000000}}}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_TRUE(has(refused.http.body, "memory_bytes")) << refused.http.body;
  const std::string path = gantry->create("eater", {{"memory_bytes", 16777216}, {"port", 8080}});
  ASSERT_EQ(gantry->settled(gantry->deploy(path)), "SUCCESS");
  const std::string id = gantry->containers(path)[0].id;
  gantry->edge(path, "/eat/64");
  EXPECT_TRUE(within(15, [&] {
    const Json replicas = gantry->get(path + "/replicas")["data"];
    return !replicas.empty() && has(replicas.dump(), "memory");
  })) << gantry->state_of(path);
  EXPECT_TRUE(gantry->converged(path, 1)) << gantry->state_of(path);
}

TEST_F(E2eTrouble, RequestsThatCannotBeRead) {
  const std::string path = gantry->create("target", {{"replicas", 0}});
  const auto post = [&](const std::string& body, const std::string& url = "/v1/projects") {
    return gantry->raw({.method = "POST",
                        .path = url,
                        .headers = "Content-Type: application/json\r\n",
                        .body = body});
  };
  EXPECT_EQ(post(R"({"name":")" + std::string(10 << 20, 'a') + "\"}").status, 413);
  for (const char* body : {"", "{", "{\"name\":}", "nonsense", "[]", "\"x\"", "{\"name\":\"a\"}}",
                           "\xff\xfe", "{\"name\":\"a\",\"name\":\"b\"}"}) {
    const int status = post(body).status;
    EXPECT_TRUE(status == 400 || status == 422) << body << ": " << status;
  }
  const auto unknown = post(R"({"name":"fine","colour":"red"})");
  EXPECT_EQ(unknown.status, 422);
  EXPECT_TRUE(has(unknown.http.body, "colour")) << unknown.http.body;
  for (const char* name : {"../etc", "..", ".", "a/b", "a\\u0000b", "a\\nb", "-leading",
                           "trailing-", "UPPER", "a b", "", "\\u00e9", "a;b", "$(id)"}) {
    const auto reply = post(std::string(R"({"name":")") + name + "\"}");
    EXPECT_EQ(reply.status, 422) << name << ": " << reply.http.body;
  }
  for (const char* image : {"--privileged", "../x", "a b", "a\\nb", "a\\u0000"}) {
    const auto reply = post(std::string(R"({"image":")") + image + "\"}", path + "/deployments");
    EXPECT_EQ(reply.status, 422) << image << ": " << reply.http.body;
  }
  for (const char* url : {"/v1/projects/..%2f..%2fetc", "/v1/projects/%00", "/v1/projects/%zz",
                          "/v1/projects/a%0ab", "/v1/projects/-x", "/v1/../etc/passwd"}) {
    const int status = gantry->api("GET", url).status;
    EXPECT_TRUE(status == 404 || status == 400 || status == 422) << url << ": " << status;
  }
  EXPECT_EQ(http_call(gantry->api_port, {.path = "/v1/projects"}).status, 401);
  EXPECT_EQ(gantry->api("GET", "/livez").status, 200);
}

TEST(E2eEngineAway, SaysSoAndRecovers) {
  namespace fs = std::filesystem;
  Gantry gantry;
  const std::string real = gantry.settings.engine_socket;
  const std::string link = gantry.directory + "/engine.sock";
  gantry.settings.engine_socket = link;
  gantry.write_config(gantry.made_config());
  gantry.start();
  const std::string path = gantry.create("web", {{"healthcheck_timeout_seconds", 60}});
  const std::string deployment = gantry.deploy(path);
  EXPECT_TRUE(within(
      10, [&] { return !gantry.get("/v1/deployments/" + deployment).value("reason", "").empty(); }))
      << "nothing says that the engine is away: " << gantry.get("/v1/deployments/" + deployment);
  std::printf("engine away: %s\n", gantry.get("/v1/deployments/" + deployment).dump().c_str());
  fs::create_symlink(real, link);
  EXPECT_EQ(gantry.settled(deployment), "SUCCESS") << gantry.state_of(path);
  EXPECT_TRUE(gantry.converged(path, 1));
  gantry.settings.engine_socket = real;
}

}  // namespace
}  // namespace gantry::testing
