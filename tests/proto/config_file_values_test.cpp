#include <gtest/gtest.h>

#include "proto/command.hpp"
#include "proto/cron.hpp"
#include "proto/quantity.hpp"
#include "tests/proto/config_file_fixture.hpp"

namespace gantry {
namespace {

// {"deploy": {KEY: VALUE}} in JSON, KEY with dots.
std::string nested(std::string_view path, const std::string& value) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return "{\"" + std::string(path) + "\":" + value + "}";
  return "{\"" + std::string(path.substr(0, dot)) + "\":" + nested(path.substr(dot + 1), value) +
         "}";
}

struct Case {
  const char* key;
  const char* value;
  const char* expected;  // of an accept the value in force, of a reject the message
  const char* setting = nullptr;
};

TEST(ProtoConfigFileValues, Accepts) {
  for (const Case& c : std::vector<Case>{
           {"build.builder", "\"nixpacks\"", "\"NIXPACKS\""},
           {"build.builder", "\"Dockerfile\"", "\"DOCKERFILE\""},
           {"build.builder", "null", "\"RAILPACK\""},
           {"build.buildCommand", "\" npm ci && npm run build \"", "\"npm ci && npm run build\""},
           {"build.buildCommand", "\"\"", "null"},
           {"build.dockerfilePath", "\"/services/My App/Dockerfile.dev\"",
            "\"/services/My App/Dockerfile.dev\""},
           {"build.dockerfilePath", "\"a/../Dockerfile\"", "\"a/../Dockerfile\""},
           {"build.watchPatterns", "[\"/src/**\", \"!*.md\"]", "[\"/src/**\",\"!*.md\"]"},
           {"build.watchPatterns", "[]", "[]"},
           {"build.nixpacksConfigPath", "\"nix/nixpacks.toml\"", "\"nix/nixpacks.toml\""},
           {"build.nixpacksPlan", "{\"phases\":{\"setup\":{\"nixPkgs\":[\"...\",\"jq\"]}}}",
            "{\"phases\":{\"setup\":{\"nixPkgs\":[\"...\",\"jq\"]}}}"},
           {"deploy.startCommand", "\"node dist/server.js --name 'a b'\"",
            "[\"node\",\"dist/server.js\",\"--name\",\"a b\"]"},
           {"deploy.startCommand", "\"app --port $PORT\"",
            "[\"/bin/sh\",\"-c\",\"exec app --port $PORT\"]"},
           {"deploy.startCommand", "\"cd api && run\"", "[\"/bin/sh\",\"-c\",\"cd api && run\"]"},
           {"deploy.startCommand", "[\"app\", \"$PORT\"]", "[\"app\",\"$PORT\"]"},
           {"deploy.startCommand", "\"  \"", "[]"},
           {"deploy.startCommand", "null", "[]"},
           {"deploy.preDeployCommand", "\"npm run migrate\"", "[\"npm run migrate\"]"},
           {"deploy.preDeployCommand", "[\"a\", \"b && c\", \"\"]", "[\"a\",\"b && c\"]"},
           {"deploy.healthcheckPath", "\"/health?full=1\"", "\"/health?full=1\""},
           {"deploy.healthcheckPath", "\"\"", "null"},
           {"deploy.healthcheckTimeout", "3600", "3600"},
           {"deploy.healthcheckInterval", "30", "30"},
           {"deploy.restartPolicyType", "\"on_failure\"", "\"ON_FAILURE\""},
           {"deploy.restartPolicyType", "\"Always\"", "\"ALWAYS\""},
           {"deploy.restartPolicyMaxRetries", "999", "999"},
           {"deploy.numReplicas", "0", "0"},
           {"deploy.numReplicas", "2e1", "20"},
           {"deploy.multiRegionConfig", "null", "1", "deploy.numReplicas"},
           {"deploy.resources.cpu", "\"1500m\"", "\"1500m\""},
           {"deploy.resources.cpu", "0.1", "\"100m\""},
           {"deploy.resources.cpu", "\"2\"", "\"2000m\""},
           {"deploy.resources.cpu", "0", "\"0m\""},
           {"deploy.resources.memory", "\"2Gi\"", "2147483648"},
           {"deploy.resources.memory", "\"512M\"", "512000000"},
           {"deploy.resources.memory", "1073741824", "1073741824"},
           {"deploy.resources", "null", "536870912", "deploy.resources.memory"},
           {"deploy.limitOverride.containers.cpu", "0.5", "\"500m\"", "deploy.resources.cpu"},
           {"deploy.limitOverride.containers.memoryBytes", "1073741824", "1073741824",
            "deploy.resources.memory"},
           {"deploy.cronSchedule", "\"*/15  0,12 1-15/2 * 0-7\"", "\"*/15 0,12 1-15/2 * 0-7\""},
           {"deploy.sleepApplication", "true", "true"},
           {"deploy.overlapSeconds", "0", "0"},
           {"deploy.drainingSeconds", "0", "0"},
           {"deploy.requiredMountPath", "\"/data\"", "\"/data\""},
       }) {
    const auto result = without_unapplied(read_json(nested(c.key, c.value)));
    EXPECT_TRUE(result.ok() && result.problems.empty()) << c.key << ' ' << lines_of(result, "f");
    EXPECT_EQ(value_of(result, c.setting ? c.setting : c.key), c.expected)
        << c.key << ' ' << c.value;
  }
}

TEST(ProtoConfigFileValues, AcceptsSchedules) {
  for (const Case& c : std::vector<Case>{
           {"deploy.cronSchedule", "null", "null"},
           {"deploy.cron.zone", "\"Europe/Berlin\"", "\"Europe/Berlin\""},
           {"deploy.cron.overlap", "\"replace\"", "\"REPLACE\""},
           {"deploy.cron.missed", "\"once\"", "\"ONCE\""},
           {"deploy.cron.limit", "\"1h\"", "3600"},
       }) {
    const auto result = read_json(nested(c.key, c.value));
    EXPECT_TRUE(result.ok() && result.problems.empty()) << c.key << ' ' << lines_of(result, "f");
    EXPECT_EQ(value_of(result, c.key), c.expected) << c.key;
  }
}

const std::vector<Case> kRefused = {
    {"deploy.cron.zone", "\"Berlin\"",
     "there is no time zone \"Berlin\": expected a name such as \"UTC\" or \"Europe/Berlin\", in "
     "this spelling"},
    {"deploy.cron.overlap", "\"wait\"", "expected SKIP, ALLOW or REPLACE, received \"wait\""},
    {"deploy.cron.missed", "\"all\"", "expected SKIP or ONCE, received \"all\""},
    {"build", "\"./build.sh\"",
     "expected an object, received a string (\"./build.sh\"): a command goes to "
     "build.buildCommand"},
    {"deploy", "[]", "expected an object, received an array ([])"},
    {"build.builder", "\"maven\"",
     "expected RAILPACK, NIXPACKS or DOCKERFILE, received \"maven\": leave the key out to "
     "have the language and its build tool detected"},
    {"build.builder", "\"nixpacks:v1\"",
     "expected RAILPACK, NIXPACKS or DOCKERFILE, received \"nixpacks:v1\": write "
     "\"NIXPACKS\""},
    {"build.builder", "1", "expected a string, received a number (1)"},
    {"build.buildCommand", "[\"a\"]", "expected a string, received an array ([\"a\"])"},
    {"build.buildCommand", "\"echo 'a\"",
     "a quote or a last backslash has no end: close it, or write the command as an array of "
     "strings"},
    {"build.dockerfilePath", "\"../Dockerfile\"",
     "the path leads out of the source: begin at its root, with \"Dockerfile\""},
    {"build.dockerfilePath", "\"\"",
     "expected a text, received an empty string: leave the key out, or write null"},
    {"build.watchPatterns", "\"src/**\"",
     "expected an array of strings, received a string (\"src/**\"): write [\"src/**\"]"},
    {"build.watchPatterns", "{\"includes\":[]}",
     "expected an array of strings, received an object (with the key \"includes\"): write "
     "the patterns as a list, with ! before those that are to be left out"},
    {"build.nixpacksPlan", "\"{}\"",
     "expected an object, received a string (\"{}\"): write the plan itself, not its text"},
    {"deploy.startCommand", "true", "expected a string, received a boolean (true)"},
    {"deploy.startCommand", "[\"\"]", "the program's name is empty"},
    {"deploy.healthcheckPath", "\"health\"", "a path begins with \"/\": write \"/health\""},
    {"deploy.healthcheckPath", "\"http://x/health\"",
     "expected a path, received \"http://x/health\": leave the scheme and the host out"},
    {"deploy.healthcheckPath", "\"/a b\"",
     "a path has at most 2048 printable ASCII characters and no blanks"},
    {"deploy.healthcheckTimeout", "30000",
     "expected 1 to 3600 seconds, received 30000 (are these milliseconds?)"},
    {"deploy.healthcheckTimeout", "0", "expected 1 to 3600 seconds, received 0"},
    {"deploy.drainingSeconds", "\"30s\"",
     "expected a number, received a string (\"30s\"): write 30"},
    {"deploy.drainingSeconds", "\"soon\"", "expected a number, received a string (\"soon\")"},
    {"deploy.drainingSeconds", "-1", "expected 0 to 3600 seconds, received -1"},
    {"deploy.drainingSeconds", "{}", "expected a number, received an object ({})"},
    {"deploy.numReplicas", "1.5", "expected a whole number, received 1.5"},
    {"deploy.numReplicas", "201", "expected 0 to 200 replicas, received 201"},
    {"deploy.numReplicas", "1e300", "expected 0 to 200 replicas, received 1e300"},
    {"deploy.restartPolicyType", "\"on-failure\"",
     "expected ON_FAILURE, ALWAYS or NEVER, received \"on-failure\": write \"ON_FAILURE\""},
    {"deploy.restartPolicyType", "\"unless-stopped\"",
     "expected ON_FAILURE, ALWAYS or NEVER, received \"unless-stopped\": write \"ALWAYS\""},
    {"deploy.resources.cpu", "\"2Gb\"",
     "expected a quantity such as \"1000m\" or \"0.5\", received \"2Gb\""},
    {"deploy.resources.cpu", "\"1m\"",
     "expected 10m to 1000 CPUs, or 0 for no limit, received \"1m\""},
    {"deploy.resources.memory", "\"512MB\"",
     "expected a quantity such as \"512Mi\" or \"2Gi\", received \"512MB\": write \"512M\""},
    {"deploy.resources.memory", "\"2 gb\"",
     "expected a quantity such as \"512Mi\" or \"2Gi\", received \"2 gb\": write \"2G\""},
    {"deploy.resources.memory", "512",
     "512 is 512 bytes; at least 6Mi are needed, or 0 for no limit: did you mean \"512Mi\"?"},
    {"deploy.resources.memory", "\"2000m\"",
     "\"2000m\" is 2 bytes; at least 6Mi are needed, or 0 for no limit"},
    {"deploy.resources.memory", "-1",
     "expected a quantity such as \"512Mi\" or \"2Gi\", received -1"},
    {"deploy.resources", "\"2Gi\"", "expected an object, received a string (\"2Gi\")"},
    {"deploy.cronSchedule", "\"@daily\"",
     "expected five fields, received \"@daily\": write \"0 0 * * *\""},
    {"deploy.cronSchedule", "\"0 0 6 * * *\"",
     "expected five fields (minute, hour, day, month, weekday), received 6 (\"0 0 6 * * "
     "*\"): leave the seconds out"},
    {"deploy.cronSchedule", "\"0 25 * * *\"",
     "the hour is \"25\": expected 0 to 23 with * , - and /"},
    {"deploy.cronSchedule", "\"0 6 * * MON\"",
     "the day of the week is \"MON\": expected 0 to 7 with * , - and /"},
    {"deploy.sleepApplication", "\"yes\"",
     "expected a boolean, received a string (\"yes\"): write true or false"},
    {"deploy.requiredMountPath", "\"data\"", "expected an absolute path, received \"data\""},
    {"deploy.multiRegionConfig", "{\"a\":{\"numReplicas\":150},\"b\":{\"numReplicas\":51}}",
     "the regions have 201 replicas; at most 200"},
};

TEST(ProtoConfigFileValues, Refuses) {
  for (const Case& c : kRefused) {
    const auto result = read_json(nested(c.key, c.value));
    ASSERT_EQ(result.problems.size(), 1u) << c.key << ' ' << c.value << lines_of(result, "f");
    EXPECT_EQ(result.problems[0].severity, ConfigSeverity::error);
    EXPECT_EQ(result.problems[0].message, c.expected);
    EXPECT_EQ(result.problems[0].key, c.key);
    EXPECT_EQ(result.problems[0].at.line, 1);
    EXPECT_EQ(result.config, DeploymentConfig{});
  }
}

struct WarnedCase {
  const char* text;
  const char* line;
};
const std::vector<WarnedCase> kWarned = {
    {R"({"deploy":{"drainingSeconds":"30"}})",
     "f:1:30: warning: deploy.drainingSeconds: expected a number, received a string "
     "(\"30\"): read as the number; write it without quotes"},
    {R"({"deploy":{"sleepApplication":"true"}})",
     "f:1:31: warning: deploy.sleepApplication: expected a boolean, received a string "
     "(\"true\"): read as the boolean; write it without quotes"},
    {R"({"build":{"builder":"DOCKER"}})",
     "f:1:21: warning: build.builder: there is no builder \"DOCKER\": read as "
     "\"DOCKERFILE\""},
    {R"({"deploy":{"resources":{"cpu":1000}}})",
     "f:1:31: warning: deploy.resources.cpu: 1000 means so many whole CPUs; for thousandths "
     "write \"1000m\""},
    {R"({"deploy":{"healthCheckPath":"/"}})",
     "f:1:12: warning: deploy.healthCheckPath: unknown key, ignored; did you mean "
     "\"healthcheckPath\"?"},
    {R"({"deploy":{"numReplica":1}})",
     "f:1:12: warning: deploy.numReplica: unknown key, ignored; did you mean "
     "\"numReplicas\"?"},
    {R"({"deploy":{"buildCommand":"x"}})",
     "f:1:12: warning: deploy.buildCommand: unknown key, ignored; did you mean "
     "\"build.buildCommand\"?"},
    {R"({"startCommand":"x"})",
     "f:1:2: warning: startCommand: unknown key, ignored; did you mean "
     "\"deploy.startCommand\"?"},
    {R"({"deploy":{"releaseCommand":"x"}})",
     "f:1:12: warning: deploy.releaseCommand: unknown key, ignored; use "
     "deploy.preDeployCommand"},
    {R"({"build":{"dockerfile":"x"}})",
     "f:1:11: warning: build.dockerfile: unknown key, ignored; use build.dockerfilePath"},
    {R"({"schema":"x"})",
     "f:1:2: warning: schema: unknown key, ignored; did you mean \"$schema\"?"},
    {R"({"env":{"A":"x"}})",
     "f:1:2: warning: env: unknown key, ignored; variables are not read from this file: set "
     "them with `gantry variables --set NAME=value`"},
    {R"({"environments":{"production":{"NODE_ENV":"x"}}})",
     "f:1:32: warning: environments.production.NODE_ENV: unknown key, ignored; variables "
     "are not read from this file: set them with `gantry variables --set NAME=value`"},
    {R"({"zzz":1})", "f:1:2: warning: zzz: unknown key, ignored"},
    {R"({"deploy.numReplicas":1})", "f:1:2: warning: deploy.numReplicas: unknown key, ignored"},
    {R"({"rootDirectory":"api"})",
     "f:1:2: warning: rootDirectory: unknown key, ignored; use rootDirectory of a service's "
     "block, or the service's setting"},
    {R"({"deploy":{"registryCredentials":{"password":"x"}}})",
     "f:1:12: warning: deploy.registryCredentials: ignored: a password does not belong into "
     "a repository; give it to the server"},
    {R"({"deploy":{"region":"us-west2"}})",
     "f:1:12: notice: deploy.region: there are no regions here"},
    {R"({"build":{"buildEnvironment":"V3"}})",
     "f:1:11: notice: build.buildEnvironment: internal to Railway: it means nothing here"},
    {R"({"deploy":{"multiRegionConfig":{"sfo":{"numReplicas":1}}}})",
     "f:1:32: notice: deploy.multiRegionConfig: there are no regions here: its 1 replica "
     "counts"},
};

TEST(ProtoConfigFileValues, Warns) {
  for (const WarnedCase& c : kWarned) {
    auto result = without_unapplied(read_text("f", c.text));
    if (result.problems[0].at.line == 0) {  // said of a file with nothing else in it
      EXPECT_EQ(result.problems[0].message, "no key of this file is known: it sets nothing");
      result.problems.erase(result.problems.begin());
    }
    EXPECT_EQ(lines_of(result, "f"), c.line);
    EXPECT_TRUE(result.ok());
  }
}

TEST(ProtoConfigFileValues, VendorKeysAreSilentEverywhere) {
  const auto result = read_json(
      R"({"$schema":1,"x-a":{"b":1},"build":{"x-c":1},"deploy":{"x-d":1,"resources":{"x-e":1}},"services":{"x-f":1},"environments":{"x-g":1,"p":{"x-h":1}}})");
  EXPECT_EQ(lines_of(result, "f"), "");
}

TEST(ProtoConfigFileValues, SeveralKeysForOneSetting) {
  const auto result = read_json(
      R"({"deploy":{"multiRegionConfig":{"a":{"numReplicas":2},"b":{"numReplicas":1}},"numReplicas":9,"limitOverride":{"containers":{"cpu":2}},"resources":{"cpu":"2000m","memory":"1Gi"}}})");
  EXPECT_EQ(lines_of(result, "f"),
            "f:1:32: warning: deploy.multiRegionConfig: there are no regions here: 2 + 1 = 3 "
            "replicas run together\n"
            "f:1:32: warning: deploy.multiRegionConfig: deploy.numReplicas says otherwise: this "
            "one counts");
  EXPECT_EQ(result.config.settings.deploy.replicas, 3);
  EXPECT_EQ(result.config.settings.deploy.cpu_millicores, 2000);
  EXPECT_EQ(read_json(R"({"deploy":{"multiRegionConfig":null,"numReplicas":9}})")
                .config.settings.deploy.replicas,
            9);
}

TEST(ProtoConfigFileValues, Quantities) {
  const std::vector<std::tuple<const char*, std::int64_t, std::int64_t>> good{
      {"1", 1000, 1},         {"1000m", 1000, 1},
      {"0.5", 500, 1},        {".5", 500, 1},
      {"5.", 5000, 5},        {"1.5Gi", 1610612736000, 1610612736},
      {"2k", 2000000, 2000},  {"1e3", 1000000, 1000},
      {"1E3", 1000000, 1000}, {"1e-3", 1, 1},
      {"1n", 1, 1},           {"0", 0, 0},
      {"+3", 3000, 3},        {"0.0001", 1, 1},
      {"0.1", 100, 1},        {"1E", 0, 1000000000000000000}};
  for (const auto& [text, millis, units] : good) {
    if (millis != 0 || std::string(text) == "0") {
      EXPECT_EQ(parse_millis(text), millis) << text;
    }
    EXPECT_EQ(parse_units(text), units) << text;
  }
  for (const char* text :
       {"", "m", ".", "-1", "1 Gi", "1GB", "1gi", "0x10", "1e", "1e99", "1.2.3",
        "9223372036854775808", "10E", "8Ei", "1K", "1mm", "NaN", "1e+", "99999999999999999999m"})
    EXPECT_EQ(parse_units(text), std::nullopt) << text;
}

TEST(ProtoConfigFileValues, Commands) {
  const std::vector<std::pair<const char*, std::vector<std::string>>> cases{
      {"npm start", {"npm", "start"}},
      {"sh -c 'exec app --port $PORT && b'", {"sh", "-c", "exec app --port $PORT && b"}},
      {"/bin/bash -lc \"a; b\"", {"/bin/bash", "-lc", "a; b"}},
      {"java -jar target/*.jar", {"/bin/sh", "-c", "exec java -jar target/*.jar"}},
      {"app --port ${PORT:-8080}", {"/bin/sh", "-c", "exec app --port ${PORT:-8080}"}},
      {"NODE_ENV=production node a.js", {"/bin/sh", "-c", "NODE_ENV=production node a.js"}},
      {"cd backend", {"/bin/sh", "-c", "cd backend"}},
      {"echo '$HOME' \"a * b\" \\$x", {"echo", "$HOME", "a * b", "$x"}},
      {"echo \"$HOME\"", {"/bin/sh", "-c", "exec echo \"$HOME\""}},
      {"a | b > c", {"/bin/sh", "-c", "a | b > c"}},
      {"a\nb", {"/bin/sh", "-c", "a\nb"}},
      {"", {}}};
  for (const auto& [text, argv] : cases) EXPECT_EQ(*command_argv(text), argv) << text;
  EXPECT_FALSE(command_argv("a 'b").ok());
}

TEST(ProtoConfigFileValues, CommandsBackAsTheirText) {
  const std::vector<std::pair<std::vector<std::string>, const char*>> cases{
      {{"npm", "start"}, "npm start"},
      {{"/bin/sh", "-c", "exec app --port $PORT"}, "app --port $PORT"},
      {{"/bin/sh", "-c", "a && b"}, "a && b"},
      {{"/bin/sh", "-c", "exec node a.js"}, "/bin/sh -c 'exec node a.js'"},
      {{"echo", "it's", "", "$HOME", "a b"}, "echo 'it'\\''s' '' '$HOME' 'a b'"},
      {{}, ""}};
  for (const auto& [argv, text] : cases) {
    EXPECT_EQ(command_text(argv), text);
    EXPECT_EQ(*command_argv(text), argv) << text;
  }
}

}  // namespace
}  // namespace gantry
