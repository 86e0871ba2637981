// What each noun does beyond the contract's generated cases.
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "proto/codec.hpp"
#include "proto/json.hpp"
#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

const std::string kShared = "/v1/projects/shop/environments/production/variables";

class ApiNouns : public ApiTest {};

TEST_F(ApiNouns, IdsStandWhereNamesStand) {
  const Json instance = json(get(kInstance));
  const std::string by_id = "/v1/projects/" + instance["project"]["id"].get<std::string>() +
                            "/environments/" + instance["environment"]["id"].get<std::string>() +
                            "/services/" + instance["service"]["id"].get<std::string>();
  EXPECT_EQ(get(by_id).body, get(kInstance).body);
}

TEST_F(ApiNouns, ATakenNameConflicts) {
  for (const auto& [path, name] :
       std::map<std::string, std::string>{{"/v1/projects", "shop"},
                                          {"/v1/projects/shop/environments", "production"},
                                          {"/v1/projects/shop/services", "api"}}) {
    const auto response = post(path, {{"name", name}});
    EXPECT_EQ(response.status, 409) << path;
    EXPECT_EQ(code(response), "name_taken") << path;
  }
  EXPECT_EQ(code(post("/v1/projects/shop/environments/production/services", {{"service", "api"}})),
            "instance_exists");
}

TEST_F(ApiNouns, AnInstanceTellsWhereItIsServed) {
  const Json instance = json(get(kInstance));
  EXPECT_EQ(instance["host"], "api-production.localhost");
  EXPECT_EQ(instance["url"], "http://api-production.localhost:8080");
  const Json worker = json(patch(kInstance, {{"deploy", {{"port", 0}}}}));
  EXPECT_TRUE(worker["host"].is_null());
  EXPECT_TRUE(worker["url"].is_null());
}

TEST_F(ApiNouns, ThePhaseIsTheNewestLiveDeployments) {
  EXPECT_EQ(json(get(kInstance))["status"]["phase"], "QUEUED");
  const std::string tag = header(get(kInstance), "ETag");
  deploy_status(DeploymentStatus::success);
  EXPECT_EQ(json(get(kInstance))["status"]["phase"], "SUCCESS");
  EXPECT_EQ(get(kInstance, {{"if-none-match", tag}}).status, 200)
      << "a changed status needs another ETag";
  deploy_status(DeploymentStatus::removing);
  deploy_status(DeploymentStatus::removed);
  const Json status = json(get(kInstance))["status"];
  EXPECT_EQ(status["phase"], "EMPTY");
  EXPECT_TRUE(status["deployment_id"].is_null());
}

TEST_F(ApiNouns, APatchMergesAndKeepsTheRest) {
  EXPECT_EQ(patch(kInstance, {{"deploy", {{"replicas", 3}, {"healthcheck_path", "/up"}}}}).status,
            200);
  const Json instance = json(patch(kInstance, {{"deploy", {{"replicas", nullptr}}}}));
  EXPECT_EQ(instance["deploy"]["replicas"], 1);
  EXPECT_EQ(instance["deploy"]["healthcheck_path"], "/up");
  EXPECT_EQ(instance["source"]["image"], "nginx:1.27");
  EXPECT_EQ(instance, json(get(kInstance)));
}

TEST_F(ApiNouns, ParallelPatchesOfDifferentFieldsAllCount) {
  const std::vector<std::string> fields{"replicas", "overlap_seconds", "draining_seconds",
                                        "restart_max_retries"};
  std::vector<std::thread> threads;
  for (const std::string& field : fields)
    threads.emplace_back([&, field] {
      EXPECT_EQ(patch(kInstance, {{"deploy", {{field, 7}}}}).status, 200);
    });
  for (std::thread& thread : threads) thread.join();
  const Json instance = json(get(kInstance));
  for (const std::string& field : fields) EXPECT_EQ(instance["deploy"][field], 7) << field;
}

TEST_F(ApiNouns, AMatchingVersionIsHonouredOnce) {
  const std::string tag = header(get(kInstance), "ETag");
  EXPECT_EQ(patch(kInstance, {{"deploy", {{"replicas", 2}}}}, {{"if-match", tag}}).status, 200);
  const auto stale = patch(kInstance, {{"deploy", {{"replicas", 3}}}}, {{"if-match", tag}});
  EXPECT_EQ(stale.status, 412);
  EXPECT_EQ(json(stale)["version"], json(get(kInstance))["version"]);
  EXPECT_EQ(json(get(kInstance))["deploy"]["replicas"], 2);
}

