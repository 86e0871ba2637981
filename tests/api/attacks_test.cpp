// Ways around the rules about people, each tried: what somebody may no more, secrets by a detour,
// deployments that nobody let in, what is foreign.
#include <filesystem>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiAttacks : public ApiTest {
 protected:
  static inline const std::string kProject = "/v1/projects/shop";
  static inline const std::string kMembers = kProject + "/members";
  static inline const std::string kInvitations = kProject + "/invitations";
  static inline const std::string kEnvironments = kProject + "/environments";

  api::Response by(const std::string& token, const std::string& method, const std::string& target,
                   const Json& body = nullptr) {
    return as(
        token,
        {.method = method, .target = target, .body = body.is_null() ? std::string() : body.dump()});
  }
  int status_by(const std::string& token, const std::string& method, const std::string& target,
                const Json& body = nullptr) {
    return by(token, method, target, body).status;
  }
  void guard() { ASSERT_EQ(patch(kEnvironments + "/production", {{"guarded", true}}).status, 200); }
  void need_approval(bool needed = true) {
    ASSERT_EQ(patch(kEnvironments + "/production", {{"needs_approval", needed}}).status, 200);
  }
  // A request on a thread's own, beside others.
  api::Request request(const std::string& token, api::Method method, const std::string& target,
                       const Json& body) {
    api::Request made;
    made.method = method;
    made.target = target;
    if (!body.is_null()) made.body = body.dump();
    made.headers = {{"content-type", "application/json"}};
    if (!token.empty()) made.headers.emplace_back("authorization", "Bearer " + token);
    api::read_target(made);
    return made;
  }
  std::vector<api::Response> at_once(std::vector<api::Request> requests) {
    std::vector<api::Response> answers(requests.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < requests.size(); ++i)
      threads.emplace_back([&, i] {
        const auto matched = api::match(requests[i].method, requests[i].path);
        answers[i] = api::dispatch(std::move(requests[i]), matched, context());
      });
    for (std::thread& each : threads) each.join();
    return answers;
  }
  // The answer to a request in which ID is a value, as it would be for any value.
  std::string about(const std::string& value, const std::string& token, const std::string& method,
                    const std::string& target, const Json& body) {
    const auto put_in = [&](std::string text) {
      if (const auto at = text.find("ID"); at != std::string::npos) text.replace(at, 2, value);
      return text;
    };
    const auto answer = by(token, method, put_in(target),
                           body.is_null() ? Json(nullptr) : Json::parse(put_in(body.dump())));
    std::string text = answer.body;
    for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at))
      text.replace(at, value.size(), "ID");
    Json shown = Json::parse(text);
    if (shown.is_object()) shown.erase("request_id");
    return std::to_string(answer.status) + " " + shown.dump();
  }
  // Without the daemon's memory hearing of it, as when another daemon did it just now.
  static void behind_its_back(const std::string& statement) { sql(statement); }
};

// ---- what somebody may no more ----

TEST_F(ApiAttacks, AnUploadOfWhoLostTheRoleMeanwhileIsNotTaken) {
  struct Case {
    const char* what;
    std::function<void()> taken_away;
    int status;
  };
  const std::string edda = user_token("edda", "editor", "shop");
  const std::string token_id = json(by(edda, "GET", "/v1/token"))["id"];
  const ProjectPtr project = store().project("shop");
  const Volume* data = project->volume(project->environment("production")->environment.id, "data");
  for (const Case& each : {
           Case{"demoted",
                [&] {
                  patch(kMembers + "/edda", {{"role", "viewer"}});
                },
                403},
           Case{"removed", [&] { del(kMembers + "/edda"); }, 404},
           Case{"revoked", [&] { del("/v1/tokens/" + token_id); }, 401},
       }) {
    (void)post(kMembers, {{"user", "edda"}, {"role", "editor"}});
    (void)patch(kMembers + "/edda", {{"role", "editor"}});
    auto put = request(edda, api::Method::put, kVolumes + "/data/content?path=/late.txt", nullptr);
    auto admission = api::admit(put, api::match(put.method, put.path), context());
    ASSERT_NE(admission.intake, nullptr) << admission.refusal.body;
    ASSERT_TRUE(api::take(admission, "late", context()).ok());
    each.taken_away();
    const auto answer = api::conclude(admission, done(), context());
    EXPECT_EQ(answer.status, each.status) << each.what << answer.body;
    EXPECT_FALSE(std::filesystem::exists(folder_of(data->id) + "/late.txt")) << each.what;
  }
}

