// What a project token reaches: every endpoint is asked by tokens of another project, of another
// environment and of its own.
#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

enum class Gets {
  open,       // needs no token
  missing,    // 404, as what does not exist
  forbidden,  // 403
  served,     // as with an account token, about what is its own
};

struct Expected {
  Gets foreign;  // a token of another project
  Gets sibling;  // of another environment of the project
  Gets own;
};

constexpr Expected kOpen{Gets::open, Gets::open, Gets::open};
constexpr Expected kAnyToken{Gets::served, Gets::served, Gets::served};
constexpr Expected kAccountOnly{Gets::forbidden, Gets::forbidden, Gets::forbidden};
constexpr Expected kOfProject{Gets::missing, Gets::served, Gets::served};
constexpr Expected kOfProjectAccountOnly{Gets::missing, Gets::forbidden, Gets::forbidden};
constexpr Expected kOfEnvironment{Gets::missing, Gets::missing, Gets::served};
constexpr Expected kOfEnvironmentAccountOnly{Gets::missing, Gets::missing, Gets::forbidden};

#define PROJECT "/v1/projects/{project}"
#define ENVIRONMENT PROJECT "/environments/{environment}"
#define INSTANCE ENVIRONMENT "/services/{service}"
#define DEPLOYMENT "/v1/deployments/{deployment}"
#define VOLUME ENVIRONMENT "/volumes/{volume}"