TEST_F(ApiNouns, ParallelPostsWithOneKeyHaveOneEffect) {
  const Headers key = {{"idempotency-key", "parallel-" + deployment_id_}};
  std::vector<std::thread> threads;
  std::array<api::Response, 6> answers;
  for (auto& answer : answers)
    threads.emplace_back([&] { answer = post("/v1/projects", {{"name", "once"}}, key); });
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> bodies;
  for (const auto& answer : answers) {
    if (answer.status == 201)
      bodies.insert(answer.body);
    else
      EXPECT_EQ(code(answer), "idempotency_key_in_flight") << answer.body;
  }
  EXPECT_EQ(bodies.size(), 1U);
}

TEST_F(ApiNouns, ListsWalkInPagesWithoutGapsOrRepeats) {
  std::set<std::string> made{"shop"};
  for (int i = 0; i < 7; ++i) {
    made.insert("p" + std::to_string(i));
    ASSERT_EQ(post("/v1/projects", {{"name", "p" + std::to_string(i)}}).status, 201);
  }
  std::set<std::string> seen;
  std::string cursor;
  int pages = 0;
  do {
    const auto response = get("/v1/projects?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor));
    const Json page = json(response);
    for (const Json& project : page["data"]) EXPECT_TRUE(seen.insert(project["name"]).second);
    cursor = page["has_more"] ? page["next_cursor"].get<std::string>() : "";
    EXPECT_EQ(header(response, "Link").empty(), cursor.empty());
    ++pages;
  } while (!cursor.empty());
  EXPECT_EQ(seen, made);
  EXPECT_EQ(pages, 3);
}

TEST_F(ApiNouns, ACursorBelongsToItsList) {
  ASSERT_EQ(post("/v1/projects", {{"name", "second"}}).status, 201);
  const std::string cursor = json(get("/v1/projects?limit=1"))["next_cursor"];
  EXPECT_EQ(get("/v1/projects?cursor=" + cursor).status, 200);
  const auto foreign = get("/v1/projects/shop/services?cursor=" + cursor);
  EXPECT_EQ(foreign.status, 400);
  EXPECT_EQ(code(foreign), "invalid_cursor");
  EXPECT_EQ(get("/v1/projects?cursor=" + cursor + "A").status, 400);
}

TEST_F(ApiNouns, DeploymentsWalkNewestFirst) {
  for (int i = 0; i < 4; ++i) ASSERT_EQ(post(kInstance + "/redeploy", Json::object()).status, 202);
  std::vector<std::string> ids;
  std::string next = kInstance + "/deployments?limit=2";
  while (!next.empty()) {
    const Json page = json(get(next));
    for (const Json& deployment : page["data"]) ids.push_back(deployment["id"]);
    next = page["has_more"]
               ? kInstance + "/deployments?limit=2&cursor=" + page["next_cursor"].get<std::string>()
               : "";
  }
  EXPECT_EQ(ids.size(), 5U);
  EXPECT_EQ(ids.back(), deployment_id_);
  EXPECT_TRUE(std::is_sorted(ids.rbegin(), ids.rend()));
}

TEST_F(ApiNouns, ADeployedImageBecomesTheSource) {
  const auto response = post(kInstance + "/deployments", {{"image", "nginx:1.28"}});
  ASSERT_EQ(response.status, 202);
  EXPECT_EQ(json(get(kInstance))["source"]["image"], "nginx:1.28");
  EXPECT_EQ(get(header(response, "Location")).body, response.body);
}

TEST_F(ApiNouns, ARedeployKeepsTheImageAndTakesTheSettingsOfNow) {
  ASSERT_EQ(
      patch(kInstance, {{"source", {{"image", "other:1"}}}, {"deploy", {{"replicas", 5}}}}).status,
      200);
  const Json deployment = json(post(kInstance + "/redeploy", Json::object()));
  EXPECT_EQ(deployment["source"]["image"], "nginx:1.27");
  EXPECT_EQ(deployment["deploy"]["replicas"], 5);
  EXPECT_EQ(deployment["trigger"], "redeploy");
}

TEST_F(ApiNouns, AMissingReferenceStopsADeploymentAndIsNamed) {
  ASSERT_EQ(
      put(kInstance + "/variables/URL?allow_unresolved=true", {{"value", "${{postgres.URL}}"}})
          .status,
      201);
  const std::string before = get(kInstance + "/deployments").body;
  const auto response = post(kInstance + "/deployments", {{"image", "nginx:1.99"}});
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(code(response), "unresolved_reference");
  EXPECT_NE(response.body.find("${{postgres.URL}}"), std::string::npos);
  EXPECT_EQ(get(kInstance + "/deployments").body, before);
  EXPECT_EQ(json(get(kInstance))["source"]["image"], "nginx:1.27") << "nothing at all happened";
}

TEST_F(ApiNouns, WithoutAnImageThereIsNothingToDeploy) {
  ASSERT_EQ(patch(kInstance, {{"source", {{"image", nullptr}}}}).status, 200);
  const auto response = post(kInstance + "/deployments", Json::object());
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(pointers(response), std::vector<std::string>{"/image"});
}

TEST_F(ApiNouns, WhatDoesNotRunCannotBeRestartedOrRemoved) {
  deploy_status(DeploymentStatus::failed);
  EXPECT_EQ(code(post(kInstance + "/restart", Json::object())), "nothing_live");
  EXPECT_EQ(code(post(kInstance + "/remove", Json::object())), "nothing_live");
  EXPECT_EQ(del("/v1/deployments/" + deployment_id_).status, 409);
}

TEST_F(ApiNouns, RemovingTakesTheServiceOffline) {
  EXPECT_EQ(json(post(kInstance + "/remove", Json::object()))["status"], "REMOVING");
  EXPECT_EQ(json(get(kInstance))["status"]["phase"], "EMPTY");
}

TEST_F(ApiNouns, VariablesOfOnePatchMayReferToEachOther) {
  const auto response =
      patch(kInstance + "/variables", {{"A", "${{B}}"}, {"B", "1"}, {"LOG_LEVEL", nullptr}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json(response)["data"].size(), 2U);
  EXPECT_EQ(get(kInstance + "/variables").body, response.body);
}

TEST_F(ApiNouns, APatchOfVariablesIsAllOrNothing) {
  const std::string before = get(kInstance + "/variables").body;
  const auto response =
      patch(kInstance + "/variables", {{"GOOD", "1"}, {"BAD", "${{nowhere.X}}"}, {"1BAD", "x"}});
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(get(kInstance + "/variables").body, before);
  const auto cycle = patch(kInstance + "/variables", {{"A", "${{B}}"}, {"B", "${{A}}"}});
  EXPECT_EQ(cycle.status, 422);
  EXPECT_NE(cycle.body.find("reference_cycle"), std::string::npos) << cycle.body;
  EXPECT_EQ(get(kInstance + "/variables").body, before);
}

TEST_F(ApiNouns, ASetThatChangedIsNotPatchedBlindly) {
  const std::string tag = header(get(kShared), "ETag");
  EXPECT_EQ(patch(kShared, {{"A", "1"}}, {{"if-match", tag}}).status, 200);
  EXPECT_EQ(patch(kShared, {{"A", "2"}}, {{"if-match", tag}}).status, 412);
}

TEST_F(ApiNouns, RenderedVariablesAreResolvedAndNameWhatIsMissing) {
  ASSERT_EQ(
      put(kInstance + "/variables/URL?allow_unresolved=true", {{"value", "${{postgres.URL}}"}})
          .status,
      201);
  const Json rendered = json(get(kInstance + "/variables?rendered=true"));
  std::map<std::string, std::string> values;
  for (const Json& each : rendered["data"]) values[each["name"]] = each["value"];
  EXPECT_EQ(values["LOG_LEVEL"], "info");
  EXPECT_EQ(values["RAILWAY_SERVICE_NAME"], "api");
  EXPECT_EQ(values.count("URL"), 0U);
  ASSERT_EQ(rendered["missing"].size(), 1U);
  EXPECT_EQ(rendered["missing"][0]["reference"], "${{postgres.URL}}");
}

TEST_F(ApiNouns, ALongValueAndAnOddOneComeBackAsTheyWere) {
  for (const std::string& value :
       {std::string(131072, 'x'), std::string("line\nline\ttab \"quoted\" \\ \x01 \x7f ünï 💩"),
        std::string()}) {
    ASSERT_LT(put(kInstance + "/variables/ODD", {{"value", value}}).status, 300);
    EXPECT_EQ(json(get(kInstance + "/variables/ODD"))["value"], value);
  }
}

TEST(ApiJson, SettingsWrittenAsAnInstanceReadBack) {
  Settings settings;
  settings.source.image = *ImageRef::parse("nginx:1.27");
  settings.deploy.start_command = {"a b", "\"", "\n"};
  settings.deploy.healthcheck_path = "/up?x=\"1\"";
  settings.deploy.port = 0;
  settings.deploy.memory_bytes = 0;
  settings.deploy.restart_policy = RestartPolicy::never;
  InstanceView view;
  view.instance.settings = settings;
  const Json instance = Json::parse(to_json(Owners{{}, {}, {}}, view, Site{.base_domain = "x"}));
  const Json read = {
      {"source", instance["source"]}, {"build", instance["build"]}, {"deploy", instance["deploy"]}};
  EXPECT_EQ(*merge_settings(Settings(), read.dump()), settings);
  EXPECT_EQ(read, Json::parse(settings_json(settings)));
}

TEST(ApiJson, BytesThatAreNotTextAreReplaced) {
  std::string out;
  append_json_string(out, std::string_view("a\xff\xc3(\xe2\x82 \xf0\x9f\x92\xa9\0\x1f", 13));
  EXPECT_EQ(Json::parse(out).get<std::string>(),
            std::string("a\ufffd\ufffd(\ufffd\ufffd \U0001f4a9\0\x1f", 21));
}

}  // namespace
}  // namespace gantry::testing