// By the rows of now: another daemon has just taken the role, and this one has not heard of it.
TEST_F(ApiAttacks, WhoLostTheRoleAMomentAgoGivesNothingAway) {
  const std::string olga = user_token("olga", "owner", "shop");
  const std::string secret = json(by(olga, "POST", kInvitations, {{"role", "owner"}}))["secret"];
  behind_its_back(
      "update memberships set role = 'viewer' where user_id = (select id from users where name = "
      "'olga')");
  EXPECT_EQ(status_by(olga, "POST", kInvitations, {{"role", "owner"}}), 403);
  EXPECT_EQ(status_by(olga, "POST", kMembers, {{"user", "bert"}, {"role", "owner"}}), 403);
  EXPECT_EQ(status_by(olga, "PATCH", kMembers + "/alice", {{"role", "owner"}}), 403);
  EXPECT_EQ(status_by(olga, "DELETE", kMembers + "/alice"), 403);
  EXPECT_EQ(code(by("", "POST", "/v1/invitations/accept", {{"secret", secret}, {"name", "carl"}})),
            "invalid_invitation");
  ASSERT_TRUE(store().reload().ok());
}

TEST_F(ApiAttacks, AnInvitationWorksOnceAlsoWhenManyTakeItAtOnce) {
  std::vector<api::Request> requests;
  for (int i = 0; i < 6; ++i)
    requests.push_back(
        request("", api::Method::post, "/v1/invitations/accept",
                {{"secret", invitation_secret_}, {"name", "taker-" + std::to_string(i)}}));
  int joined = 0;
  for (const auto& answer : at_once(std::move(requests))) {
    joined += answer.status == 201 ? 1 : 0;
    EXPECT_TRUE(answer.status == 201 || answer.status == 404) << answer.body;
  }
  EXPECT_EQ(joined, 1);
  EXPECT_EQ(sql("select 1 from users where name like 'taker-%'").size(), 1U);
}

TEST_F(ApiAttacks, AProjectTokenJoinsNothingForItsUser) {
  const std::string edda = user_token("edda", "editor", "shop");
  const std::string ci =
      json(by(edda, "POST", "/v1/tokens",
              {{"name", "ci"}, {"project", "shop"}, {"environment", "production"}}))["secret"];
  const std::string secret = json(post(kInvitations, {{"role", "owner"}}))["secret"];
  EXPECT_EQ(code(by(ci, "POST", "/v1/invitations/accept", {{"secret", secret}})),
            "account_token_required");
  EXPECT_EQ(status_by(edda, "GET", kInvitations), 403);
  EXPECT_EQ(status_by(edda, "POST", "/v1/invitations/accept", {{"secret", secret}}), 201);
}

// A role in an environment takes the place of the project's there.
TEST_F(ApiAttacks, AnInvitationIntoAnEnvironmentTakesNothingFromWhoIsMoreAlready) {
  const std::string olga = user_token("olga", "owner", "shop");
  const std::string secret =
      json(post(kInvitations, {{"role", "viewer"}, {"environment", "production"}}))["secret"];
  const auto joined = by(olga, "POST", "/v1/invitations/accept", {{"secret", secret}});
  ASSERT_EQ(joined.status, 201) << joined.body;
  EXPECT_EQ(json(joined)["role"], "owner");
  EXPECT_EQ(status_by(olga, "GET", kInstance + "/variables"), 200);
  // But who is less there than in the project becomes what the invitation says.
  const std::string edda = user_token("edda", "editor", "shop");
  ASSERT_EQ(
      post(kMembers, {{"user", "edda"}, {"role", "viewer"}, {"environment", "production"}}).status,
      201);
  const std::string again =
      json(post(kInvitations, {{"role", "editor"}, {"environment", "production"}}))["secret"];
  ASSERT_EQ(status_by(edda, "POST", "/v1/invitations/accept", {{"secret", again}}), 201);
  EXPECT_EQ(status_by(edda, "GET", kInstance + "/variables"), 200);
}

