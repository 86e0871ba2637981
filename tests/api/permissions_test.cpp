// Who may what: every endpoint is asked by everybody about what is there, and the answers are
// compared with permissions.txt, which people review. About what is foreign, absent or deleted all
// but the operator get the same 404, word for word.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

std::string key_of(const Operation& operation) {
  std::string method = operation.method;
  for (char& c : method) c = static_cast<char>(std::toupper(c));
  return method + " " + operation.path;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// A problem without what differs between two requests.
Json bare(const api::Response& response) {
  Json problem = json(response);
  problem.erase("request_id");
  return problem;
}

// In the table a letter: yes, forbidden, missing, unauthenticated, invalid.
char letter(int status) {
  switch (status) {
    case 401:
      return 'u';
    case 403:
      return 'F';
    case 404:
      return 'm';
    case 422:
      return 'i';
    default:
      return status < 300 ? 'y' : '?';
  }
}

class ApiPermissions : public ApiTest {
 protected:
  struct Caller {
    std::string name;
    std::string secret;
  };

  void SetUp() override {
    ApiTest::SetUp();
    ASSERT_EQ(post("/v1/projects", {{"name", "other"}}).status, 201);
    ASSERT_EQ(post("/v1/projects/other/services",
                   {{"name", "api"}, {"source", {{"image", "nginx:1.27"}}}})
                  .status,
              201);
    seed_rollout();
    make_callers();
  }

  // In the order of the table's columns.
  void make_callers() {
    const auto expired = post("/v1/tokens", {{"name", "late"}, {"expires_in_seconds", 3600}});
    store().token(*TokenId::parse(json(expired)["id"].get<std::string>()));
    callers_ = {{"nobody", ""},
                {"expired", json(expired)["secret"]},
                {"viewer", user_token("vera", "viewer", "shop")},
                {"editor", user_token("edda", "editor", "shop")},
                {"owner", user_token("olga", "owner", "shop")},
                {"editor of production only", user_token("paul", "editor", "shop", "production")},
                {"owner of production only", user_token("petra", "owner", "shop", "production")},
                {"owner of elsewhere only", user_token("elsa", "owner", "shop", "elsewhere")},
                {"owner of another project", user_token("otto", "owner", "other")},
                {"token of production", project_token("shop", "production")},
                {"token of elsewhere", project_token("shop", "elsewhere")},
                {"operator", token_}};
  }

  static Call dry(Call made, const Operation& operation) {
    if (operation.writes() && !operation.opaque_body)
      made.target += (operation.query_example.empty() ? "?" : "&") + std::string("dry_run=true");
    return made;
  }

  api::Response ask(const Caller& caller, const Call& made) {
    if (caller.name != "expired") return as(caller.secret, made);
    const LateClock late;
    api::Context now{.store = store(),
                     .logs = context().logs,
                     .build_logs = context().build_logs,
                     .sources = context().sources,
                     .clock = late,
                     .options = {},
                     .ready = {},
                     .metrics = {},
                     .people = context().people};
    return ask_at(now, caller.secret, made);
  }

  struct LateClock final : Clock {
    TimePoint now() const override { return system_clock().now() + std::chrono::hours(2); }
  };

  static api::Response ask_at(api::Context& context, const std::string& secret, const Call& made) {
    api::Request request;
    for (const auto method : {api::Method::get, api::Method::post, api::Method::put,
                              api::Method::patch, api::Method::del})
      if (api::name(method) == made.method) request.method = method;
    request.target = made.target;
    request.headers = {{"authorization", "Bearer " + secret}, {"content-type", "application/json"}};
    request.body = made.body;
    api::read_target(request);
    const auto matched = api::match(request.method, request.path);
    return api::dispatch(std::move(request), matched, context);
  }

  // "yyF..." for an operation, one letter a caller.
  std::string answers(const Operation& operation) {
    std::string letters;
    for (const Caller& each : callers_)
      letters += letter(ask(each, dry(call(operation), operation)).status);
    return letters;
  }

  void guard(bool guarded) {
    ASSERT_EQ(patch("/v1/projects/shop/environments/production", {{"guarded", guarded}}).status,
              200);
  }

  // The same request about what was never there.
  Call about_nothing(const Operation& operation) const {
    Call made = call(operation);
    for (const auto& [from, to] : replaced()) made.target = with(made.target, from, to);
    made.target = with(made.target, "/projects/shop", "/projects/nowhere");
    return made;
  }
  std::vector<std::pair<std::string, std::string>> replaced() const {
    const std::string none = "00000000000000000000000000";
    return {{deployment_id_, "dep_" + none},
            {held_id_, "dep_" + none},
            {token_id_, "tok_" + none},
            {volume_id_, "vol_" + none},
            {invitation_id_, "inv_" + none}};
  }
  // An answer as it would be about nothing.
  Json as_nothing(const api::Response& response, const std::string& project) const {
    std::string text = bare(response).dump();
    for (const auto& [from, to] : replaced()) text = with(text, from, to);
    text = with(text, "/projects/" + project, "/projects/nowhere");
    return Json::parse(with(text, "project " + project, "project nowhere"));
  }
  // Whether its path names something that belongs to a project.
  static bool is_about(const Operation& operation) {
    for (const char* part : {"{project}", "{deployment}", "{token}", "{volume}"})
      if (operation.path.find(part) != std::string::npos) return true;
    return false;
  }
  void expect_nothing(const Caller& caller, const Operation& operation, const Call& made,
                      const std::string& project) {
    const auto response = ask(caller, made);
    EXPECT_EQ(response.status, 404) << key_of(operation) << " by " << caller.name;
    const auto nothing = ask(caller, dry(about_nothing(operation), operation));
    EXPECT_EQ(as_nothing(response, project), bare(nothing))
        << key_of(operation) << " by " << caller.name;
  }

  const Caller& caller(const std::string& name) const {
    for (const Caller& each : callers_)
      if (each.name == name) return each;
    throw std::logic_error("no caller " + name);
  }

  std::vector<Caller> callers_;
};

std::string reviewed() {
  std::ifstream file(GANTRY_SOURCE_DIR "/tests/api/permissions.txt");
  std::ostringstream text;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && line[0] != '#') text << line << '\n';
  return text.str();
}

