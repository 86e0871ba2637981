// What a project token reaches beside the paths themselves (see permissions_test.cpp): lists,
// bodies, queries, events.
#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiScope : public ApiTest {
 protected:
  // "shop" as seeded, and a project "other" that has the same names in it.
  void seed_both() {
    seed();
    for (const auto& [path, body] : std::vector<std::pair<std::string, Json>>{
             {"/v1/projects", {{"name", "other"}}},
             {"/v1/projects/other/services",
              {{"name", "api"}, {"source", {{"image", "nginx:1.27"}}}}}})
      ASSERT_EQ(post(path, body).status, 201);
  }
};

TEST_F(ApiScope, ATokenMayNotTouchItself) {
  const std::string secret = project_token("shop", "production");
  const std::string id = json(as(secret, {.target = "/v1/token"}))["id"];
  for (const char* method : {"GET", "DELETE"})
    EXPECT_EQ(as(secret, {.method = method, .target = "/v1/tokens/" + id}).status, 403);
}

TEST_F(ApiScope, ListsHaveOnlyWhatIsTheTokens) {
  seed_both();
  const std::string secret = project_token("shop", "elsewhere");
  const auto names = [&](const std::string& target, const std::string& token) {
    std::vector<std::string> found;
    const Json page = json(as(token, {.target = target}));
    for (const Json& each : page.at("data"))
      found.push_back(each.contains("name") ? each["name"] : each["service"]["name"]);
    std::sort(found.begin(), found.end());
    return found;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("/v1/projects", token_), (Names{"other", "shop"}));
  EXPECT_EQ(names("/v1/projects", secret), (Names{"shop"}));
  EXPECT_EQ(names("/v1/projects/shop/environments", token_), (Names{"elsewhere", "production"}));
  EXPECT_EQ(names("/v1/projects/shop/environments", secret), (Names{"elsewhere"}));
  EXPECT_EQ(names("/v1/projects/shop/services", secret), (Names{"api", "idle"}));
  EXPECT_EQ(names("/v1/projects/shop/environments/elsewhere/services", secret), (Names{"idle"}));
}

TEST_F(ApiScope, BodiesAndQueriesReachNoFurtherThanPaths) {
  seed_both();
  const std::string secret = project_token("shop", "elsewhere");
  const auto created = as(secret, {.method = "POST",
                                   .target = "/v1/projects/shop/services",
                                   .body = R"({"name":"new","environment":"production"})"});
  EXPECT_EQ(created.status, 422);
  EXPECT_EQ(code(created), "unknown_environment");
  EXPECT_EQ(as(secret, {.method = "POST",
                        .target = "/v1/projects/shop/services",
                        .body = R"({"name":"new","environment":"elsewhere"})"})
                .status,
            201);
  EXPECT_EQ(as(secret, {.target = "/v1/events?project=other"}).status, 404);
  for (const std::string& query :
       {"?deployment=" + deployment_id_,
        "?service=" + json(get("/v1/projects/other/services/api"))["id"].get<std::string>()})
    EXPECT_EQ(json(as(secret, {.target = "/v1/events" + query}))["data"].size(), 0U) << query;
}

TEST_F(ApiScope, EventsAreThoseOfTheEnvironmentAlsoWhenTheyStream) {
  seed_both();
  const std::string secret = project_token("shop", "elsewhere");
  const std::string environment = json(get("/v1/projects/shop/environments/elsewhere"))["id"];
  const std::string project = json(get("/v1/projects/shop"))["id"];
  const Json events = json(as(secret, {.target = "/v1/events?limit=200"}))["data"];
  EXPECT_GT(events.size(), 3U);
  for (const Json& event : events) {
    EXPECT_EQ(event["project_id"], project) << event;
    EXPECT_TRUE(event["environment_id"].is_null() || event["environment_id"] == environment)
        << event;
  }
  const auto response = as(secret, {.target = "/v1/events?follow=1"});
  ASSERT_NE(response.stream, nullptr);
  response.stream->on_ready([] {});
  const std::string here = "/v1/projects/shop/environments/elsewhere/variables/HERE";
  for (const std::string& target :
       {kInstance + "/variables/YONDER", here,
        std::string("/v1/projects/other/environments/production/variables/OTHER")})
    ASSERT_EQ(put(target, {{"value", "x"}}).status, 201);
  std::string out;
  EXPECT_TRUE(response.stream->read(out));
  EXPECT_NE(out.find("HERE"), std::string::npos) << out;
  EXPECT_EQ(out.find("YONDER"), std::string::npos) << out;
  EXPECT_EQ(out.find("OTHER"), std::string::npos) << out;
}

#undef PROJECT
#undef ENVIRONMENT
#undef INSTANCE
#undef REPOSITORY
#undef DEPLOYMENT
#undef VOLUME

}  // namespace
}  // namespace gantry::testing