// ---- secrets by a detour ----

TEST_F(ApiAttacks, AViewerReadsNoSecretFromAnyEndpoint) {
  ASSERT_EQ(put(kInstance + "/variables/PASSWORD", {{"value", "hunter2-own"}}).status, 201);
  ASSERT_EQ(
      put(kEnvironments + "/production/variables/SHARED", {{"value", "hunter2-shared"}}).status,
      201);
  seed_rollout();
  ASSERT_EQ(post(kInstance + "/redeploy", Json::object()).status, 202);
  const std::string vera = user_token("vera", "viewer", "shop");
  int read = 0;
  for (const Operation& operation : openapi_document().operations) {
    if (operation.method != "get") continue;
    for (const std::string& target :
         {call(operation).target, call(operation).target + "?limit=200"}) {
      const auto answer = by(vera, "GET", target);
      read += answer.status == 200 ? 1 : 0;
      std::string text = answer.body;
      for (int i = 0; answer.stream && i < 3; ++i) answer.stream->read(text);
      for (const std::string& secret : {std::string("hunter2"), std::string("nobody reads it"),
                                        kHookSecret, invitation_secret_})
        EXPECT_EQ(text.find(secret), std::string::npos) << target << " tells " << secret;
    }
  }
  EXPECT_GT(read, 40);
}

TEST_F(ApiAttacks, WhatWasBuiltForAProjectIsDeployedNowhereElse) {
  const std::string vera = user_token("vera", "viewer", "shop");  // sees the name of the image
  ASSERT_EQ(status_by(vera, "POST", "/v1/projects", {{"name", "mine"}}), 201);
  ASSERT_EQ(status_by(vera, "POST", "/v1/projects/mine/services", {{"name", "thief"}}), 201);
  const std::string thief = "/v1/projects/mine/environments/production/services/thief";
  const std::string built =
      "gantry-build/0m6r7k2n/" + std::string(instance_id_.ulid()) + ":01jd8yq5x8c5v0m6r7k2n4t9wz";
  for (const std::string& image : {built, "registry.example.com/" + built, "localhost/" + built}) {
    const auto refused = by(vera, "POST", thief + "/deployments", {{"image", image}});
    EXPECT_EQ(code(refused), "foreign_image") << image << refused.body;
    ASSERT_EQ(status_by(vera, "PATCH", thief, {{"source", {{"image", image}}}}), 200);
    EXPECT_EQ(code(by(vera, "POST", thief + "/deployments", Json::object())), "foreign_image");
    const auto imported = by(vera, "POST", "/v1/projects/mine/environments/production/imports",
                             {{"services", {{{"name", "other"}, {"source", {{"image", image}}}}}}});
    EXPECT_EQ(code(imported), "foreign_image") << imported.body;
  }
  EXPECT_EQ(post(kInstance + "/deployments", {{"image", built}}).status, 202);  // its own
  EXPECT_EQ(by(vera, "POST", thief + "/deployments", {{"image", "gantry-build"}}).status, 202);
}

