#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/proto/config_file_fixture.hpp"

namespace gantry {
namespace {

const char* const kShop = R"(
deploy:
  numReplicas: 1
  drainingSeconds: 1
  overlapSeconds: 1
  healthcheckPath: /base
build: {watchPatterns: [all]}
services:
  api:
    rootDirectory: services/api
    watchPatterns: ["services/api/**"]
    deploy: {numReplicas: 2, drainingSeconds: 2}
    environments:
      production: {rootDirectory: dist/api, deploy: {numReplicas: 5}}
  web: {deploy: {startCommand: web}}
environments:
  production: {deploy: {numReplicas: 4, drainingSeconds: 4, healthcheckPath: null}}
  staging: {deploy: {numReplicas: 3, overlapSeconds: 3}, build: {builder: DOCKERFILE}}
  pr: {deploy: {numReplicas: 7, overlapSeconds: 7}}
  shop-pr-12: {deploy: {numReplicas: 8}}
)";

ConfigResult read_shop(ConfigRequest request) {
  request.file_name = "gantry.yaml";
  request.text = kShop;
  auto result = read_config(request);
  EXPECT_EQ(lines_of(result, "f"), "");
  return result;
}

ConfigRequest request_for(std::optional<std::string> environment,
                          std::optional<std::string> service = {},
                          std::optional<std::string> base = {}) {
  return {.file_name = "",
          .text = "",
          .environment = environment,
          .base_environment = base,
          .service = service};
}

TEST(ProtoConfigFileLayers, TheFileOverTheSettingsOverTheDefaults) {
  ConfigRequest request = request_for({});
  request.instance.settings.deploy.replicas = 9;
  request.instance.settings.deploy.restart_max_retries = 4;
  request.instance.settings.deploy.port = 3000;
  request.instance.settings.deploy.pids_limit = 77;
  request.instance.settings.source.image = *ImageRef::parse("nginx:1");
  const auto result = read_shop(request);
  EXPECT_EQ(value_of(result, "deploy.numReplicas"), "1");
  EXPECT_EQ(origin_of(result, "deploy.numReplicas"), "gantry.yaml:3:16 deploy.numReplicas");
  EXPECT_EQ(origin_of(result, "deploy.restartPolicyMaxRetries"), "service setting");
  EXPECT_EQ(value_of(result, "deploy.restartPolicyMaxRetries"), "4");
  EXPECT_EQ(origin_of(result, "deploy.sleepApplication"), "default");
  EXPECT_EQ(result.config.settings.deploy.port, 3000);  // what no key says stays
  EXPECT_EQ(result.config.settings.deploy.pids_limit, 77);
  EXPECT_EQ(result.config.settings.source.image->str(), "nginx:1");
  EXPECT_EQ(result.services, (std::vector<std::string>{"api", "web"}));
  EXPECT_EQ(result.environments,
            (std::vector<std::string>{"production", "staging", "pr", "shop-pr-12"}));
}

TEST(ProtoConfigFileLayers, EnvironmentOverServiceOverBase) {
  const auto production = read_shop(request_for("production"));
  EXPECT_EQ(value_of(production, "deploy.numReplicas"), "4");
  EXPECT_EQ(value_of(production, "deploy.overlapSeconds"), "1");
  EXPECT_EQ(value_of(production, "deploy.healthcheckPath"), "null");
  EXPECT_EQ(origin_of(production, "deploy.healthcheckPath"),
            "gantry.yaml:17:78 environments.production.deploy.healthcheckPath");
  const auto api = read_shop(request_for({}, "api"));
  EXPECT_EQ(value_of(api, "deploy.numReplicas"), "2");
  EXPECT_EQ(value_of(api, "deploy.healthcheckPath"), "\"/base\"");
  EXPECT_EQ(value_of(api, "build.rootDirectory"), "\"services/api\"");
  EXPECT_EQ(value_of(api, "build.watchPatterns"), "[\"services/api/**\"]");
  const auto both = read_shop(request_for("production", "api"));
  EXPECT_EQ(value_of(both, "deploy.numReplicas"), "5");
  EXPECT_EQ(value_of(both, "deploy.drainingSeconds"), "4");
  EXPECT_EQ(value_of(both, "build.rootDirectory"), "\"dist/api\"");
  EXPECT_EQ(origin_of(both, "deploy.numReplicas"),
            "gantry.yaml:14:67 services.api.environments.production.deploy.numReplicas");
  EXPECT_EQ(value_of(read_shop(request_for("nowhere", "web")), "deploy.startCommand"), "[\"web\"]");
  EXPECT_EQ(value_of(read_shop(request_for("nowhere")), "build.rootDirectory"), "null");
}

TEST(ProtoConfigFileLayers, PullRequests) {
  const auto exact = read_shop(request_for("shop-pr-12", {}, "staging"));
  EXPECT_EQ(value_of(exact, "deploy.numReplicas"), "8");
  EXPECT_EQ(value_of(exact, "deploy.overlapSeconds"), "7");
  EXPECT_EQ(value_of(exact, "build.builder"), "\"DOCKERFILE\"");
  const auto other = read_shop(request_for("shop-pr-13", {}, "staging"));
  EXPECT_EQ(value_of(other, "deploy.numReplicas"), "7");
  EXPECT_EQ(value_of(other, "deploy.drainingSeconds"), "1");
  // Without a base it is an ordinary environment: "pr" says nothing about it.
  const auto ordinary = read_shop(request_for("shop-pr-12"));
  EXPECT_EQ(value_of(ordinary, "deploy.numReplicas"), "8");
  EXPECT_EQ(value_of(ordinary, "deploy.overlapSeconds"), "1");
  EXPECT_EQ(value_of(read_shop(request_for("pr")), "deploy.numReplicas"), "7");
}

TEST(ProtoConfigFileLayers, NullIsPresentAndGivesTheDefault) {
  ConfigRequest request{.file_name = "railway.json", .text = R"({
    "build": null, "environments": null, "services": {"a": null},
    "deploy": {"numReplicas": null, "healthcheckPath": null, "resources": null, "startCommand": null}})"};
  request.instance.settings.deploy.replicas = 9;
  request.instance.settings.deploy.healthcheck_path = "/x";
  request.instance.settings.deploy.cpu_millicores = 50;
  request.instance.settings.deploy.start_command = {"a"};
  request.instance.settings.deploy.overlap_seconds = 5;
  request.instance.settings.deploy.cron.schedule = "* * * * *";
  const auto result = read_config(request);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.count(ConfigSeverity::warning), 0u);
  DeploymentConfig expected;
  expected.settings.deploy.overlap_seconds = 5;
  expected.settings.deploy.cron.schedule = "* * * * *";
  EXPECT_EQ(result.config, expected);
  EXPECT_EQ(origin_of(result, "deploy.numReplicas"), "railway.json:3:31 deploy.numReplicas");
  EXPECT_EQ(origin_of(result, "deploy.resources.cpu"), "railway.json:3:75 deploy.resources");
  EXPECT_EQ(origin_of(result, "deploy.cronSchedule"), "service setting");
}

