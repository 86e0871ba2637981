// The owner of one environment decides about people and approvals there, and about nothing beyond
// it; and whoever wants to leave, leaves.
#include <algorithm>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiEnvironmentOwners : public ApiTest {
 protected:
  static inline const std::string kProject = "/v1/projects/shop";
  static inline const std::string kMembers = kProject + "/members";
  static inline const std::string kInvitations = kProject + "/invitations";
  static inline const std::string kLeave = kProject + "/leave";

  void SetUp() override {
    ApiTest::SetUp();
    owner_ = user_token("petra", "owner", "shop", "production");
  }
  api::Response by(const std::string& token, const std::string& method, const std::string& target,
                   const Json& body = nullptr) {
    return as(
        token,
        {.method = method, .target = target, .body = body.is_null() ? std::string() : body.dump()});
  }
  api::Response petra(const std::string& method, const std::string& target,
                      const Json& body = nullptr) {
    return by(owner_, method, target, body);
  }
  // "alice editor all" of each, in the order of the list.
  std::vector<std::string> roles(const std::string& token) {
    std::vector<std::string> found;
    const Json page = json(by(token, "GET", kMembers));
    for (const Json& each : page["data"])
      found.push_back(
          each["user"]["name"].get<std::string>() + " " + each["role"].get<std::string>() + " " +
          (each["environment"].is_null() ? "all" : each["environment"]["name"].get<std::string>()));
    std::sort(found.begin(), found.end());
    return found;
  }
  using Names = std::vector<std::string>;
  std::string owner_;
};

TEST_F(ApiEnvironmentOwners, TheyManageTheMembersOfTheirEnvironment) {
  user_token("vera", "viewer", "shop");
  const auto added = petra("POST", kMembers,
                           {{"user", "vera"}, {"role", "editor"}, {"environment", "production"}});
  ASSERT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(
      petra("PATCH", kMembers + "/vera", {{"role", "owner"}, {"environment", "production"}}).status,
      200);
  EXPECT_EQ(roles(owner_), (Names{"alice editor all", "petra owner production",
                                  "vera owner production", "vera viewer all"}));
  EXPECT_EQ(petra("DELETE", kMembers + "/vera?environment=production").status, 204);
  EXPECT_EQ(roles(owner_),
            (Names{"alice editor all", "petra owner production", "vera viewer all"}));
}

TEST_F(ApiEnvironmentOwners, TheyManageNothingBeyondIt) {
  user_token("vera", "viewer", "shop");
  user_token("olga", "owner", "shop");
  for (const Json& place : {Json::object(), Json{{"environment", "elsewhere"}}}) {
    const int status = place.empty() ? 403 : 422;  // that environment is not there
    Json body = place;
    body["role"] = "owner";
    EXPECT_EQ(petra("PATCH", kMembers + "/vera", body).status, status);
    EXPECT_EQ(petra("POST", kInvitations, body).status, status);
    body["user"] = "vera";
    EXPECT_EQ(petra("POST", kMembers, body).status, status);
  }
  EXPECT_EQ(petra("DELETE", kMembers + "/vera").status, 403);
  EXPECT_EQ(petra("DELETE", kMembers + "/petra").status, 403);
  const Json refused = json(petra("POST", kMembers, {{"user", "vera"}, {"role", "viewer"}}));
  EXPECT_EQ(refused["code"], "role_required");
  EXPECT_NE(refused["detail"].get<std::string>().find("\"environment\""), std::string::npos);
  for (const char* path : {"", "/audit"})
    EXPECT_EQ(petra(*path == '\0' ? "DELETE" : "GET", kProject + path).status, 403) << path;
  EXPECT_EQ(petra("POST", kProject + "/environments", {{"name", "mine"}}).status, 403);
}

