// Changes that wait: of every part of an environment, on a real database.
#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

const std::string kEnvironment = "/v1/projects/shop/environments/production";
const std::string kStaged = kEnvironment + "/staged";
using Strings = std::vector<std::string>;

class ApiStaged : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ASSERT_EQ(del(kStaged).status, 204);  // the seed stages something
    ASSERT_EQ(patch(kInstance, {{"deploy", {{"port", 80}}}}).status, 200);
  }
  Json staged() { return json(get(kStaged)); }
  Strings paths() {
    Strings all;
    const Json list = staged();
    for (const Json& each : list["data"]) all.push_back(each["path"]);
    return all;
  }
  // "path: before -> after", as they are told.
  Strings told() {
    Strings all;
    const Json list = staged();
    for (const Json& each : list["data"])
      all.push_back(each["path"].get<std::string>() + ": " +
                    (each["before"].is_null() ? "-" : each["before"].get<std::string>()) + " -> " +
                    (each["after"].is_null() ? "-" : each["after"].get<std::string>()));
    return all;
  }
  std::string document() { return json(get(kEnvironment + "/document?values=all"))["document"]; }
  api::Response apply(Json confirm = Json::array()) {
    return post(kStaged + "/apply", {{"confirm", std::move(confirm)}});
  }
  void make(const std::string& service) {
    ASSERT_EQ(
        post("/v1/projects/shop/services",
             {{"name", service}, {"source", {{"image", "busybox"}}}, {"deploy", {{"port", 80}}}})
            .status,
        201);
  }
  std::size_t deployments(const std::string& service) {
    return json(get(kEnvironment + "/services/" + service + "/deployments"))["data"].size();
  }
  static inline const std::string kDomains = kInstance + "/domains";
};

TEST_F(ApiStaged, DomainsAreGivenMovedAndTakenAway) {
  make("green");
  ASSERT_EQ(post(kDomains, {{"host", "old.example.com"}}).status, 201);
  ASSERT_EQ(post(kDomains, {{"host", "moves.example.com"}}).status, 201);
  const std::string before = document();
  EXPECT_EQ(post(kDomains + "?stage=true", {{"host", "New.Example.com"}}).status, 202);
  EXPECT_EQ(del(kDomains + "/old.example.com?stage=true").status, 202);
  EXPECT_EQ(post(kDomains + "/moves.example.com/move?stage=true", {{"to", "green"}}).status, 202);
  EXPECT_EQ(document(), before) << "nothing is in force yet";
  EXPECT_EQ(told(),
            (Strings{"domains.moves.example.com: api -> green", "domains.new.example.com: - -> api",
                     "domains.old.example.com: api -> -"}));
  // Of one host the later change counts, and it is moved from where it is going to be.
  EXPECT_EQ(post(kDomains + "/moves.example.com/move?stage=true", {{"to", "green"}}).status, 404);
  EXPECT_EQ(del(kEnvironment + "/services/green/domains/moves.example.com?stage=true").status, 202);
  EXPECT_EQ(paths().size(), 3U);
  EXPECT_EQ(post(kDomains + "?stage=true", {{"host", "moves.example.com"}}).status, 202)
      << "nobody is to have it";
  EXPECT_EQ(post(kDomains + "/moves.example.com/move?stage=true", {{"to", "green"}}).status, 202);

  ASSERT_EQ(apply().status, 200);
  EXPECT_EQ(json(get(kInstance))["domains"], Json({"new.example.com"}));
  EXPECT_EQ(json(get(kEnvironment + "/services/green"))["domains"], Json({"moves.example.com"}));
  EXPECT_EQ(deployments("api"), 1U) << "a domain deploys nothing";
}

TEST_F(ApiStaged, ADomainThatCannotBeIsRefusedAtOnce) {
  make("green");
  make("worker");
  ASSERT_EQ(patch(kEnvironment + "/services/worker", {{"deploy", {{"port", 0}}}}).status, 200);
  ASSERT_EQ(post("/v1/projects/shop/environments/elsewhere/services/idle/domains",
                 {{"host", "taken.example.com"}})
                .status,
            201);
  ASSERT_EQ(post(kDomains, {{"host", "mine.example.com"}}).status, 201);
  const std::string green = kEnvironment + "/services/green/domains?stage=true";
  EXPECT_EQ(code(post(green, {{"host", "taken.example.com"}})), "domain_taken");
  EXPECT_EQ(code(post(green, {{"host", "mine.example.com"}})), "domain_taken");
  EXPECT_EQ(code(post(green, {{"host", "x.localhost"}})), "generated_host");
  EXPECT_EQ(code(post(green, {{"host", "*"}})), "invalid_host");
  EXPECT_EQ(
      code(post(kEnvironment + "/services/worker/domains?stage=true", {{"host", "w.example.com"}})),
      "worker");
  const auto to = [&](const char* service) {
    return code(post(kDomains + "/mine.example.com/move?stage=true", {{"to", service}}));
  };
  EXPECT_EQ(to("nobody"), "unknown_service");
  EXPECT_EQ(to("worker"), "worker");
  EXPECT_EQ(del(green.substr(0, green.find('?')) + "/mine.example.com?stage=true").status, 404);
  EXPECT_TRUE(paths().empty());
}