const std::map<std::string, Expected> kEndpoints{
    {"GET /livez", kOpen},
    {"GET /readyz", kOpen},
    {"GET /v1/openapi.yaml", kOpen},
    {"GET /v1/config.schema.json", kOpen},
    {"GET /metrics", kAccountOnly},
    {"GET /v1/events", kAnyToken},
    {"GET /v1/token", kAnyToken},
    {"GET /v1/tokens", kAccountOnly},
    {"POST /v1/tokens", kAccountOnly},
    {"GET /v1/tokens/{token}", kOfEnvironmentAccountOnly},
    {"DELETE /v1/tokens/{token}", kOfEnvironmentAccountOnly},
    {"GET /v1/projects", kAnyToken},
    {"POST /v1/projects", kAccountOnly},
    {"GET " PROJECT, kOfProject},
    {"PATCH " PROJECT, kOfProjectAccountOnly},
    {"DELETE " PROJECT, kOfProjectAccountOnly},
    {"GET " PROJECT "/environments", kOfProject},
    {"POST " PROJECT "/environments", kOfProjectAccountOnly},
    {"GET " ENVIRONMENT, kOfEnvironment},
    {"PATCH " ENVIRONMENT, kOfEnvironmentAccountOnly},
    {"DELETE " ENVIRONMENT, kOfEnvironmentAccountOnly},
    {"POST " ENVIRONMENT "/restore", {Gets::missing, Gets::missing, Gets::missing}},
    {"GET " PROJECT "/sources/{digest}", kOfProject},
    {"PUT " PROJECT "/sources/{digest}", kOfProject},
    {"GET " PROJECT "/services", kOfProject},
    {"POST " PROJECT "/services", kOfProject},
    {"GET " PROJECT "/services/{service}", kOfProject},
    {"PATCH " PROJECT "/services/{service}", kOfProjectAccountOnly},
    {"DELETE " PROJECT "/services/{service}", kOfProjectAccountOnly},
    {"GET " ENVIRONMENT "/services", kOfEnvironment},
    {"POST " ENVIRONMENT "/services", kOfEnvironment},
    {"GET /v1/templates", kAnyToken},
    {"GET /v1/templates/{template}", kAnyToken},
    {"POST " ENVIRONMENT "/templates", kOfEnvironment},
    {"POST " ENVIRONMENT "/imports", kOfEnvironment},
    {"GET " ENVIRONMENT "/document", kOfEnvironment},
    {"GET " ENVIRONMENT "/staged", kOfEnvironment},
    {"POST " ENVIRONMENT "/staged/apply", kOfEnvironment},
    {"DELETE " ENVIRONMENT "/staged", kOfEnvironment},
    {"DELETE " ENVIRONMENT "/staged/{change}", kOfEnvironment},
    {"POST " ENVIRONMENT "/plan", kOfEnvironment},
    {"POST " ENVIRONMENT "/apply", kOfEnvironment},
    {"POST " ENVIRONMENT "/diff", kOfEnvironment},
    {"POST " ENVIRONMENT "/sync", kOfEnvironment},
    {"GET " INSTANCE, kOfEnvironment},
    {"PATCH " INSTANCE, kOfEnvironment},
    {"DELETE " INSTANCE, kOfEnvironmentAccountOnly},
    {"POST " INSTANCE "/scale", kOfEnvironment},
    {"POST " INSTANCE "/restart", kOfEnvironment},
    {"POST " INSTANCE "/exec", kOfEnvironment},
    {"POST " INSTANCE "/tunnel", kOfEnvironment},
    {"GET " ENVIRONMENT "/variables", kOfEnvironment},
    {"PATCH " ENVIRONMENT "/variables", kOfEnvironment},
    {"GET " ENVIRONMENT "/variables/{name}", kOfEnvironment},
    {"PUT " ENVIRONMENT "/variables/{name}", kOfEnvironment},
    {"DELETE " ENVIRONMENT "/variables/{name}", kOfEnvironment},
    {"GET " INSTANCE "/variables", kOfEnvironment},
    {"PATCH " INSTANCE "/variables", kOfEnvironment},
    {"GET " INSTANCE "/variables/{name}", kOfEnvironment},
    {"PUT " INSTANCE "/variables/{name}", kOfEnvironment},
    {"DELETE " INSTANCE "/variables/{name}", kOfEnvironment},
    {"GET " INSTANCE "/deployments", kOfEnvironment},
    {"POST " INSTANCE "/deployments", kOfEnvironment},
    {"POST " INSTANCE "/redeploy", kOfEnvironment},
    {"POST " INSTANCE "/rollback", kOfEnvironment},
    {"POST " INSTANCE "/remove", kOfEnvironment},
    {"GET " INSTANCE "/domains", kOfEnvironment},
    {"POST " INSTANCE "/domains", kOfEnvironment},
    {"DELETE " INSTANCE "/domains/{host}", kOfEnvironment},
    {"POST " INSTANCE "/domains/{host}/move", kOfEnvironment},
    {"GET " INSTANCE "/traffic", kOfEnvironment},
    {"PUT " INSTANCE "/traffic", kOfEnvironment},
    {"DELETE " INSTANCE "/traffic", kOfEnvironment},
    {"GET /v1/volumes", kAccountOnly},
    {"POST /v1/volumes/{volume}/restore", kOfEnvironmentAccountOnly},
    {"GET " ENVIRONMENT "/volumes", kOfEnvironment},
    {"POST " ENVIRONMENT "/volumes", kOfEnvironment},
    {"GET " VOLUME, kOfEnvironment},
    {"PATCH " VOLUME, kOfEnvironment},
    {"DELETE " VOLUME, kOfEnvironmentAccountOnly},
    {"POST " VOLUME "/attach", kOfEnvironment},
    {"POST " VOLUME "/detach", kOfEnvironment},
    {"POST " VOLUME "/restore", kOfEnvironment},
    {"GET " VOLUME "/files", kOfEnvironment},
    {"GET " VOLUME "/content", kOfEnvironment},
    {"PUT " VOLUME "/content", kOfEnvironment},
    {"DELETE " VOLUME "/content", kOfEnvironment},
    {"GET " DEPLOYMENT, kOfEnvironment},
    {"DELETE " DEPLOYMENT, kOfEnvironment},
    {"GET " DEPLOYMENT "/config", kOfEnvironment},
    {"GET " DEPLOYMENT "/build-logs", kOfEnvironment},
    {"POST " DEPLOYMENT "/rollback", kOfEnvironment},
    {"POST " DEPLOYMENT "/promote", kOfEnvironment},
    {"POST " DEPLOYMENT "/pause", kOfEnvironment},
    {"POST " DEPLOYMENT "/resume", kOfEnvironment},
    {"POST " DEPLOYMENT "/abort", kOfEnvironment},
    {"GET /v1/backups", kAccountOnly},
    {"GET /v1/backup-destinations", kAccountOnly},
    {"POST /v1/backup-destinations", kAccountOnly},
    {"DELETE /v1/backup-destinations/{destination}", kAccountOnly},
    {"POST /v1/backup-destinations/{destination}/prefer", kAccountOnly},
    {"GET " INSTANCE "/backups", kOfEnvironment},
    {"POST " INSTANCE "/backups", kOfEnvironment},
    {"GET " INSTANCE "/backups/{backup}", kOfEnvironment},
    {"DELETE " INSTANCE "/backups/{backup}", kOfEnvironment},
    {"POST " INSTANCE "/backups/{backup}/lock", kOfEnvironment},
    {"POST " INSTANCE "/backups/{backup}/unlock", kOfEnvironment},
    {"POST " INSTANCE "/backups/{backup}/verify", kOfEnvironment},
    {"POST " INSTANCE "/backups/{backup}/restore", kOfEnvironment},
    {"GET " INSTANCE "/backups/{backup}/content", kOfEnvironment},
    {"PUT " INSTANCE "/backup-upload", kOfEnvironment},
    {"GET " INSTANCE "/backup-schedules", kOfEnvironment},
    {"PUT " INSTANCE "/backup-schedules", kOfEnvironment},
    {"PUT " INSTANCE "/backup-schedules/{schedule}", kOfEnvironment},
    {"DELETE " INSTANCE "/backup-schedules/{schedule}", kOfEnvironment},
    {"GET " INSTANCE "/restores", kOfEnvironment},
    {"POST " INSTANCE "/restores", kOfEnvironment},
    {"GET " INSTANCE "/restores/{restore}", kOfEnvironment},
    {"GET " INSTANCE "/replicas", kOfEnvironment},
    {"GET " INSTANCE "/logs", kOfEnvironment},
};