// A role in an environment takes the place of the project's: it would be a way to lock them out.
TEST_F(ApiEnvironmentOwners, TheyDoNotDecideAboutOwnersOfTheProject) {
  const std::string olga = user_token("olga", "owner", "shop");
  const Json there = {{"user", "olga"}, {"role", "viewer"}, {"environment", "production"}};
  const auto refused = petra("POST", kMembers, there);
  EXPECT_EQ(code(refused), "role_required") << refused.body;
  // Who did that to herself, or had it done, is still an owner of the project, and undoes it.
  ASSERT_EQ(by(olga, "POST", kMembers, there).status, 201);
  EXPECT_EQ(petra("DELETE", kMembers + "/olga?environment=production").status, 403);
  EXPECT_EQ(by(olga, "GET", kInstance + "/variables").status, 403);
  EXPECT_EQ(by(olga, "DELETE", kMembers + "/olga?environment=production").status, 204);
  EXPECT_EQ(by(olga, "GET", kInstance + "/variables").status, 200);
}

TEST_F(ApiEnvironmentOwners, TheirInvitationsLeadThereAndTheySeeNoOthers) {
  const auto made = petra("POST", kInvitations, {{"role", "owner"}, {"environment", "production"}});
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string elsewhere =
      json(post(kInvitations, {{"role", "viewer"}, {"environment", "elsewhere"}}))["id"];
  const Json listed = json(petra("GET", kInvitations))["data"];
  ASSERT_EQ(listed.size(), 1U) << listed;
  EXPECT_EQ(listed[0]["id"], json(made)["id"]);
  for (const std::string& id : {elsewhere, invitation_id_}) {
    const auto foreign = petra("DELETE", kInvitations + "/" + id);
    EXPECT_EQ(foreign.status, 404);
    const auto nothing = petra("DELETE", kInvitations + "/inv_00000000000000000000000000");
    EXPECT_EQ(nothing.status, 404);
  }
  const auto joined = by("", "POST", "/v1/invitations/accept",
                         {{"secret", json(made)["secret"]}, {"name", "carl"}});
  ASSERT_EQ(joined.status, 201) << joined.body;
  const std::string carl = json(joined)["token"]["secret"];
  EXPECT_EQ(by(carl, "GET", kProject + "/environments/production").status, 200);
  EXPECT_EQ(by(carl, "GET", kProject + "/environments/elsewhere").status, 404);
}

TEST_F(ApiEnvironmentOwners, WhatTheyGaveEndsWithTheirRole) {
  const auto made =
      petra("POST", kInvitations, {{"role", "editor"}, {"environment", "production"}});
  ASSERT_EQ(patch(kMembers + "/petra", {{"role", "editor"}, {"environment", "production"}}).status,
            200);
  EXPECT_EQ(code(by("", "POST", "/v1/invitations/accept",
                    {{"secret", json(made)["secret"]}, {"name", "carl"}})),
            "invalid_invitation");
}

// They learn of nobody whom they do not see.
TEST_F(ApiEnvironmentOwners, MembersOfOtherEnvironmentsAreNotThereForThem) {
  const Json role = {{"role", "viewer"}, {"environment", "production"}};
  const auto foreign = petra("PATCH", kMembers + "/bert", role);
  const auto nothing = petra("PATCH", kMembers + "/nobody", role);
  EXPECT_EQ(foreign.status, 404);
  EXPECT_EQ(nothing.status, 404);
  Json body = role;
  for (const char* user : {"bert", "nobody"}) {
    body["user"] = user;
    EXPECT_EQ(code(petra("POST", kMembers, body)), "unknown_user") << user;
  }
}

TEST_F(ApiEnvironmentOwners, TheyDecideAboutDeploymentsThere) {
  const std::string production = kProject + "/environments/production";
  ASSERT_EQ(petra("PATCH", production, {{"needs_approval", true}}).status, 200);
  const auto held = petra("POST", kInstance + "/deployments", Json::object());
  ASSERT_EQ(json(held)["status"], "NEEDS_APPROVAL") << held.body;
  EXPECT_NE(json(held)["reason"].get<std::string>().find("or of the environment"),
            std::string::npos);
  const std::string id = json(held)["id"];
  EXPECT_EQ(petra("POST", "/v1/deployments/" + id + "/approve", Json::object()).status, 202);
}

// ---- leaving ----