TEST_F(ApiStaged, PortsAndSharesOfRequests) {
  make("green");
  const auto proxy = put(kInstance + "/tcp-proxy?stage=true", Json::object());
  ASSERT_EQ(proxy.status, 202) << proxy.body;
  ASSERT_EQ(
      put(kInstance + "/traffic?stage=true", {{"split", {{"service", "green"}, {"percent", 10}}}})
          .status,
      202);
  const Strings shown = told();
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_EQ(shown[0], "services.api.split: - -> 10% to green");
  EXPECT_EQ(shown[1].substr(0, 29), "services.api.tcp_proxy: - -> ");
  EXPECT_TRUE(shown[1].ends_with(" to 80")) << shown[1];
  // A port that is promised is nobody else's.
  const std::string port = shown[1].substr(29, 5);
  EXPECT_EQ(
      code(put(kEnvironment + "/services/green/tcp-proxy?stage=true", {{"port", std::stoi(port)}})),
      "tcp_port_taken");
  EXPECT_EQ(code(put(kEnvironment + "/services/green/tcp-proxy?stage=true", {{"port", 80}})),
            "port_out_of_range");
  EXPECT_EQ(code(put(kInstance + "/traffic?stage=true",
                     {{"split", {{"service", "api"}, {"percent", 10}}}})),
            "same_service");
  ASSERT_EQ(apply().status, 200);
  EXPECT_EQ(std::to_string(json(get(kInstance))["tcp_proxy"]["port"].get<int>()), port);
  EXPECT_EQ(json(get(kInstance + "/traffic"))["split"]["percent"], 10);

  ASSERT_EQ(del(kInstance + "/tcp-proxy?stage=true").status, 202);
  ASSERT_EQ(del(kInstance + "/traffic?stage=true").status, 202);
  ASSERT_EQ(apply().status, 200);
  EXPECT_TRUE(json(get(kInstance))["tcp_proxy"].is_null());
  EXPECT_TRUE(json(get(kInstance + "/traffic"))["split"].is_null());
}

TEST_F(ApiStaged, VolumesAreMadeMountedAndResized) {
  make("green");
  const std::string data = kVolumes + "/data";
  EXPECT_EQ(post(data + "/attach?stage=true", {{"service", "api"}, {"mount_path", "/data"}}).status,
            202);
  EXPECT_EQ(patch(data + "?stage=true", {{"size_bytes", 1 << 30}}).status, 202);
  EXPECT_EQ(post(kVolumes + "?stage=true",
                 {{"name", "cache"}, {"service", "green"}, {"mount_path", "/cache"}})
                .status,
            202);
  EXPECT_EQ(paths(), (Strings{"volumes.cache", "volumes.cache.mount", "volumes.data.mount",
                              "volumes.data.size_bytes"}));
  EXPECT_EQ(told()[2], "volumes.data.mount: mounted nowhere -> api:/data, 1073741824 bytes");
  EXPECT_EQ(code(post(kVolumes + "?stage=true", {{"name", "cache"}})), "name_taken");
  EXPECT_EQ(code(patch(data + "?stage=true", {{"name", "other"}})), "cannot_be_staged");
  EXPECT_EQ(code(post(kVolumes + "/cache/attach?stage=true", {{"service", "nobody"}})),
            "unknown_service");
  EXPECT_EQ(post(kVolumes + "/nothing/detach?stage=true", Json::object()).status, 404);
  // What a service with a volume may not be is said with the change that makes it so.
  EXPECT_EQ(post(kInstance + "/scale?stage=true", {{"replicas", 2}}).status, 409);
  ASSERT_EQ(apply().status, 200);
  EXPECT_EQ(json(get(data))["mount_path"], "/data");
  EXPECT_EQ(json(get(data))["size_bytes"], 1 << 30);
  EXPECT_EQ(json(get(kVolumes + "/cache"))["service"]["name"], "green");

  // From one service to another, and out of it; without a path it keeps the one it has.
  EXPECT_EQ(post(data + "/attach?stage=true", {{"service", "green"}}).status, 202);
  EXPECT_EQ(post(kVolumes + "/cache/detach?stage=true", Json::object()).status, 202);
  ASSERT_EQ(apply().status, 200);
  EXPECT_EQ(json(get(data))["service"]["name"], "green");
  EXPECT_EQ(json(get(data))["mount_path"], "/data");
  EXPECT_TRUE(json(get(kVolumes + "/cache"))["service"].is_null());

  // Data goes only when it is named.
  EXPECT_EQ(del(data + "?stage=true").status, 202);
  EXPECT_EQ(code(apply()), "destruction_unconfirmed");
  ASSERT_EQ(apply({"volumes.data"}).status, 200);
  EXPECT_FALSE(json(get(data))["deleted_at"].is_null());
}

