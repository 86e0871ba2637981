// Repositories over the API: who may connect what, what is never shown, what hooks do.
#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiRepositories : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    seed_repository();
  }
  api::Response hook(const std::string& type, const std::string& body,
                     const std::string& secret = kHookSecret, const std::string& id = "d") {
    return as("",
              {.method = "POST",
               .target = "/v1/hooks/" + kRepositoryId,
               .body = body,
               .headers = {
                   {"x-gitlab-token", secret}, {"x-gitlab-event", type}, {"idempotency-key", id}}});
  }
  static std::string push(const std::string& branch, char commit) {
    return R"({"ref":"refs/heads/)" + branch + R"(","after":")" + std::string(40, commit) + "\"}";
  }
  std::vector<Push> pushes() { return *git_ledger().due_pushes(TimePoint::max() - Seconds(1)); }
  static inline const std::string kPath = kInstance + "/repository";
  static inline const std::string kOne = "/v1/projects/shop/repositories/" + kRepositoryId;
};

TEST_F(ApiRepositories, SecretsAreShownOnceAndNeverAgain) {
  ASSERT_EQ(del(kOne).status, 204);
  const auto made = put(kPath, {{"repository", kRepository},
                                {"forge", "github"},
                                {"token", "s3cr3t-token"},
                                {"deploy", false}});
  ASSERT_EQ(made.status, 200) << made.body;
  const std::string secret = json(made)["repository"]["hook"]["secret"];
  EXPECT_EQ(secret.size(), 64u);
  EXPECT_EQ(json(made)["branch"], "main");
  EXPECT_EQ(made.body.find("s3cr3t-token"), std::string::npos);
  const auto id = json(made)["repository"]["id"].get<std::string>();
  for (const auto& body : {get(kPath).body, get("/v1/projects/shop/repositories").body,
                           put(kPath, {{"repository", kRepository}, {"branch", "next"}}).body}) {
    EXPECT_EQ(body.find(secret), std::string::npos);
    EXPECT_EQ(body.find("s3cr3t-token"), std::string::npos);
  }
  const auto rotated = patch("/v1/projects/shop/repositories/" + id, {{"rotate_secret", true}});
  EXPECT_NE(json(rotated)["hook"]["secret"], secret);
  EXPECT_EQ(
      sql("select 1 from git_repositories where position('s3cr3t'::bytea in secrets) > 0").size(),
      0u);
}

TEST_F(ApiRepositories, BadInputNamesItsField) {
  const std::string kLocked =
      "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0\n";
  struct Case {
    Json body;
    const char *pointer, *code;
  };
  for (const Case& each : {
           Case{{{"repository", "--upload-pack=x"}}, "/repository", "invalid_repository"},
           Case{{{"repository", "https://a:b@host/x"}}, "/repository", "credentials_in_url"},
           Case{{{"repository", "https://git.example.com/none.git"}},
                "/repository",
                "unknown_repository"},
           Case{{{"repository", kRepository}, {"branch", "nobody"}}, "/branch", "unknown_branch"},
           Case{{{"repository", kRepository}, {"branch", "-x"}}, "/branch", "invalid_branch"},
           Case{{{"repository", kRepository}, {"forge", "svn"}}, "/forge", "invalid_forge"},
           Case{
               {{"repository", kRepository}, {"poll_seconds", 3}}, "/poll_seconds", "out_of_range"},
           Case{{{"repository", kRepository}, {"ssh_key", "ssh-rsa AAAA"}},
                "/ssh_key",
                "invalid_ssh_key"},
           Case{{{"repository", kRepository}, {"ssh_key", kLocked}},
                "/ssh_key",
                "key_has_passphrase"},
           Case{{{"repository", kRepository},
                 {"ssh_key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n"}},
                "/ssh_key",
                "key_has_passphrase"},
           Case{{{"repository", kRepository}, {"token", "a\nb"}}, "/token", "invalid_token"},
           Case{{{"repository", kRepository}, {"api_url", "https://evil.example.com"}},
                "/token",
                "token_required"},
       }) {
    const auto refused = put(kPath, each.body);
    EXPECT_EQ(refused.status, 422) << refused.body;
    EXPECT_EQ(pointers(refused), std::vector<std::string>{each.pointer}) << refused.body;
    EXPECT_EQ(code(refused), each.code);
  }
  EXPECT_EQ(code(patch(kOne, {{"previews", {{"enabled", true}, {"base", "nowhere"}}}})),
            "unknown_environment");
}

TEST_F(ApiRepositories, AConnectedServiceTakesNoImage) {
  ASSERT_EQ(put(kPath, {{"repository", kRepository}, {"deploy", false}}).status, 200);
  EXPECT_EQ(code(post(kInstance + "/deployments", Json::object())), "from_repository");
  EXPECT_EQ(code(post(kInstance + "/deployments", {{"image", "nginx:1.27"}})), "from_repository");
  EXPECT_TRUE(pushes().empty());
  EXPECT_EQ(post(kPath + "/deploy", Json::object()).status, 202);
  ASSERT_EQ(pushes().size(), 1u);
  EXPECT_EQ(pushes()[0].instance_id, instance_id_);
  ASSERT_EQ(del(kPath).status, 204);
  EXPECT_EQ(get(kPath).status, 404);
  EXPECT_EQ(post(kInstance + "/deployments", {{"image", "nginx:1.27"}}).status, 202);
}