TEST_F(ApiAttacks, PreviewsCopyNoGuardedEnvironmentForItsEditors) {
  seed_repository();
  guard();
  const std::string repository = kProject + "/repositories/" + kRepositoryId;
  const std::string edda = user_token("edda", "editor", "shop");
  const std::string olga = user_token("olga", "owner", "shop");
  const Json previews = {{"previews", {{"enabled", true}, {"base", "production"}}}};
  EXPECT_EQ(code(by(edda, "PATCH", repository, previews)), "role_required");
  EXPECT_EQ(status_by(edda, "PATCH", repository,
                      {{"previews", {{"enabled", true}, {"base", "elsewhere"}}}}),
            200);
  ASSERT_EQ(status_by(olga, "PATCH", repository, previews), 200);
  // Nor one detail of them after that, nor a fork's code.
  EXPECT_EQ(status_by(edda, "PATCH", repository, {{"previews", {{"bots", true}}}}), 403);
  EXPECT_EQ(status_by(edda, "POST", repository + "/pulls/7/allow", Json::object()), 403);
  EXPECT_EQ(status_by(olga, "POST", repository + "/pulls/7/allow", Json::object()), 200);
}

// What services of all environments share is not one environment's: with the secret of its hook
// one could tell of pull requests that nobody opened.
TEST_F(ApiAttacks, TheRepositoryThatOthersFollowIsNotChangedFromOneEnvironment) {
  seed_repository();
  const std::string paul = user_token("paul", "editor", "shop", "elsewhere");
  const std::string ci = project_token("shop", "elsewhere");
  const std::string path = kEnvironments + "/elsewhere/services/idle/repository";
  for (const Json& change : {Json{{"forge", "github"}}, Json{{"token", "mine"}},
                             Json{{"poll_seconds", 60}}, Json{{"submodules", true}}}) {
    Json body = change;
    body["repository"] = kRepository;
    const auto refused = by(paul, "PUT", path, body);
    EXPECT_EQ(code(refused), "repository_shared") << change << refused.body;
    EXPECT_EQ(code(by(ci, "PUT", path, body)), "repository_shared") << change;
  }
  const auto followed = by(paul, "PUT", path, {{"repository", kRepository}});
  EXPECT_EQ(followed.status, 200) << followed.body;
  EXPECT_FALSE(json(followed)["repository"]["hook"].contains("secret"));
}

TEST_F(ApiAttacks, ADocumentDestroysAndOpensNoMoreThanItsCallerMay) {
  const std::string text = json(get(kEnvironments + "/production/document?values=all"))["document"];
  const std::string without = "project: shop\nservices: {}\nvolumes: {data: {}}\n";
  const std::string with_port =
      "project: shop\nservices: {api: {source: {image: \"nginx:1.27\"}, "
      "tcp_proxy: {port: 20001, target_port: 80}}}\nvolumes: {data: {}}\n";
  const std::string without_data = "project: shop\nservices: {}\n";
  const auto apply = [&](const std::string& token, const std::string& document) {
    return by(token, "POST", kEnvironments + "/production/apply?dry_run=true",
              {{"document", document}, {"confirm", {"*"}}});
  };
  const std::string edda = user_token("edda", "editor", "shop");
  const std::string olga = user_token("olga", "owner", "shop");
  const std::string ci = project_token("shop", "production");
  EXPECT_EQ(apply(ci, text).status, 200);
  EXPECT_EQ(code(apply(ci, without)), "account_token_required");
  EXPECT_EQ(code(apply(ci, with_port)), "account_token_required");
  EXPECT_EQ(apply(edda, without).status, 200) << apply(edda, without).body;
  EXPECT_EQ(apply(edda, with_port).status, 200) << apply(edda, with_port).body;
  EXPECT_EQ(code(apply(edda, without_data)), "role_required");
  EXPECT_EQ(apply(olga, without_data).status, 200) << apply(olga, without_data).body;
}

// ---- deployments that nobody let in ----