TEST_F(ApiEnvironmentOwners, AUserLeavesAProjectWithAllRolesInIt) {
  const std::string vera = user_token("vera", "viewer", "shop");
  ASSERT_EQ(
      post(kMembers, {{"user", "vera"}, {"role", "editor"}, {"environment", "production"}}).status,
      201);
  ASSERT_EQ(by(vera, "POST", kLeave, Json::object()).status, 204);
  EXPECT_EQ(by(vera, "GET", kProject).status, 404);
  EXPECT_EQ(by(vera, "POST", kLeave, Json::object()).status, 404);
  ASSERT_TRUE(store().reload().ok());
  EXPECT_EQ(by(vera, "GET", kProject).status, 404);
  int lines = 0;
  const Json audit = json(get(kProject + "/audit"));
  for (const Json& each : audit["data"])
    if (each["action"] == "member.left") lines += each["user_name"] == "vera" ? 1 : 100;
  EXPECT_EQ(lines, 2);
}

TEST_F(ApiEnvironmentOwners, AUserLeavesAnEnvironment) {
  ASSERT_EQ(petra("POST", kLeave, {{"environment", "elsewhere"}}).status, 422);
  ASSERT_EQ(petra("POST", kLeave, {{"environment", "production"}}).status, 204);
  EXPECT_EQ(petra("GET", kProject).status, 404);
  const std::string vera = user_token("vera", "viewer", "shop");
  EXPECT_EQ(code(by(vera, "POST", kLeave, {{"environment", "production"}})), "no_role");
  ASSERT_EQ(
      post(kMembers, {{"user", "vera"}, {"role", "editor"}, {"environment", "production"}}).status,
      201);
  ASSERT_EQ(by(vera, "POST", kLeave, {{"environment", "production"}}).status, 204);
  EXPECT_EQ(by(vera, "GET", kInstance + "/variables").status, 403);  // the project's role again
}

// A smaller role in an environment was somebody's decision: to leave it would undo that.
TEST_F(ApiEnvironmentOwners, NobodyGrowsByLeaving) {
  const std::string edda = user_token("edda", "editor", "shop");
  ASSERT_EQ(
      post(kMembers, {{"user", "edda"}, {"role", "viewer"}, {"environment", "production"}}).status,
      201);
  const auto refused = by(edda, "POST", kLeave, {{"environment", "production"}});
  EXPECT_EQ(code(refused), "role_would_grow") << refused.body;
  EXPECT_EQ(by(edda, "GET", kInstance + "/variables").status, 403);
}

TEST_F(ApiEnvironmentOwners, TheLastOwnerStaysAlsoWhenTwoLeaveAtOnce) {
  const std::string one = user_token("olga", "owner", "shop");
  const auto refused = by(one, "POST", kLeave, Json::object());
  EXPECT_EQ(code(refused), "last_owner");
  EXPECT_NE(json(refused)["detail"].get<std::string>().find("somebody else an owner first"),
            std::string::npos);
  const std::string two = user_token("otto", "owner", "shop");
  int left = 0;
  std::mutex counting;
  std::vector<std::thread> threads;
  for (const std::string& token : {one, two})
    threads.emplace_back([&, token] {
      api::Request request;
      request.method = api::Method::post;
      request.target = kLeave;
      request.body = "{}";
      request.headers = {{"authorization", "Bearer " + token},
                         {"content-type", "application/json"}};
      api::read_target(request);
      const auto matched = api::match(request.method, request.path);
      const int status = api::dispatch(std::move(request), matched, context()).status;
      const std::scoped_lock lock(counting);
      left += status == 204 ? 1 : 0;
      EXPECT_TRUE(status == 204 || status == 409) << status;
    });
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(left, 1);
}

TEST_F(ApiEnvironmentOwners, WhoIsNoUserHasNothingToLeave) {
  EXPECT_EQ(code(post(kLeave, Json::object())), "no_role");
  EXPECT_EQ(code(by(project_token("shop", "production"), "POST", kLeave, Json::object())),
            "account_token_required");
}

}  // namespace
}  // namespace gantry::testing
