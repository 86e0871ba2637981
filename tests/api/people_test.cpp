// Users, members, invitations: what they get, and what they do not.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiPeople : public ApiTest {
 protected:
  static inline const std::string kMembers = "/v1/projects/shop/members";
  static inline const std::string kInvitations = "/v1/projects/shop/invitations";
  static inline const std::string kEnvironments = "/v1/projects/shop/environments";

  std::string invite(const Json& body) {
    const auto made = post(kInvitations, body);
    EXPECT_EQ(made.status, 201) << made.body;
    return json(made)["secret"];
  }
  api::Response accept(const std::string& secret, const std::string& name = {},
                       const std::string& token = {}) {
    Json body = {{"secret", secret}};
    if (!name.empty()) body["name"] = name;
    return as(token, {.method = "POST", .target = "/v1/invitations/accept", .body = body.dump()});
  }
  int status_as(const std::string& token, const std::string& method, const std::string& target,
                const Json& body = nullptr) {
    return as(token, {.method = method,
                      .target = target,
                      .body = body.is_null() ? std::string() : body.dump()})
        .status;
  }
};

TEST_F(ApiPeople, WhoCreatesAProjectOwnsItAndSeesNoOther) {
  const std::string secret = user_token("vera", "viewer", "shop");
  const auto made =
      as(secret, {.method = "POST", .target = "/v1/projects", .body = R"({"name":"mine"})"});
  ASSERT_EQ(made.status, 201) << made.body;
  const Json about = json(as(secret, {.target = "/v1/token"}));
  EXPECT_EQ(about["user"]["name"], "vera");
  EXPECT_EQ(about["operator"], false);
  ASSERT_EQ(about["roles"].size(), 2U);
  EXPECT_EQ(about["roles"][1]["role"], "owner");
  ASSERT_EQ(post("/v1/projects", {{"name", "other"}}).status, 201);
  EXPECT_EQ(json(as(secret, {.target = "/v1/projects"}))["data"].size(), 2U);
  EXPECT_EQ(json(get("/v1/projects"))["data"].size(), 3U);
  EXPECT_EQ(json(get("/v1/token"))["operator"], true);
}

TEST_F(ApiPeople, ARoleInAnEnvironmentTakesThePlaceOfTheProjects) {
  const std::string secret = user_token("vera", "viewer", "shop");
  const Json variable = {{"value", "x"}};
  const std::string in_production = kEnvironments + "/production/variables/A";
  EXPECT_EQ(status_as(secret, "PUT", in_production, variable), 403);
  ASSERT_EQ(
      post(kMembers, {{"user", "vera"}, {"role", "editor"}, {"environment", "production"}}).status,
      201);
  EXPECT_EQ(status_as(secret, "PUT", in_production, variable), 201);
  EXPECT_EQ(status_as(secret, "PUT", kEnvironments + "/elsewhere/variables/A", variable), 403);
  ASSERT_EQ(del(kMembers + "/vera?environment=production").status, 204);
  EXPECT_EQ(status_as(secret, "PUT", in_production, variable), 403);
  EXPECT_EQ(status_as(secret, "GET", kEnvironments + "/elsewhere"), 200);
  ASSERT_EQ(del(kMembers + "/vera").status, 204);
  EXPECT_EQ(status_as(secret, "GET", kEnvironments + "/elsewhere"), 404);
}

TEST_F(ApiPeople, SeveralEnvironmentsAreSeenAndNoOther) {
  ASSERT_EQ(post(kEnvironments, {{"name", "third"}}).status, 201);
  const std::string secret = user_token("paul", "viewer", "shop", "production");
  ASSERT_EQ(post(kMembers, {{"user", "paul"}, {"role", "editor"}, {"environment", "third"}}).status,
            201);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::string> names;
    const Json page = json(as(secret, {.target = kEnvironments}));
    for (const Json& each : page["data"]) names.push_back(each["name"]);
    EXPECT_EQ(names, (std::vector<std::string>{"production", "third"}));
    ASSERT_TRUE(store().reload().ok());
  }
  EXPECT_EQ(status_as(secret, "GET", kInstance), 200);
  const Json page = json(as(secret, {.target = "/v1/events?limit=200"}));
  for (const Json& event : page["data"]) EXPECT_NE(event["message"], "elsewhere");
}