TEST_F(ApiAttacks, WhatWaitsRunsInNoContainerOfItsOwn) {
  ASSERT_EQ(post(kProject + "/services", {{"name", "fresh"}}).status, 201);
  need_approval();
  const std::string fresh = kEnvironments + "/production/services/fresh";
  const auto held = post(fresh + "/deployments", {{"image", "evil:1"}});
  ASSERT_EQ(json(held)["status"], "NEEDS_APPROVAL") << held.body;
  const Json one_off = {{"command", {"sh"}}, {"one_off", true}};
  EXPECT_EQ(code(post(fresh + "/exec", one_off)), "nothing_deployed");
  EXPECT_EQ(code(post(fresh + "/runs", {{"command", {"sh"}}})), "nothing_deployed");
  const std::string path = "/v1/deployments/" + json(held)["id"].get<std::string>();
  ASSERT_EQ(post(path + "/reject", Json::object()).status, 202);
  EXPECT_EQ(code(post(fresh + "/exec", one_off)), "nothing_deployed");
}

TEST_F(ApiAttacks, WhatWaitsTakesNoOrders) {
  need_approval();
  const auto held = post(kInstance + "/deployments", {{"rollout", {{"strategy", "BLUE_GREEN"}}}});
  ASSERT_EQ(json(held)["status"], "NEEDS_APPROVAL") << held.body;
  const std::string path = "/v1/deployments/" + json(held)["id"].get<std::string>();
  for (const char* order : {"/promote", "/pause", "/resume", "/abort"})
    EXPECT_EQ(code(post(path + order, Json::object())), "not_under_way") << order;
  ASSERT_EQ(post(kInstance + "/scale", {{"replicas", 3}}).status, 202);
  ASSERT_EQ(post(kInstance + "/restart", Json::object()).status, 202);
  EXPECT_EQ(json(get(path))["status"], "NEEDS_APPROVAL");
}

TEST_F(ApiAttacks, DocumentsAndStagedChangesAndImportsWait) {
  deploy_status(DeploymentStatus::success);
  need_approval();
  const std::string production = kEnvironments + "/production";
  const auto applied =
      post(production + "/apply", {{"document",
                                    "project: shop\nservices: {api: {source: {image: "
                                    "\"nginx:1.28\"}}}\nvolumes: {data: {}}\n"}});
  ASSERT_EQ(applied.status, 200) << applied.body;
  ASSERT_EQ(patch(kInstance + "?stage=true", {{"deploy", {{"start_command", "x"}}}}).status, 202);
  ASSERT_EQ(post(production + "/staged/apply", Json::object()).status, 200);
  ASSERT_EQ(post(production + "/imports",
                 {{"services", {{{"name", "other"}, {"source", {{"image", "evil:1"}}}}}}})
                .status,
            201);
  const auto all = sql("select status from deployments where status <> 'SUCCESS'");
  EXPECT_GE(all.size(), 3U);
  for (const auto& row : all) {
    const std::string status = row[0].c_str();
    EXPECT_TRUE(status == "NEEDS_APPROVAL" || status == "REMOVING") << status;
  }
}

// A schedule is in force once its deployment is.
TEST_F(ApiAttacks, ASchedulesCommandWaitsAsWell) {
  deploy_status(DeploymentStatus::success);
  need_approval();
  ASSERT_EQ(patch(kInstance, {{"deploy",
                               {{"cron", {{"schedule", "* * * * *"}}},
                                {"restart_policy", "NEVER"},
                                {"start_command", "evil"}}}})
                .status,
            200);
  ASSERT_EQ(post(kInstance + "/deployments", Json::object()).status, 202);
  EXPECT_EQ(json(get(kEnvironments + "/production/schedules"))["data"].size(), 0U);
}

