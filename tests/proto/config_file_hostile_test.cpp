#include <chrono>
#include <random>

#include <gtest/gtest.h>

#include "tests/proto/config_file_fixture.hpp"

namespace gantry {
namespace {

std::string repeated(std::string_view part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

// Reads and reports; the answer has to come soon, whatever the text.
ConfigResult soon(const std::string& file, const std::string& text) {
  const auto start = std::chrono::steady_clock::now();
  auto result = read_text(file, text);
  config_json(file, result);
  const auto taken = std::chrono::steady_clock::now() - start;
  EXPECT_LT(taken, std::chrono::seconds(10)) << file << ' ' << text.substr(0, 60);
  return result;
}

TEST(ProtoConfigFileHostile, TenMegabytes) {
  const std::string text = "{\"deploy\":{\"startCommand\":\"" + std::string(10 << 20, 'x') + "\"}}";
  for (const char* file : {"f.json", "f.toml", "f.yaml"})
    EXPECT_EQ(lines_of(soon(file, text), "f"),
              "f: error: the file has 10485790 bytes; at most 262144 are read");
}

TEST(ProtoConfigFileHostile, NestsEndEarly) {
  const int depth = 120000;
  EXPECT_EQ(lines_of(soon("f.json", "{\"a\":" + repeated("[", depth)), "f"),
            "f:1:70: error: nested deeper than 64 levels");
  EXPECT_FALSE(soon("f.json", "{\"a\":" + repeated("{\"a\":", 40000)).ok());
  EXPECT_FALSE(soon("f.toml", "a = " + repeated("[", depth)).ok());
  EXPECT_FALSE(soon("f.toml", repeated("a.", depth) + "a = 1").ok());
  EXPECT_FALSE(soon("f.toml", "[" + repeated("a .", 60000) + "a]").ok());
  EXPECT_FALSE(soon("f.toml", "a = { " + repeated("\"a\".", 60000) + "a = 1 }").ok());
  EXPECT_FALSE(soon("f.toml", "a = " + repeated("{a=", 60000)).ok());
  EXPECT_FALSE(soon("f.yaml", "a: " + repeated("[", depth)).ok());
  EXPECT_FALSE(soon("f.yaml", "a: " + repeated("{a: ", 60000)).ok());
  EXPECT_FALSE(soon("f.yaml", repeated("- ", depth)).ok());
  EXPECT_FALSE(soon("f.yaml", repeated("? ", depth)).ok());
  std::string steps;
  for (int i = 0; i < 600; ++i) steps += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_FALSE(soon("f.yaml", steps).ok());
}

TEST(ProtoConfigFileHostile, AliasesAndMergesDoNotMultiply) {
  std::string laughs = "x-a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
  std::string merges = "x-m0: &m0 {k0: 1, l0: 2}\n";
  for (int i = 1; i < 12; ++i) {
    const std::string one = std::to_string(i);
    const std::string last = std::to_string(i - 1);
    laughs += "x-a" + one + ": &a" + one + " [" + repeated("*a" + last + ",", 10) + "]\n";
    merges += "x-m" + one + ": &m" + one + " {<<: [" + repeated("*m" + last + ",", 10) + "], k" +
              one + ": 1}\n";
  }
  for (const std::string& text : {laughs, merges})
    EXPECT_NE(lines_of(soon("f.yaml", text), "f").find("more than 5000 values"), std::string::npos);
  EXPECT_FALSE(soon("f.yaml", "x-a: &a [*a]\ndeploy: {numReplicas: 1}\n").ok());
  EXPECT_FALSE(soon("f.yaml", "x-a: &a {<<: *a}\n").ok());
}

TEST(ProtoConfigFileHostile, ManyOfEverything) {
  std::string keys = "{";
  std::string services = "{\"services\":{";
  std::string twice = "{";
  for (int i = 0; i < 4500; ++i) {
    keys += "\"unknown" + std::to_string(i) + "\":1,";
    if (i < 2400) services += "\"s" + std::to_string(i) + "\":{\"deploy\":{}},";
    twice += "\"a\":1,";
  }
  const auto result = soon("f.json", keys + "}");
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.problems.size(), 201u);  // and that nothing is known
  soon("f.json", services + "}}");
  soon("f.json", twice + "}");
  soon("f.json", repeated("/*", 120000));
  soon("f.json", repeated("//\n", 80000) + "{}");
  soon("f.toml", repeated("[[services]]\nname='a'\n", 9000));
  soon("f.toml", repeated("a", 200000) + " = 1");
  soon("f.yaml", repeated("a: b\n", 50000));
  soon("f.yaml", repeated("&a ", 80000));
  soon("f.yaml", repeated("!", 200000));
  soon("f.yaml", repeated("\"", 200001));
  soon("f.yaml", repeated("a: ", 80000));
}

struct Seed {
  const char* file;
  std::string text;
};

const std::vector<Seed>& seeds() {
  static const std::vector<Seed> all{{"f.json", R"({ // one
  "$schema": "x", "build": {"builder": "nixpacks", "watchPatterns": ["a/**", "!b"], "nixpacksPlan": {"a": [1.5e3]}},
  "deploy": {"startCommand": "cd a && run -p ${PORT:-80} 'x y' \u00e9\ud83d\ude00", "numReplicas": "3", "healthcheckPath": "/e",
    "multiRegionConfig": {"a": {"numReplicas": 1}, "b": null}, "cronSchedule": "*/5 1-3,7 * * 0", "sleepApplication": true,
    "limitOverride": {"containers": {"cpu": 0.5, "memoryBytes": 1e9}}, "resources": {"cpu": "1500m", "memory": "1.5Gi"},},
  "environments": {"pr": {"deploy": {"drainingSeconds": null}}}, "services": {"api": {"rootDirectory": "a/../b"}} /* end */
})"},
                                     {"f.toml", R"([build]
builder = "dockerfile" # two
watchPatterns = ["a", 'b']
[deploy]
startCommand = """
a \
 b"""
resources = { cpu = 0.5, memory = "512Mi" }
drainingSeconds = 0x10
[environments.pr.deploy]
numReplicas = 1_0
[[services]]
name = "api"
deploy.cronSchedule = "0 0 1 1 0"
)"},
                                     {"f.yaml", R"(x-b: &b {healthcheckPath: /up, numReplicas: 2}
build: {builder: RAILPACK, watchPatterns: ["a/**", '!b']}
deploy:
  <<: *b
  startCommand: >-
    node server.js
    --port $PORT
  preDeployCommand: [a, "b"]
  resources: {cpu: 1500m, memory: 1Gi}
services:
  api: &api
    rootDirectory: "services/api"
    environments: {production: {deploy: {numReplicas: 0x2}}}
  web: *api
)"}};
  return all;
}

std::string mutated(std::string text, const std::string& other, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  constexpr std::string_view marks = "{}[]\"':,#/*\\\n\r\t -.&*!<>|=%@`~0eE_$\xff\xc3\x00";
  for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
    const std::size_t at = below(text.size());
    const std::size_t length = below(std::min<std::size_t>(text.size() - at + 1, 40));
    switch (below(6)) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(random());
        break;
      case 1:
        text.insert(at, 1, marks[below(marks.size())]);
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(below(text.size()), text.substr(at, length));
        break;
      case 4:
        text.resize(at);
        break;
      case 5:
        text.insert(at, other.substr(below(other.size()), 20));
        break;
    }
  }
  return text;
}

TEST(ProtoConfigFileHostile, TwentyThousandMutationsOfGoodFiles) {
  std::mt19937 random(20260821);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    const Seed& seed = seeds()[random() % seeds().size()];
    const Seed& other = seeds()[random() % seeds().size()];
    ConfigRequest request{.file_name = seed.file, .text = mutated(seed.text, other.text, random)};
    request.environment = "pr-1";
    request.base_environment = "production";
    request.service = "api";
    const auto result = read_config(request);
    if (result.ok()) continue;
    ++refused;
    EXPECT_EQ(result.config, DeploymentConfig{});
    for (const ConfigProblem& problem : result.problems) EXPECT_NE(problem.message, "");
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 19000);
}

TEST(ProtoConfigFileHostile, TheGoodFilesAreGood) {
  for (const Seed& seed : seeds()) {
    const auto result = read_text(seed.file, seed.text);
    EXPECT_TRUE(result.ok()) << lines_of(result, seed.file);
  }
}

}  // namespace
}  // namespace gantry