TEST_F(ApiPeople, TheLastOwnerStays) {
  const std::string secret = user_token("olga", "owner", "shop");
  EXPECT_EQ(code(patch(kMembers + "/olga", {{"role", "viewer"}})), "last_owner");
  EXPECT_EQ(code(del(kMembers + "/olga")), "last_owner");
  EXPECT_EQ(status_as(secret, "DELETE", kMembers + "/olga"), 409);
  ASSERT_EQ(patch(kMembers + "/alice", {{"role", "owner"}}).status, 200);
  EXPECT_EQ(del(kMembers + "/olga").status, 204);
  EXPECT_EQ(status_as(secret, "GET", "/v1/projects/shop"), 404);
}

TEST_F(ApiPeople, AnOwnerAddsOnlyWhomItKnows) {
  const std::string secret = user_token("olga", "owner", "shop");
  ASSERT_EQ(post("/v1/users", {{"name", "stranger"}}).status, 201);
  const auto add = [&](const std::string& user) {
    return as(secret, {.method = "POST",
                       .target = kMembers,
                       .body = Json({{"user", user}, {"role", "viewer"}}).dump()});
  };
  EXPECT_EQ(code(add("stranger")), "unknown_user");
  EXPECT_EQ(json(add("stranger"))["detail"], json(add("nobody"))["detail"]);
  EXPECT_EQ(add("bert").status, 201);
  EXPECT_EQ(code(add("bert")), "member_exists");
}

TEST_F(ApiPeople, ARemovedUsersTokensCountNoMore) {
  const std::string secret = user_token("olga", "owner", "shop");
  const auto made = as(secret, {.method = "POST",
                                .target = "/v1/tokens",
                                .body = R"({"name":"ci","project":"shop",)"
                                        R"("environment":"production"})"});
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string ci = json(made)["secret"];
  EXPECT_EQ(status_as(ci, "GET", kInstance + "/variables"), 200);
  ASSERT_EQ(del("/v1/users/olga").status, 204);
  EXPECT_EQ(status_as(secret, "GET", "/v1/token"), 401);
  EXPECT_EQ(status_as(ci, "GET", kInstance), 401);
  ASSERT_TRUE(store().reload().ok());
  EXPECT_EQ(status_as(ci, "GET", kInstance), 401);
}

TEST_F(ApiPeople, AProjectTokenMayNoMoreThanWhoMadeIt) {
  const std::string secret = user_token("edda", "editor", "shop");
  const std::string body = R"({"name":"ci","project":"shop","environment":"production"})";
  const auto made = as(secret, {.method = "POST", .target = "/v1/tokens", .body = body});
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string ci = json(made)["secret"];
  const Json value = {{"value", "x"}};
  EXPECT_EQ(status_as(ci, "PUT", kInstance + "/variables/A", value), 201);
  ASSERT_EQ(patch(kMembers + "/edda", {{"role", "viewer"}}).status, 200);
  EXPECT_EQ(status_as(ci, "PUT", kInstance + "/variables/A", value), 403);
  EXPECT_EQ(status_as(ci, "GET", kInstance), 200);
  EXPECT_EQ(status_as(secret, "POST", "/v1/tokens", Json::parse(body)), 403);
  ASSERT_EQ(del(kMembers + "/edda").status, 204);
  EXPECT_EQ(status_as(ci, "GET", kInstance), 401);
}

TEST_F(ApiPeople, AUserHasItsOwnTokensOnly) {
  const std::string secret = user_token("edda", "editor", "shop");
  user_token("paul", "editor", "shop");
  const Json mine = json(as(secret, {.target = "/v1/tokens"}))["data"];
  ASSERT_EQ(mine.size(), 1U);
  EXPECT_EQ(status_as(secret, "DELETE", "/v1/tokens/" + token_id_), 404);
  EXPECT_EQ(status_as(secret, "POST", "/v1/tokens", {{"name", "x"}, {"user", "paul"}}), 403);
  EXPECT_EQ(status_as(secret, "DELETE", "/v1/tokens/" + mine[0]["id"].get<std::string>()), 204);
  EXPECT_EQ(status_as(secret, "GET", "/v1/token"), 401);
}

