// Tokens: what is shown of them, how they are sent and when they end.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiTokens : public ApiTest {
 protected:
  Json issue(const Json& body) {
    const auto made = post("/v1/tokens", body);
    EXPECT_EQ(made.status, 201) << made.body;
    return json(made);
  }
  int status_with(const std::string& secret) { return as(secret, {.target = "/v1/token"}).status; }
};

TEST_F(ApiTokens, TheSecretIsShownOnceAndCounts) {
  const Json made = issue({{"name", "ops"}});
  EXPECT_EQ(made["kind"], "account");
  EXPECT_TRUE(made["project_id"].is_null() && made["expires_at"].is_null());
  const std::string secret = made["secret"];
  EXPECT_EQ(secret.substr(0, 4), "gty_");
  const Json seen = json(as(secret, {.target = "/v1/token"}));
  EXPECT_EQ(seen["id"], made["id"]);
  EXPECT_FALSE(seen["last_used_at"].is_null());
  EXPECT_FALSE(seen.contains("secret"));
  EXPECT_EQ(get("/v1/tokens?limit=200").body.find(secret), std::string::npos);
  EXPECT_EQ(get("/v1/tokens/" + made["id"].get<std::string>()).status, 200);
}

TEST_F(ApiTokens, AProjectTokenTellsWhereItCounts) {
  const std::string secret = project_token("shop", "elsewhere");
  const Json token = json(as(secret, {.target = "/v1/token"}));
  EXPECT_EQ(token["kind"], "project");
  EXPECT_EQ(token["project"]["name"], "shop");
  EXPECT_EQ(token["environment"]["name"], "elsewhere");
  EXPECT_EQ(token["project"]["id"], token["project_id"]);
  ASSERT_EQ(patch("/v1/projects/shop", {{"name", "store"}}).status, 200);
  EXPECT_EQ(json(as(secret, {.target = "/v1/token"}))["project"]["name"], "store");
}

TEST_F(ApiTokens, AProjectTokenIsForExactlyOneEnvironment) {
  for (const auto& [body, pointer] : std::vector<std::pair<Json, std::string>>{
           {{{"name", "x"}, {"project", "shop"}}, "/environment"},
           {{{"name", "x"}, {"environment", "production"}}, "/project"},
           {{{"name", "x"}, {"project", "no"}, {"environment", "production"}}, "/project"},
           {{{"name", "x"}, {"project", "shop"}, {"environment", "no"}}, "/environment"},
           {{{"name", "a\nb"}}, "/name"},
           {{{"name", "x"}, {"expires_in_seconds", 0}}, "/expires_in_seconds"}}) {
    const auto response = post("/v1/tokens", body);
    EXPECT_EQ(response.status, 422) << body;
    EXPECT_EQ(pointers(response), std::vector<std::string>{pointer}) << response.body;
  }
}

TEST_F(ApiTokens, TheyComeInPages) {
  for (int i = 0; i < 3; ++i) issue({{"name", "page"}});
  Json page = json(get("/v1/tokens?limit=2"));
  std::size_t count = page["data"].size();
  while (page["has_more"]) {
    page = json(get("/v1/tokens?limit=2&cursor=" + page["next_cursor"].get<std::string>()));
    count += page["data"].size();
  }
  EXPECT_EQ(count, store().tokens().size());
}

TEST_F(ApiTokens, ARevokedTokenCountsNoMoreAndItsStreamsEnd) {
  const std::string secret = project_token("shop", "production");
  const std::string id = json(as(secret, {.target = "/v1/token"}))["id"];
  std::vector<api::Response> streams;
  std::atomic<int> wakes{0};
  for (const std::string& target :
       {std::string("/v1/events?follow=1"), kInstance + "/logs?follow=1",
        "/v1/deployments/" + deployment_id_ + "/build-logs?follow=1"}) {
    streams.push_back(as(secret, {.target = target}));
    ASSERT_NE(streams.back().stream, nullptr) << target;
    streams.back().stream->on_ready([&] { ++wakes; });
    std::string out;
    EXPECT_TRUE(streams.back().stream->read(out)) << target;
  }
  wakes = 0;
  EXPECT_EQ(del("/v1/tokens/" + id).status, 204);
  EXPECT_GE(wakes, 3) << "each stream is woken at once";
  for (const auto& response : streams) {
    std::string out;
    EXPECT_FALSE(response.stream->read(out));
    EXPECT_EQ(out, "");
  }
  EXPECT_EQ(status_with(secret), 401);
  EXPECT_EQ(del("/v1/tokens/" + id).status, 404);
}

TEST_F(ApiTokens, AStreamOutlivesTheRequestThatOpenedIt) {
  const std::string secret = project_token("shop", "production");
  const auto response = as(secret, {.target = "/v1/events?follow=1"});
  response.stream->on_ready([] {});
  for (int i = 0; i < 3; ++i) {
    ASSERT_LT(put(kInstance + "/variables/N", {{"value", std::to_string(i)}}).status, 300);
    std::string out;
    EXPECT_TRUE(response.stream->read(out));
    EXPECT_NE(out.find("variable.set"), std::string::npos);
  }
}