TEST_F(ApiStaged, AServiceThatIsOnlyStagedIsChangedLikeAnyOther) {
  const std::string mail = kEnvironment + "/services/mail";
  ASSERT_EQ(put(mail + "/variables/A?stage=true", {{"value", "1"}}).status, 404);
  ASSERT_EQ(post("/v1/projects/shop/services?stage=true",
                 {{"name", "mail"}, {"source", {{"image", "busybox"}}}})
                .status,
            202);
  EXPECT_EQ(put(mail + "/variables/A?stage=true", {{"value", "1"}}).status, 202);
  EXPECT_EQ(patch(mail + "/variables?stage=true", {{"B", "${{A}}"}, {"C", "gone"}}).status, 202);
  EXPECT_EQ(del(mail + "/variables/C?stage=true").status, 202);
  EXPECT_EQ(del(mail + "/variables/C?stage=true").status, 404);
  EXPECT_EQ(patch(mail + "?stage=true", {{"deploy", {{"port", 25}}}}).status, 202);
  EXPECT_EQ(post(mail + "/scale?stage=true", {{"replicas", 2}}).status, 202);
  EXPECT_EQ(post(mail + "/domains?stage=true", {{"host", "mail.example.com"}}).status, 202);
  EXPECT_EQ(post(kEnvironment + "/services?stage=true", {{"service", "idle"}}).status, 202);
  EXPECT_EQ(put(kInstance + "/variables/MAIL?stage=true", {{"value", "${{mail.B}}"}}).status, 202);
  EXPECT_EQ(get(mail).status, 404);
  // An editor of this environment, who has no token of the account, too.
  const std::string editor = user_token("erna", "editor", "shop", "production");
  EXPECT_EQ(
      as(editor,
         {.method = "PUT", .target = mail + "/variables/D?stage=true", .body = R"({"value":"4"})"})
          .status,
      202);
  const auto foreign =
      as(user_token("fritz", "viewer", "shop", "production"),
         {.method = "PUT", .target = mail + "/variables/D?stage=true", .body = R"({"value":"4"})"});
  EXPECT_EQ(foreign.status, 403) << foreign.body;

  const auto applied = apply();
  ASSERT_EQ(applied.status, 200) << applied.body;
  EXPECT_EQ(json(applied)["deployments"].size(), 2U) << "each once: " << applied.body;
  EXPECT_EQ(json(get(kInstance + "/variables?rendered=true"))["missing"].size(), 0U);
  EXPECT_EQ(json(get(mail + "/variables/D"))["value"], "4");
  EXPECT_EQ(get(mail + "/variables/C").status, 404);
  EXPECT_EQ(json(get(mail))["deploy"]["replicas"], 2);
  EXPECT_EQ(json(get(mail))["domains"], Json({"mail.example.com"}));
  EXPECT_EQ(get(kEnvironment + "/services/idle").status, 200);
}

TEST_F(ApiStaged, WhatIsOnlyStagedGoesWithoutATrace) {
  const std::string before = document();
  ASSERT_EQ(post("/v1/projects/shop/services?stage=true", {{"name", "mail"}}).status, 202);
  ASSERT_EQ(put(kEnvironment + "/services/mail/variables/A?stage=true", {{"value", "1"}}).status,
            202);
  ASSERT_EQ(put(kInstance + "/variables/A?stage=true", {{"value", "1"}}).status, 202);
  EXPECT_EQ(del(kEnvironment + "/services/mail?stage=true").status, 202);
  EXPECT_EQ(paths(), Strings{"services.api.variables.A"});
  EXPECT_EQ(del(kInstance + "/variables/A?stage=true").status, 202);
  EXPECT_TRUE(paths().empty());
  ASSERT_EQ(post(kVolumes + "?stage=true", {{"name", "cache"}, {"size_bytes", 1}}).status, 202);
  EXPECT_EQ(del(kVolumes + "/cache?stage=true").status, 202);
  EXPECT_TRUE(paths().empty());
  // A service that is to go takes along what was staged of it.
  ASSERT_EQ(put(kInstance + "/variables/A?stage=true", {{"value", "1"}}).status, 202);
  EXPECT_EQ(del(kInstance + "?stage=true").status, 202);
  EXPECT_EQ(paths(), Strings{"services.api"});
  EXPECT_EQ(document(), before);
}