TEST_F(ApiPeople, WhatIsGuardedIsTheOwners) {
  ASSERT_EQ(patch(kEnvironments + "/production", {{"guarded", true}}).status, 200);
  const std::string editor = user_token("edda", "editor", "shop");
  const std::string owner = user_token("olga", "owner", "shop");
  EXPECT_EQ(status_as(editor, "GET", kInstance + "/variables"), 403);
  EXPECT_EQ(status_as(owner, "GET", kInstance + "/variables"), 200);
  // Nor by a detour: a copy has the variables, a body names the environment, a service is in it.
  EXPECT_EQ(status_as(editor, "POST", kEnvironments, {{"name", "c"}, {"copy_of", "production"}}),
            403);
  EXPECT_EQ(status_as(editor, "POST", "/v1/projects/shop/services",
                      {{"name", "new"}, {"environment", "production"}}),
            403);
  EXPECT_EQ(status_as(editor, "POST", "/v1/projects/shop/services",
                      {{"name", "new"}, {"environment", "elsewhere"}}),
            201);
  EXPECT_EQ(status_as(editor, "DELETE", "/v1/projects/shop/services/api"), 403);
  EXPECT_EQ(status_as(editor, "DELETE", "/v1/projects/shop/services/new"), 204);
  EXPECT_EQ(status_as(editor, "PATCH", kEnvironments + "/elsewhere", {{"guarded", true}}), 403);
}

TEST_F(ApiPeople, AnInvitationWorksOnce) {
  const std::string secret = invite({{"role", "editor"}});
  const auto joined = accept(secret, "carol");
  ASSERT_EQ(joined.status, 201) << joined.body;
  const std::string token = json(joined)["token"]["secret"];
  EXPECT_EQ(status_as(token, "GET", kInstance + "/variables"), 200);
  EXPECT_EQ(code(accept(secret, "carl")), "invalid_invitation");
  EXPECT_EQ(code(accept("inv_wrong", "carl")), "invalid_invitation");
  const Json list = json(get(kInvitations))["data"];
  EXPECT_EQ(list.back()["accepted_by"], json(joined)["user"]["id"]);
  EXPECT_EQ(get(kInvitations).body.find(secret), std::string::npos);
}

TEST_F(ApiPeople, WhoIsKnownJoinsWithItsTokenAndLosesNoRole) {
  ASSERT_EQ(post("/v1/projects", {{"name", "other"}}).status, 201);
  const std::string token = user_token("otto", "owner", "other");
  const std::string secret = invite({{"role", "viewer"}});
  EXPECT_EQ(accept(secret, "otto").status, 409);  // somebody has that name
  EXPECT_EQ(accept(secret).status, 422);
  EXPECT_EQ(accept(secret, "", "gty_wrong").status, 401);
  const auto joined = accept(secret, "", token);
  ASSERT_EQ(joined.status, 201) << joined.body;
  EXPECT_EQ(json(joined)["token"], nullptr);
  EXPECT_EQ(status_as(token, "GET", kInstance), 200);
  ASSERT_EQ(patch(kMembers + "/otto", {{"role", "owner"}}).status, 200);
  ASSERT_EQ(accept(invite({{"role", "viewer"}}), "", token).status, 201);
  EXPECT_EQ(status_as(token, "GET", kInvitations), 200);  // still an owner
}

TEST_F(ApiPeople, AnInvitationEndsWithWhoGaveItItsTimeAndItsPlace) {
  const std::string olga = user_token("olga", "owner", "shop");
  const auto made =
      as(olga, {.method = "POST", .target = kInvitations, .body = R"({"role":"owner"})"});
  ASSERT_EQ(made.status, 201);
  ASSERT_EQ(patch(kMembers + "/alice", {{"role", "owner"}}).status, 200);
  ASSERT_EQ(patch(kMembers + "/olga", {{"role", "editor"}}).status, 200);
  EXPECT_EQ(code(accept(json(made)["secret"], "carl")), "invalid_invitation");
  const std::string late = invite({{"role", "viewer"}});
  sql("update invitations set expires_at = now() - interval '1 minute'");
  EXPECT_EQ(code(accept(late, "carl")), "invalid_invitation");
  const std::string there = invite({{"role", "viewer"}, {"environment", "elsewhere"}});
  ASSERT_EQ(del(kEnvironments + "/elsewhere").status, 204);
  EXPECT_EQ(code(accept(there, "carl")), "invalid_invitation");
}