std::string key_of(const api::Endpoint& endpoint) {
  return std::string(api::name(endpoint.method)) + " " + std::string(endpoint.pattern);
}

const Operation& operation_of(const std::string& key) {
  for (const Operation& each : openapi_document().operations) {
    std::string method = each.method;
    for (char& c : method) c = static_cast<char>(std::toupper(c));
    if (method + " " + each.path == key) return each;
  }
  throw std::logic_error("no operation " + key);
}

// A problem without what differs between two requests.
Json bare(const api::Response& response) {
  Json problem = json(response);
  problem.erase("request_id");
  return problem;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

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

  // The same request about what does not exist at all.
  Call about_nothing(const Operation& operation, const std::string& place) const {
    Call made = call(operation);
    made.target = with(made.target, deployment_id_, kNoDeployment);
    made.target = with(made.target, token_id_, kNoToken);
    made.target = with(made.target, volume_id_, kNoVolume);
    made.target = with(made.target, "/" + place, "/nowhere");
    return made;
  }
  // `text` as it would be about nothing.
  std::string nothing_of(const std::string& text, const std::string& place) const {
    const std::string ids = with(with(text, deployment_id_, kNoDeployment), token_id_, kNoToken);
    return with(with(ids, volume_id_, kNoVolume), place, "nowhere");
  }

  void expect_gets(Gets expected, const std::string& key, const std::string& secret,
                   const std::string& hidden) {
    const Operation& operation = operation_of(key);
    const auto response = as(secret, call(operation));
    switch (expected) {
      case Gets::open:
        EXPECT_LT(response.status, 300) << key;
        break;
      case Gets::served:
        EXPECT_LT(response.status, 300) << key << " " << response.body;
        break;
      case Gets::forbidden:
        EXPECT_EQ(response.status, 403) << key << " " << response.body;
        EXPECT_EQ(code(response), "account_token_required") << key;
        break;
      case Gets::missing: {
        ASSERT_EQ(response.status, 404) << key << " " << response.body;
        const auto nothing = send(about_nothing(operation, hidden));
        EXPECT_EQ(nothing.status, 404) << key;
        EXPECT_EQ(Json::parse(nothing_of(bare(response).dump(), hidden)), bare(nothing)) << key;
        break;
      }
    }
  }

  static inline const std::string kNoDeployment = "dep_00000000000000000000000000";
  static inline const std::string kNoToken = "tok_00000000000000000000000000";
  static inline const std::string kNoVolume = "vol_00000000000000000000000000";
};