TEST_F(ApiTokens, AnExpiredTokenIsRefusedAndSaysSo) {
  const Json made = issue({{"name", "short"}, {"expires_in_seconds", 1}});
  const std::string secret = made["secret"];
  EXPECT_EQ(status_with(secret), 200);
  const auto response = as(secret, {.target = "/v1/events?follow=1"});
  ASSERT_NE(response.stream, nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  const auto refused = as(secret, {.target = "/v1/token"});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(code(refused), "token_expired");
  EXPECT_NE(json(refused)["detail"].get<std::string>().find(made["expires_at"]), std::string::npos);
  std::string out;
  EXPECT_FALSE(response.stream->read(out));
}

TEST_F(ApiTokens, TheLastAccountTokenThatDoesNotExpireStays) {
  const std::string own = json(get("/v1/token"))["id"];
  issue({{"name", "expiring"}, {"expires_in_seconds", 1000}});
  const auto refused = del("/v1/tokens/" + own);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(code(refused), "last_account_token");
  const Json other = issue({{"name", "second"}});
  EXPECT_EQ(del("/v1/tokens/" + own + "?dry_run=true").status, 204);
  EXPECT_EQ(get("/v1/token").status, 200);
  EXPECT_EQ(del("/v1/tokens/" + other["id"].get<std::string>()).status, 204);
}

TEST_F(ApiTokens, EitherHeaderCarriesATokenAndTwoHaveToAgree) {
  const std::string secret = project_token("shop", "production");
  const std::string own = std::exchange(token_, "");
  const auto get_with = [&](const Headers& headers) { return get("/v1/token", headers); };
  EXPECT_EQ(get_with({{"project-access-token", secret}}).status, 200);
  EXPECT_EQ(
      get_with({{"project-access-token", secret}, {"authorization", "Bearer " + secret}}).status,
      200);
  EXPECT_EQ(get_with({{"project-access-token", secret}, {"authorization", "Basic eDp5"}}).status,
            200);
  EXPECT_EQ(get_with({{"project-access-token", "gty_no"}}).status, 401);
  const auto differing =
      get_with({{"project-access-token", secret}, {"authorization", "Bearer " + own}});
  EXPECT_EQ(differing.status, 401);
  EXPECT_EQ(code(differing), "tokens_differ");
  token_ = own;
}

TEST_F(ApiTokens, AReplayedAnswerIsNotKeptInClear) {
  const Headers key = {{"idempotency-key", "token-" + deployment_id_}};
  const auto first = post("/v1/tokens", {{"name", "kept"}}, key);
  const auto second = post("/v1/tokens", {{"name", "kept"}}, key);
  EXPECT_EQ(first.body, second.body);
  const std::string secret = json(first)["secret"];
  for (const auto& row : sql("select encode(body, 'escape') from idempotency_keys "
                             "union all select encode(hash, 'escape') from tokens "
                             "union all select message from events"))
    EXPECT_EQ(std::string(row[0].c_str()).find(secret.substr(4)), std::string::npos);
}

TEST_F(ApiTokens, ATokenGoesWithItsEnvironment) {
  const std::string of_environment = project_token("shop", "elsewhere");
  const std::string of_project = project_token("shop", "production");
  ASSERT_EQ(del("/v1/projects/shop/environments/elsewhere").status, 204);
  EXPECT_EQ(status_with(of_environment), 401);
  EXPECT_EQ(status_with(of_project), 200);
  ASSERT_EQ(del("/v1/projects/shop").status, 204);
  EXPECT_EQ(status_with(of_project), 401);
  EXPECT_EQ(json(get("/v1/tokens"))["data"].size(), 1U);
}

class ApiCopies : public ApiTest {};

TEST_F(ApiCopies, AnEnvironmentIsCopiedWithSettingsAndVariables) {
  ASSERT_EQ(patch(kInstance, {{"deploy", {{"replicas", 3}}}}).status, 200);
  const auto made =
      post("/v1/projects/shop/environments", {{"name", "copy"}, {"copy_of", "production"}});
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string copy = "/v1/projects/shop/environments/copy";
  const auto values = [&](const std::string& target) {
    std::map<std::string, std::string> found;
    const Json list = json(get(target));
    for (const Json& each : list.at("data")) found[each["name"]] = each["value"];
    return found;
  };
  EXPECT_EQ(json(get(copy + "/services"))["data"].size(), 1U);
  const Json original = json(get(kInstance));
  const Json instance = json(get(copy + "/services/api"));
  EXPECT_EQ(instance["deploy"], original["deploy"]);
  EXPECT_EQ(instance["source"], original["source"]);
  EXPECT_EQ(instance["build"], original["build"]);
  EXPECT_NE(instance["host"], original["host"]);
  EXPECT_NE(instance["id"], original["id"]);
  EXPECT_EQ(instance["status"]["phase"], "EMPTY");
  EXPECT_EQ(json(get(copy + "/services/api/deployments"))["data"].size(), 0U);
  EXPECT_EQ(values(copy + "/services/api/variables"), values(kInstance + "/variables"));
  EXPECT_EQ(values(copy + "/variables"),
            values("/v1/projects/shop/environments/production/variables"));
  ASSERT_TRUE(store().reload().ok());
  EXPECT_EQ(values(copy + "/services/api/variables"), values(kInstance + "/variables"));
}

TEST_F(ApiCopies, ByIdOnlyWithinTheProjectAndOnce) {
  const std::string id = json(get("/v1/projects/shop/environments/production"))["id"];
  ASSERT_EQ(post("/v1/projects", {{"name", "other"}}).status, 201);
  const auto foreign = post("/v1/projects/other/environments", {{"name", "copy"}, {"copy_of", id}});
  EXPECT_EQ(foreign.status, 422);
  EXPECT_EQ(pointers(foreign), std::vector<std::string>{"/copy_of"});
  const Json body = {{"name", "copy"}, {"copy_of", id}};
  EXPECT_EQ(post("/v1/projects/shop/environments", body).status, 201);
  EXPECT_EQ(code(post("/v1/projects/shop/environments", body)), "name_taken");
}

}  // namespace
}  // namespace gantry::testing