TEST_F(ApiPeople, AStreamEndsWhenItsRolesChange) {
  const std::string secret = user_token("vera", "viewer", "shop");
  const auto response = as(secret, {.target = "/v1/events?follow=true"});
  ASSERT_NE(response.stream, nullptr);
  int woken = 0;
  response.stream->on_ready([&] { ++woken; });
  std::string out;
  EXPECT_TRUE(response.stream->read(out));
  ASSERT_TRUE(store().reload().ok());  // the same roles, read again
  EXPECT_TRUE(response.stream->read(out));
  ASSERT_EQ(patch(kMembers + "/vera", {{"role", "editor"}}).status, 200);
  EXPECT_FALSE(response.stream->read(out));
}

// ---- approvals ----

class ApiApprovals : public ApiPeople {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    deploy_status(DeploymentStatus::success);
    ASSERT_EQ(patch(kEnvironments + "/production", {{"needs_approval", true}}).status, 200);
  }
  std::string held() {
    const auto made = post(kInstance + "/deployments", {{"image", "nginx:1.28"}});
    EXPECT_EQ(made.status, 202) << made.body;
    EXPECT_EQ(json(made)["status"], "NEEDS_APPROVAL");
    return json(made)["id"];
  }
};

TEST_F(ApiApprovals, EveryWayToDeployWaits) {
  const std::string id = held();
  const Json deployment = json(get("/v1/deployments/" + id));
  const std::string reason = deployment["reason"];
  EXPECT_NE(reason.find("an owner of project shop"), std::string::npos) << reason;
  EXPECT_NE(reason.find("gantry deployment approve " + id), std::string::npos) << reason;
  sql("update deployments set succeeded_at = now(), image = 'nginx' where status = 'SUCCESS'");
  ASSERT_TRUE(store().reload().ok());
  EXPECT_EQ(json(post(kInstance + "/redeploy", Json::object()))["status"], "NEEDS_APPROVAL");
  const auto back = post("/v1/deployments/" + deployment_id_ + "/rollback", Json::object());
  EXPECT_EQ(json(back)["status"], "NEEDS_APPROVAL") << back.body;
  const auto made = post(kEnvironments + "/production/templates", {{"template", "redis"}});
  ASSERT_LT(made.status, 300) << made.body;
  const auto waiting =
      sql("select count(*) from deployments where status = 'QUEUED' or status = 'INITIALIZING'");
  EXPECT_EQ(waiting[0][0].as<int>(), 0);
}

TEST_F(ApiApprovals, AnOwnerDecides) {
  const std::string editor = user_token("edda", "editor", "shop");
  const std::string owner = user_token("olga", "owner", "shop");
  const std::string id = held();
  const std::string path = "/v1/deployments/" + id;
  EXPECT_EQ(status_as(editor, "POST", path + "/approve", Json::object()), 403);
  EXPECT_EQ(status_as(editor, "POST", path + "/reject", Json::object()), 403);
  EXPECT_EQ(status_as(owner, "POST", path + "/approve", Json::object()), 202);
  EXPECT_EQ(json(get(path))["status"], "QUEUED");
  EXPECT_EQ(code(post(path + "/approve", Json::object())), "not_held");
}

TEST_F(ApiApprovals, WhatIsRejectedSaysByWhomAndWhatIsLiveStays) {
  const std::string owner = user_token("olga", "owner", "shop");
  const std::string id = held();
  const auto rejected = as(owner, {.method = "POST",
                                   .target = "/v1/deployments/" + id + "/reject",
                                   .body = R"({"reason":"not today"})"});
  ASSERT_EQ(rejected.status, 202) << rejected.body;
  EXPECT_EQ(json(rejected)["status"], "SKIPPED");
  EXPECT_EQ(json(rejected)["reason"], "rejected by olga: not today");
  EXPECT_EQ(json(get("/v1/deployments/" + deployment_id_))["status"], "SUCCESS");
}

// ---- audit ----

class ApiAudit : public ApiPeople {
 protected:
  Json lines(const std::string& query = {}) { return json(get("/v1/audit" + query))["data"]; }
  const Json& line(const Json& all, const std::string& action) {
    for (const Json& each : all)
      if (each["action"] == action) return each;
    static const Json none = Json::object();
    ADD_FAILURE() << "no line of " << action;
    return none;
  }
};