TEST_F(ApiRepositories, AHookBecomesOneRowABranch) {
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(hook("Push Hook", push("main", 'a'), kHookSecret, std::to_string(i)).status, 202);
  ASSERT_EQ(hook("Push Hook", push("main", 'b'), kHookSecret, "last").status, 202);
  ASSERT_EQ(hook("Push Hook", push("next", 'c'), kHookSecret, "other").status, 202);
  ASSERT_EQ(pushes().size(), 2u);
  for (const Push& each : pushes())
    EXPECT_EQ(each.commit, std::string(40, each.branch == "main" ? 'b' : 'c'));
}

TEST_F(ApiRepositories, HooksAreRefusedWithTheirReason) {
  EXPECT_EQ(code(hook("Push Hook", push("main", 'a'), "wrong")), "bad_signature");
  EXPECT_EQ(code(as("", {.method = "POST", .target = "/v1/hooks/" + kRepositoryId, .body = "{}"})),
            "signature_missing");
  EXPECT_EQ(hook("Push Hook", "no json").status, 422);
  EXPECT_EQ(hook("Push Hook", push("main", 'a')).status, 202);
  EXPECT_EQ(code(hook("Push Hook", push("main", 'a'))), "delivery_seen");
  EXPECT_EQ(
      as("",
         {.method = "POST", .target = "/v1/hooks/repo_00000000000000000000000000", .body = "{}"})
          .status,
      404);
  EXPECT_EQ(hook("Push Hook", std::string(9 << 20, ' '), kHookSecret, "big").status, 422);
}

TEST_F(ApiRepositories, AForkIsLetInAtOneCommit) {
  const auto allowed = post(kOne + "/pulls/7/allow", Json::object());
  ASSERT_EQ(allowed.status, 200) << allowed.body;
  EXPECT_EQ(json(allowed)["state"], "open");
  EXPECT_EQ(code(post(kOne + "/pulls/7/allow", Json::object())), "not_held");
  EXPECT_EQ(post(kOne + "/pulls/8/allow", Json::object()).status, 404);
  EXPECT_EQ(git_ledger().pull(*RepositoryId::parse(kRepositoryId), 7)->allowed_commit,
            std::string(40, 'c'));
}

TEST_F(ApiRepositories, AForeignRepositoryIsUnknown) {
  ASSERT_EQ(post("/v1/projects", {{"name", "other"}}).status, 201);
  for (const std::string path : {"", "/pulls"})
    EXPECT_EQ(get("/v1/projects/other/repositories/" + kRepositoryId + path).status, 404);
  EXPECT_EQ(patch("/v1/projects/other/repositories/" + kRepositoryId, {{"token", "x"}}).status,
            404);
}

// A token of one environment neither changes what the others are fetched with, nor is it kept from
// following the repository.
TEST_F(ApiRepositories, CredentialsThatOthersShareStay) {
  ASSERT_EQ(post("/v1/projects/shop/services", {{"name", "follower"}, {"environment", "elsewhere"}})
                .status,
            201);
  const std::string secret = project_token("shop", "elsewhere");
  const std::string path = "/v1/projects/shop/environments/elsewhere/services/follower/repository";
  const auto connect = [&](const std::string& token, Json more) {
    more["repository"] = kRepository;
    more["deploy"] = false;
    return as(token, {.method = "PUT", .target = path, .body = more.dump()});
  };
  const auto before = git_ledger().repository(*RepositoryId::parse(kRepositoryId));
  for (const Json& each :
       {Json{{"token", "mine"}}, Json{{"username", "me"}}, Json{{"forge", "github"}},
        Json{{"poll_seconds", 60}}, Json{{"submodules", true}}}) {
    const auto refused = connect(secret, each);
    EXPECT_EQ(refused.status, 403) << refused.body;
    EXPECT_EQ(code(refused), "repository_shared") << each;
  }
  const auto after = git_ledger().repository(*RepositoryId::parse(kRepositoryId));
  EXPECT_EQ(after->token, before->token);
  EXPECT_EQ(after->secret, before->secret);
  EXPECT_EQ(connect(secret, Json::object()).status, 200) << "without them it may follow";
  EXPECT_EQ(connect(token_, {{"token", "theirs"}}).status, 200) << "who may change all, may";
  ASSERT_EQ(del(kPath).status, 204);
  EXPECT_EQ(connect(secret, {{"token", "mine"}}).status, 200) << "now nobody else follows it";
}

TEST_F(ApiRepositories, PreviewsAreCounted) {
  EXPECT_EQ(json(get(kOne))["previews"]["most"], 20);
  for (const int bad : {0, 201}) {
    const auto refused = patch(kOne, {{"previews", {{"most", bad}}}});
    EXPECT_EQ(refused.status, 422);
    EXPECT_EQ(pointers(refused), std::vector<std::string>{"/previews/most"});
  }
  EXPECT_EQ(json(patch(kOne, {{"previews", {{"most", 3}}}}))["previews"]["most"], 3);
  EXPECT_EQ(json(get(kOne))["previews"]["most"], 3);
}

TEST_F(ApiRepositories, AForkOnBitbucketCannotBeLetIn) {
  ASSERT_EQ(patch(kOne, {{"forge", "bitbucket"}}).status, 200);
  EXPECT_EQ(code(post(kOne + "/pulls/7/allow", Json::object())), "fork_not_fetched");
  EXPECT_EQ(git_ledger().pull(*RepositoryId::parse(kRepositoryId), 7)->allowed_commit, "");
}

}  // namespace
}  // namespace gantry::testing