TEST(ProtoConfigFileLayers, TheWholeFileIsChecked) {
  const auto result = read_json(
      "{\"environments\":{\"staging\":{\"deploy\":{\"numReplicas\":\"x\"}}},\n\"services\":{\"a\":{"
      "\"environments\":{\"b\":{\"build\":1}}}}}");
  EXPECT_EQ(
      lines_of(result, "f"),
      "f:1:53: error: environments.staging.deploy.numReplicas: expected a number, received a "
      "string (\"x\")\n"
      "f:2:47: error: services.a.environments.b.build: expected an object, received a number (1)");
  EXPECT_EQ(lines_of(read_json(R"({"environments":{"a":{"services":{}}}})"), "f"),
            "f: warning: no key of this file is known: it sets nothing\n"
            "f:1:23: warning: environments.a.services: unknown key, ignored; services stand at the "
            "top; inside of one write environments.<name>");
  EXPECT_EQ(lines_of(read_json(R"({"environments":[],"services":"a"})"), "f"),
            "f:1:17: error: environments: expected an object with a block for each environment, "
            "received an array ([])\n"
            "f:1:31: error: services: expected an object with a block for each service, received a "
            "string (\"a\")");
}

TEST(ProtoConfigFileLayers, AListOfServicesIsReadByName) {
  ConfigRequest request{.file_name = "railway.toml",
                        .text =
                            "[[services]]\nname = \"api\"\n[services.deploy]\nnumReplicas = 2\n"
                            "[[services]]\nroot = \"x\"\n"};
  request.service = "api";
  const auto result = read_config(request);
  EXPECT_EQ(value_of(result, "deploy.numReplicas"), "2");
  EXPECT_EQ(lines_of(result, "f"),
            "f:1:3: warning: services: a list is read by the name in each of its blocks; write "
            "services.<name>\n"
            "f:5:1: warning: services: a block without a name, ignored");
}