// Two columns of letters: as it is, and with production guarded.
TEST_F(ApiPermissions, EverybodyGetsWhatTheTableSays) {
  std::map<std::string, std::string> rows;
  for (const Operation& operation : openapi_document().operations)
    rows[key_of(operation)] = answers(operation);
  guard(true);
  for (const Operation& operation : openapi_document().operations)
    rows[key_of(operation)] += " " + answers(operation);
  guard(false);
  std::string actual;
  for (const auto& [key, letters] : rows) actual += letters + " " + key + "\n";
  if (std::getenv("GANTRY_SHOW_PERMISSIONS") != nullptr) std::fputs(actual.c_str(), stdout);
  EXPECT_EQ(actual, reviewed()) << "review tests/api/permissions.txt: a line an endpoint";
}

// The environment is in the body: staged or not, it takes the role there.
TEST_F(ApiPermissions, AStagedServiceTakesTheRoleOfItsEnvironment) {
  guard(true);
  for (const char* query : {"", "?stage=true"}) {
    const Call made{.method = "POST",
                    .target = "/v1/projects/shop/services" + std::string(query),
                    .body = Json{{"name", "late"}}.dump()};
    EXPECT_EQ(ask(caller("editor"), made).status, 403) << query;
  }
  EXPECT_LT(ask(caller("owner"), {.method = "POST",
                                  .target = "/v1/projects/shop/services?stage=true",
                                  .body = Json{{"name", "late"}}.dump()})
                .status,
            300);
}

// Variables of a guarded environment would leave it with them.
TEST_F(ApiPermissions, APromotionTakesTheRoleOfWhereItComesFrom) {
  guard(true);
  for (const char* verb : {"diff", "sync"}) {
    const Call made{.method = "POST",
                    .target = "/v1/projects/shop/environments/elsewhere/" + std::string(verb),
                    .body = Json{{"from", "production"}}.dump()};
    EXPECT_EQ(ask(caller("editor"), made).status, 403) << verb;
    EXPECT_NE(ask(caller("owner"), made).status, 403) << verb;
  }
}

TEST_F(ApiPermissions, WhatIsForeignIsNotThere) {
  for (const Operation& operation : openapi_document().operations)
    if (is_about(operation))
      expect_nothing(caller("owner of another project"), operation, dry(call(operation), operation),
                     "shop");
}

TEST_F(ApiPermissions, WhatIsDeletedIsNotThereForAnybody) {
  ASSERT_EQ(del("/v1/projects/shop").status, 204);
  for (const Operation& operation : openapi_document().operations) {
    const bool rows = operation.path.find("{token}") == std::string::npos &&
                      operation.path.find("/v1/volumes/") == std::string::npos;
    if (!is_about(operation) || !rows) continue;
    for (const char* name : {"viewer", "owner", "editor of production only", "operator"})
      expect_nothing(caller(name), operation, dry(call(operation), operation), "shop");
    EXPECT_EQ(ask(caller("token of production"), call(operation)).status, 401);
  }
}

TEST_F(ApiPermissions, ADeletedEnvironmentIsNotThereForItsMembers) {
  ASSERT_EQ(del("/v1/projects/shop/environments/production").status, 204);
  for (const Operation& operation : openapi_document().operations) {
    if (operation.path.find("{environment}") == std::string::npos) continue;
    if (operation.path.ends_with("/environments/{environment}/restore")) continue;
    for (const char* name : {"viewer", "owner", "editor of production only", "operator"})
      EXPECT_EQ(ask(caller(name), dry(call(operation), operation)).status, 404)
          << key_of(operation) << " by " << name;
  }
}

}  // namespace
}  // namespace gantry::testing