// With blue-green the older version is kept for a way back, which takes an approval.
TEST_F(ApiAttacks, TakingTheNewestAwayIsNoRollbackWithoutAnApproval) {
  const std::string kept = deployment_id_;
  for (const bool needed : {false, true}) {
    sql("update deployments set status = 'REMOVED' where id <> '" + kept + "'");
    sql("update deployments set status = 'SUCCESS', succeeded_at = now() where id = '" + kept +
        "'");
    ASSERT_TRUE(store().reload().ok());
    need_approval(false);
    const auto next = post(kInstance + "/deployments", {{"image", "nginx:1.28"}});
    const std::string id = json(next)["id"];
    ASSERT_TRUE(store()
                    .record_status({.deployment_id = *DeploymentId::parse(id),
                                    .instance_id = instance_id_,
                                    .status = DeploymentStatus::success,
                                    .reason = "",
                                    .keeps = *DeploymentId::parse(kept)})
                    .ok());
    ASSERT_EQ(json(get("/v1/deployments/" + kept))["status"], "SUCCESS");
    need_approval(needed);
    const auto gone =
        needed ? post(kInstance + "/remove", Json::object()) : del("/v1/deployments/" + id);
    ASSERT_EQ(gone.status, 202) << gone.body;
    EXPECT_EQ(json(get("/v1/deployments/" + kept))["status"], needed ? "REMOVING" : "SUCCESS");
  }
}

// ---- what is foreign ----

TEST_F(ApiAttacks, AForeignIdInABodyOrAQueryIsAsOneThatNeverWas) {
  seed_rollout();
  const std::string otto = user_token("otto", "owner", "shop");
  ASSERT_EQ(status_by(otto, "POST", "/v1/projects", {{"name", "mine"}}), 201);
  ASSERT_EQ(status_by(otto, "POST", "/v1/projects/mine/services", {{"name", "api"}}), 201);
  const std::string service = store().project("shop")->service("api")->id.str();
  const std::string environment =
      store().project("shop")->environment("production")->environment.id.str();
  const std::string project = store().project("shop")->project.id.str();
  ASSERT_EQ(del(kMembers + "/otto").status, 409);  // the last owner
  ASSERT_EQ(patch(kMembers + "/alice", {{"role", "owner"}}).status, 200);
  ASSERT_EQ(del(kMembers + "/otto").status, 204);
  const auto none = [](const std::string& id) {
    return id.substr(0, id.find('_') + 1) + std::string(26, '0');
  };
  const std::string mine = "/v1/projects/mine/environments/production/services/api";
  struct Case {
    const char* method;
    std::string target, id;
    Json body;
  };
  for (const auto& [method, target, id, body] : std::vector<Case>{
           {"GET", "/v1/events?deployment=ID", deployment_id_, nullptr},
           {"GET", "/v1/events?service=ID", service, nullptr},
           {"GET", "/v1/events?project=ID", project, nullptr},
           {"GET", mine + "/logs?deployment=ID", deployment_id_, nullptr},
           {"POST",
            "/v1/tokens",
            project,
            {{"name", "x"}, {"project", "ID"}, {"environment", "production"}}},
           {"POST",
            "/v1/tokens",
            environment,
            {{"name", "x"}, {"project", "mine"}, {"environment", "ID"}}},
           {"POST",
            "/v1/projects/mine/services",
            environment,
            {{"name", "late"}, {"environment", "ID"}}},
           {"POST",
            "/v1/projects/mine/environments",
            environment,
            {{"name", "c"}, {"copy_of", "ID"}}},
           {"POST",
            "/v1/projects/mine/environments/production/services",
            service,
            {{"service", "ID"}}},
           {"POST",
            "/v1/projects/mine/environments/production/diff",
            environment,
            {{"from", "ID"}}},
           {"POST", mine + "/restores", "bak_01jd8yq5x8c5v0m6r7k2n4t9wz", {{"backup", "ID"}}},
           {"PUT", mine + "/traffic", service, {{"split", {{"service", "ID"}, {"percent", 10}}}}},
           {"POST", "/v1/projects/mine/members", "alice", {{"user", "ID"}, {"role", "viewer"}}},
           {"POST", "/v1/projects/mine/leave", environment, {{"environment", "ID"}}},
       }) {
    const std::string never = id == "alice" ? "nobody" : none(id);
    EXPECT_EQ(about(id, otto, method, target, body), about(never, otto, method, target, body))
        << method << " " << target;
  }
}

}  // namespace
}  // namespace gantry::testing