TEST(ProtoConfigFileLayers, SaysWhatWillNotDoWhatItSeemsTo) {
  ConfigRequest request{.file_name = "f", .text = R"({
"build": {"builder": "DOCKERFILE", "buildCommand": "make"},
"deploy": {"startCommand": "app -p $PORT"},
"services": {"api": {}}, "environments": {"Production": {}}})"};
  request.service = "web";
  request.environment = "production";
  EXPECT_EQ(
      lines_of(read_config(request), "f"),
      "f: notice: services: there is no block for the service \"web\"\n"
      "f: warning: environments.Production: not used for the environment \"production\": upper and "
      "lower case count\n"
      "f:2:52: notice: build.buildCommand: not used: a Dockerfile is built by its own steps\n"
      "f:3:28: warning: deploy.startCommand: its variables are put in when a replica starts; "
      "Railway hands \"$PORT\" to an image from a Dockerfile as it is");
  request.text =
      "{\"build\":{\"builder\":\"DOCKERFILE\"},\"deploy\":{\"startCommand\":\"a && b\"}}";
  request.service.reset();
  EXPECT_EQ(
      lines_of(read_config(request), "f"),
      "f:1:60: notice: deploy.startCommand: runs through /bin/sh, which the image has to have");
  request.text =
      "deploy: {cronSchedule: '0 6 * * *', sleepApplication: true, requiredMountPath: /d}";
  request.file_name = "f.yaml";
  EXPECT_EQ(
      lines_of(read_config(request), "f"),
      "f:1:55: notice: deploy.sleepApplication: not used: with a cronSchedule the service runs "
      "at its times, once");
}

TEST(ProtoConfigFileLayers, AsJson) {
  const auto result = read_json("{\"deploy\":{\"numReplicas\":2,\"zzz\":1}}");
  const auto json = nlohmann::json::parse(config_json("railway.json", result));
  EXPECT_EQ(json["ok"], true);
  EXPECT_EQ(
      json["problems"].dump(),
      R"([{"column":28,"key":"deploy.zzz","line":1,"message":"unknown key, ignored","severity":"warning"}])");
  bool found = false;
  for (const auto& one : json["settings"]) {
    if (one["key"] != "deploy.numReplicas") continue;
    found = true;
    EXPECT_EQ(
        one.dump(),
        R"({"key":"deploy.numReplicas","origin":{"column":26,"file":"railway.json","key":"deploy.numReplicas","kind":"file","line":1},"value":2})");
  }
  EXPECT_TRUE(found);
}

TEST(ProtoConfigFileLayers, AProjectsDocumentSetsNothingForADeployment) {
  ConfigRequest request = request_for("production", "api");
  request.file_name = "gantry.yaml";
  request.text = "project: shop\nservices: {api: {deploy: {replicas: 7}}}\n";
  request.instance.settings.deploy.replicas = 3;
  const ConfigResult result = read_config(request);
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.config, request.instance);
  EXPECT_EQ(result.count(ConfigSeverity::notice), 1U);
  EXPECT_EQ(result.problems.size(), 1U);
}

}  // namespace
}  // namespace gantry