TEST_F(ApiScope, EveryEndpointIsInTheTable) {
  for (const api::Endpoint& endpoint : api::endpoints())
    EXPECT_EQ(kEndpoints.count(key_of(endpoint)), 1U)
        << key_of(endpoint) << ": say in kEndpoints what a project token gets";
  EXPECT_EQ(kEndpoints.size(), api::endpoints().size());
}

TEST_F(ApiScope, AForeignTokenFindsNothing) {
  for (const auto& [key, expected] : kEndpoints) {
    seed_both();
    seed_rollout();
    expect_gets(expected.foreign, key, project_token("other", "production"), "shop");
  }
}

TEST_F(ApiScope, ATokenOfAnotherEnvironmentFindsNothingOfThisOne) {
  for (const auto& [key, expected] : kEndpoints) {
    seed();
    seed_rollout();
    const std::string secret = project_token("shop", "elsewhere");
    if (key == "POST " PROJECT "/services") {  // its example is about production
      EXPECT_EQ(code(as(secret, call(operation_of(key)))), "unknown_environment");
      continue;
    }
    if (key.ends_with("{environment}/restore")) {  // its example is about another one
      EXPECT_EQ(as(secret, call(operation_of(key))).status, 404);
      continue;
    }
    expect_gets(expected.sibling, key, secret, "production");
  }
}

TEST_F(ApiScope, ATokensOwnEnvironmentIsServed) {
  for (const auto& [key, expected] : kEndpoints) {
    seed();
    seed_rollout();
    const std::string secret = project_token("shop", "production");
    if (key.ends_with("/diff") || key.ends_with("/sync")) {  // from an environment it cannot see
      EXPECT_EQ(code(as(secret, call(operation_of(key)))), "unknown_environment") << key;
      continue;
    }
    if (key.ends_with("{environment}/restore")) {
      EXPECT_EQ(as(secret, call(operation_of(key))).status, 404);
      continue;
    }
    // A token that is not the asking one is as foreign as any.
    const bool of_token = key.find("{token}") != std::string::npos;
    expect_gets(of_token ? Gets::missing : expected.own, key, secret, "production");
  }
}

TEST_F(ApiScope, ATokenMayNotTouchItself) {
  const std::string secret = project_token("shop", "production");
  const std::string id = json(as(secret, {.target = "/v1/token"}))["id"];
  for (const char* method : {"GET", "DELETE"})
    EXPECT_EQ(as(secret, {.method = method, .target = "/v1/tokens/" + id}).status, 403);
}

TEST_F(ApiScope, AnAccountTokenReachesAll) {
  for (const auto& [key, expected] : kEndpoints) {
    seed();
    seed_rollout();
    EXPECT_LT(send(call(operation_of(key))).status, 300) << key;
  }
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
#undef DEPLOYMENT
#undef VOLUME

}  // namespace
}  // namespace gantry::testing