TEST_F(ApiAudit, HoldsWhoDidWhatAndForgetsNoName) {
  const std::string secret = user_token("edda", "editor", "shop");
  ASSERT_EQ(as(secret, {.method = "PUT",
                        .target = kInstance + "/variables/PASSWORD",
                        .body = R"({"value":"hunter2"})",
                        .headers = {{"x-request-id", "req-1"}}})
                .status,
            201);
  ASSERT_EQ(del("/v1/users/edda").status, 204);
  const Json all = lines();
  const Json& set = line(all, "variable.set");
  EXPECT_EQ(set["user_name"], "edda");
  EXPECT_EQ(set["token_name"], "edda");
  EXPECT_EQ(set["request_id"], "req-1");
  EXPECT_EQ(set["message"], "PASSWORD");
  EXPECT_EQ(set["outcome"], "DONE");
  EXPECT_EQ(all.dump().find("hunter2"), std::string::npos);
  EXPECT_EQ(line(all, "user.removed")["token_name"], "admin");
}

TEST_F(ApiAudit, HoldsWhoWasRefusedAndWhatHasNoEvent) {
  const std::string secret = user_token("vera", "viewer", "shop");
  EXPECT_EQ(status_as(secret, "DELETE", "/v1/projects/shop"), 403);
  EXPECT_EQ(status_as("gty_wrong", "DELETE", "/v1/projects/shop"), 401);
  EXPECT_EQ(status_as("gty_wrong", "GET", "/v1/projects/shop"), 401);
  EXPECT_EQ(accept("inv_wrong", "carl").status, 404);
  ASSERT_EQ(accept(invite({{"role", "viewer"}}), "carol").status, 201);
  const Json all = lines("?limit=20");
  std::vector<std::string> refused;
  for (const Json& each : all)
    if (each["outcome"] == "REFUSED") refused.push_back(each["message"]);
  EXPECT_EQ(refused,
            (std::vector<std::string>{"POST /v1/invitations/accept: 404 invalid_invitation",
                                      "DELETE /v1/projects/shop: 401 invalid_token",
                                      "DELETE /v1/projects/shop: 403 role_required"}));
  EXPECT_EQ(line(all, "invitation.accepted")["user_name"], "carol");
}

TEST_F(ApiAudit, IsPagedFilteredAndExported) {
  ASSERT_EQ(post("/v1/projects", {{"name", "other"}}).status, 201);
  const std::string owner = user_token("olga", "owner", "shop");
  const std::string id = json(get("/v1/projects/shop"))["id"];
  const Json mine = json(as(owner, {.target = "/v1/projects/shop/audit?limit=1000"}))["data"];
  EXPECT_GT(mine.size(), 10U);
  for (const Json& each : mine) EXPECT_EQ(each["project_id"], id);
  std::vector<Json> walked;
  for (std::string cursor;;) {
    const Json page = json(get("/v1/projects/shop/audit?limit=7" +
                               (cursor.empty() ? std::string() : "&cursor=" + cursor)));
    for (const Json& each : page["data"]) walked.push_back(each);
    if (page["next_cursor"].is_null()) break;
    cursor = page["next_cursor"];
  }
  EXPECT_EQ(Json(walked), mine);
  const auto csv = get("/v1/projects/shop/audit?format=csv&limit=1000");
  EXPECT_EQ(csv.content_type, "text/csv; charset=utf-8");
  EXPECT_EQ(std::count(csv.body.begin(), csv.body.end(), '\n'),
            static_cast<std::ptrdiff_t>(mine.size()) + 1);
  EXPECT_EQ(get("/v1/audit?format=xml").status, 400);
  EXPECT_EQ(get("/v1/audit?since=yesterday").status, 400);
  EXPECT_EQ(json(get("/v1/audit?until=2020-01-01T00:00:00Z"))["data"].size(), 0U);
}

TEST_F(ApiAudit, NobodyChangesIt) {
  for (const char* statement :
       {"delete from audit", "update audit set message = ''", "truncate audit"})
    EXPECT_THROW(sql(statement), pqxx::sql_error) << statement;
  EXPECT_GT(lines().size(), 5U);
}

}  // namespace
}  // namespace gantry::testing