// What the database alone knows is said when it is staged, unless it may be so later.
TEST_F(ApiStaged, WhatCouldNotBeAppliedIsRefusedAndLeavesNothing) {
  const std::string variable = kInstance + "/variables/X?stage=true";
  EXPECT_EQ(code(put(variable, {{"value", "${{mail.Y}}"}})), "unresolved_reference");
  EXPECT_TRUE(paths().empty());
  EXPECT_EQ(put(variable + "&allow_unresolved=true", {{"value", "${{mail.Y}}"}}).status, 202);
  const std::string remarks = staged()["plan"]["remarks"].dump();
  EXPECT_NE(remarks.find("cannot be applied"), std::string::npos) << remarks;
  EXPECT_EQ(code(apply()), "unresolved_reference");
  ASSERT_EQ(post("/v1/projects/shop/services?stage=true&dry_run=true", {{"name", "mail"}}).status,
            422)
      << "without what it lacks nothing more is staged";
  ASSERT_EQ(del(kStaged).status, 204);

  // A rehearsal leaves nothing: neither rows nor events nor what memory knows.
  const auto events = sql("select count(*) from events where type <> 'environment.staged'");
  const std::string before = document();
  ASSERT_EQ(put(variable, {{"value", "1"}}).status, 202);
  EXPECT_EQ(sql("select count(*) from events where type <> 'environment.staged'")[0][0].as<int>(),
            events[0][0].as<int>());
  EXPECT_EQ(document(), before);
  ASSERT_TRUE(store().reload().ok());
  EXPECT_EQ(document(), before);
}

TEST_F(ApiStaged, WhatCannotWaitSaysWhy) {
  struct Case {
    std::string method, path, part;
  };
  const std::vector<Case> cases = {
      {"PUT", kInstance + "/repository", "connected at once"},
      {"POST", kEnvironment + "/templates", "a template"},
      {"POST", kEnvironment + "/imports", "an import"},
      {"POST", kInstance + "/deployments", "stage the settings"},
      {"POST", kInstance + "/restart", "acts on what is there"},
      {"POST", kVolumes + "/data/restore", "brought back"},
      {"POST", "/v1/projects", "only what an environment consists of"},
  };
  for (const Case& each : cases) {
    const auto refused =
        send({.method = each.method, .target = each.path + "?stage=true", .body = "{}"});
    EXPECT_EQ(refused.status, 422) << each.path;
    EXPECT_EQ(code(refused), "cannot_be_staged") << refused.body;
    EXPECT_NE(refused.body.find(each.part), std::string::npos) << refused.body;
  }
  EXPECT_EQ(code(get(kInstance + "?stage=true")), "unknown_parameter");
}

// ---- the audit log has what changes, and nothing else ----

TEST_F(ApiStaged, APlanIsNoDeed) {
  const auto newest = [&] {
    const Json lines = json(get("/v1/audit?limit=1"))["data"];
    return lines.empty() ? std::string() : lines[0]["message"].get<std::string>();
  };
  ASSERT_EQ(post("/v1/projects/shop/environments", {{"name", "staging"}}).status, 201);
  const std::string text = document();
  ASSERT_EQ(del(kStaged).status, 204);  // of which there is no event
  const std::string last = newest();
  EXPECT_EQ(last, "DELETE " + kStaged);
  const Json headers_body{{"document", text}};
  EXPECT_EQ(post(kEnvironment + "/plan", headers_body).status, 200);
  EXPECT_EQ(post(kEnvironment + "/plan", headers_body, {{"idempotency-key", "k1"}}).status, 200);
  EXPECT_EQ(post(kEnvironment + "/diff", {{"from", "staging"}}).status, 200);
  EXPECT_EQ(get(kStaged).status, 200);
  EXPECT_EQ(post(kEnvironment + "/apply", headers_body).status, 200) << "it is in force already";
  EXPECT_EQ(post(kStaged + "/apply", Json::object()).status, 200) << "nothing is staged";
  EXPECT_EQ(newest(), last) << "nothing became another";
  const auto refused =
      as(user_token("fritz", "viewer", "shop", ""),
         {.method = "POST", .target = kEnvironment + "/plan", .body = headers_body.dump()});
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(newest().find("/plan: 403"), std::string::npos) << newest();
}

}  // namespace
}  // namespace gantry::testing
