// Documents planned and applied on a real database: exactly what was shown, all of it or nothing.
#include <algorithm>

#include <gtest/gtest.h>

#include "proto/document.hpp"
#include "tests/support/api_fixture.hpp"
#include "tests/support/random_document.hpp"

namespace gantry::testing {
namespace {

const std::string kEnvironment = "/v1/projects/shop/environments/production";

class ApiDocuments : public ApiTest {
 protected:
  std::string document(const std::string& environment = kEnvironment) {
    return json(get(environment + "/document?values=all"))["document"];
  }
  Json plan(const std::string& text, const std::string& environment = kEnvironment) {
    const auto response = post(environment + "/plan", {{"document", text}});
    EXPECT_EQ(response.status, 200) << response.body << "\n" << text;
    return json(response);
  }
  api::Response apply(const std::string& text, const Json& plan, Json confirm = Json::array(),
                      const std::string& environment = kEnvironment) {
    return post(environment + "/apply",
                {{"document", text}, {"hash", plan["hash"]}, {"confirm", std::move(confirm)}});
  }
  static std::vector<std::string> paths(const Json& plan) {
    std::vector<std::string> out;
    for (const Json& step : plan["steps"]) out.push_back(step["path"]);
    return out;
  }
  std::vector<std::string> deployed(const std::string& service) {
    std::vector<std::string> triggers;
    const Json page = json(get(kEnvironment + "/services/" + service + "/deployments"));
    for (const Json& each : page["data"]) triggers.push_back(each["trigger"]);
    return triggers;
  }
};
using Strings = std::vector<std::string>;

TEST_F(ApiDocuments, TheDocumentInForcePlansNothing) {
  const std::string text = document();
  EXPECT_EQ(text, R"(project: shop
environment: production
shared:
  LOG_LEVEL: info
services:
  api:
    source:
      image: nginx:1.27
    variables:
      LOG_LEVEL: "${{shared.LOG_LEVEL}}"
volumes:
  data: {}
)");
  EXPECT_TRUE(plan(text)["steps"].empty());
  const auto nothing = apply(text, plan(text));
  EXPECT_EQ(nothing.status, 200);
  EXPECT_TRUE(json(nothing)["deployments"].empty());
  // What is pulled shows no value, and plans nothing, too.
  const std::string pulled = json(get(kEnvironment + "/document"))["document"];
  EXPECT_NE(pulled.find("LOG_LEVEL: {preserve: true}"), std::string::npos) << pulled;
  EXPECT_TRUE(plan(pulled)["steps"].empty());
}

TEST_F(ApiDocuments, WhatWasShownIsApplied) {
  const std::string text = R"(
project: shop
shared: {LOG_LEVEL: debug}
services:
  api:
    source: {image: "nginx:1.28"}
    deploy: {port: 80}
    variables: {LOG_LEVEL: "${{shared.LOG_LEVEL}}", DB: "${{postgres.DATABASE_URL}}"}
    domains: [www.example.com]
    volumes: {data: /data}
    split: {service: green, percent: 10}
  green: {source: {image: "nginx:1.28"}, deploy: {replicas: 2, port: 80}}
  postgres: {template: postgres}
)";
  const Json planned = plan(text);
  EXPECT_EQ(planned["deploys"], Json({"postgres", "api", "green"}));
  const auto applied = apply(text, planned);
  ASSERT_EQ(applied.status, 200) << applied.body;
  EXPECT_EQ(json(applied)["plan"], planned);
  EXPECT_EQ(json(applied)["deployments"].size(), 3U);
  EXPECT_EQ(deployed("api"), (Strings{"apply", "deploy"}));
  EXPECT_EQ(deployed("postgres"), Strings{"apply"});
  EXPECT_TRUE(plan(text)["steps"].empty()) << plan(text);
  EXPECT_EQ(json(get(kEnvironment + "/services/api/traffic"))["split"]["percent"], 10);
  EXPECT_EQ(json(get(kEnvironment + "/volumes/data"))["mount_path"], "/data");
  const Json variables = json(get(kEnvironment + "/services/api/variables?rendered=true"));
  EXPECT_TRUE(variables["missing"].empty()) << variables;
}

TEST_F(ApiDocuments, ANewPlanHasToBeLookedAt) {
  const std::string text = "{\"project\": \"shop\", \"services\": {\"api\": {}}}";
  const Json old = plan(text);
  ASSERT_EQ(patch(kInstance, {{"deploy", {{"replicas", 3}}}}).status, 200);
  const auto refused = apply(text, old, {"*"});
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(code(refused), "plan_stale");
  EXPECT_EQ(json(refused)["plan"], plan(text));
  EXPECT_EQ(json(get(kInstance))["deploy"]["replicas"], 3) << "nothing happened";
}

TEST_F(ApiDocuments, DestructionHasToBeConfirmed) {
  const std::string text = "project: shop\nservices: {}\n";
  const Json planned = plan(text);
  EXPECT_EQ(planned["destroys"], Json({"services.api", "volumes.data"}));
  const std::string before = document();
  for (const Json& confirm : {Json::array(), Json({"services.api"}), Json({"volumes.other"})}) {
    const auto refused = apply(text, planned, confirm);
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(code(refused), "destruction_unconfirmed");
    EXPECT_NE(refused.body.find("volumes.data"), std::string::npos);
    EXPECT_EQ(document(), before);
  }
  const Call made{.method = "POST",
                  .target = kEnvironment + "/apply",
                  .body = Json{{"document", text}, {"confirm", {"*"}}}.dump()};
  EXPECT_EQ(as(project_token("shop", "production"), made).status, 403)
      << "a project token deletes no data";
  EXPECT_EQ(document(), before);
  EXPECT_EQ(apply(text, planned, {"services.api", "volumes.data"}).status, 200);
  EXPECT_EQ(document(), "project: shop\nenvironment: production\n");
  EXPECT_EQ(get("/v1/projects/shop/services/api").status, 404) << "it was nowhere else";
  EXPECT_EQ(get("/v1/projects/shop/services/idle").status, 200);
}

TEST_F(ApiDocuments, WhatCannotBeIsSaidWithThePlan) {
  const std::string before = document();
  const auto refused = [&](const std::string& text, const std::string& expected,
                           const std::string& pointer) {
    const auto response = post(kEnvironment + "/plan", {{"document", "project: shop\n" + text}});
    EXPECT_GE(response.status, 409) << text;
    EXPECT_EQ(code(response), expected) << response.body;
    EXPECT_EQ(pointers(response).at(0), pointer) << response.body;
  };
  refused("environment: staging", "other_environment", "/document/environment");
  refused("services: {a: {variables: {X: '${{b.X}}'}}}", "unresolved_reference",
          "/document/services/a/variables/X");
  refused("services: {a: {variables: {X: '${{Y}}', Y: '${{X}}'}}}", "reference_cycle",
          "/document/services/a/variables/X");
  refused("services: {a: {variables: {X: {preserve: true}}}}", "invalid_document",
          "/document/services/a/variables/X");
  refused("services: {a: {domains: [a.localhost]}}", "generated_host",
          "/document/services/a/domains");
  refused("services: {a: {deploy: {replicas: x}}}", "invalid_document",
          "/document/services/a/deploy/replicas");
  EXPECT_EQ(post(kEnvironment + "/plan", {{"document", "project: blog"}}).status, 422);
  ASSERT_EQ(post("/v1/projects/shop/environments/elsewhere/services/idle/domains",
                 {{"host", "taken.example.com"}})
                .status,
            201);
  refused("services: {a: {domains: [taken.example.com]}}", "domain_taken",
          "/document/services/a/domains");
  EXPECT_EQ(document(), before);
}

TEST_F(ApiDocuments, UploadsAndTheAutoscalersNumberStay) {
  ASSERT_EQ(post(kInstance + "/deployments", {{"source", kArchiveDigest}}).status, 202);
  ASSERT_EQ(patch(kInstance,
                  {{"deploy",
                    {{"replicas", 3}, {"scaling", {{"max_replicas", 5}, {"cpu_percent", 50}}}}}})
                .status,
            200);
  const std::string pulled = json(get(kEnvironment + "/document"))["document"];
  EXPECT_EQ(pulled.find("sha256"), std::string::npos) << pulled;
  EXPECT_EQ(pulled.find("  replicas"), std::string::npos) << pulled;
  EXPECT_TRUE(plan(pulled)["steps"].empty());
  std::string changed = pulled;
  changed.replace(changed.find("cpu_percent: 50"), 15, "cpu_percent: 60");
  const auto applied = apply(changed, plan(changed));
  ASSERT_EQ(applied.status, 200) << applied.body;
  const Json instance = json(get(kInstance));
  EXPECT_EQ(instance["source"]["archive"], kArchiveDigest);
  EXPECT_EQ(instance["deploy"]["replicas"], 3);
  EXPECT_EQ(json(applied)["deployments"].size(), 1U);
}

// ---- one environment to another ----

TEST_F(ApiDocuments, SyncDoesWhatDiffShows) {
  const std::string staging = "/v1/projects/shop/environments/staging";
  ASSERT_EQ(post("/v1/projects/shop/environments", {{"name", "staging"}}).status, 201);
  const std::string text = R"(
project: shop
shared: {LOG_LEVEL: debug, NEW: all}
services:
  api:
    source: {image: "nginx:1.28"}
    deploy: {replicas: 1, port: 80}
    variables: {LOG_LEVEL: "${{shared.LOG_LEVEL}}", TOKEN: of-staging}
    domains: [staging.example.com]
    volumes: {cache: /cache}
  mail: {source: {image: busybox}}
)";
  const auto there = apply(text, plan(text, staging), Json::array(), staging);
  ASSERT_EQ(there.status, 200) << there.body;
  ASSERT_EQ(put(kInstance + "/variables/TOKEN", {{"value", "of-production"}}).status, 201);
  ASSERT_EQ(put(kInstance + "/variables/ALONE", {{"value", "1"}}).status, 201);
  ASSERT_EQ(post(kInstance + "/domains", {{"host", "www.example.com"}}).status, 201);

  const Json body{{"from", "staging"}};
  const Json shown = json(post(kEnvironment + "/diff", body));
  EXPECT_EQ(paths(shown),
            (Strings{"shared.NEW", "services.api.deploy.port", "services.api.source.image",
                     "services.mail", "services.mail.source.image", "volumes.cache"}));
  EXPECT_TRUE(shown["destroys"].empty());
  const std::string remarks = shown["remarks"].dump();
  for (const char* told : {"shared.LOG_LEVEL, api.TOKEN", "api.ALONE", "domains", "data"})
    EXPECT_NE(remarks.find(told), std::string::npos) << told << " in " << remarks;
  EXPECT_EQ(shown.dump().find("of-staging"), std::string::npos);

  Json agreed = body;
  agreed["hash"] = shown["hash"];
  const auto synced = post(kEnvironment + "/sync", agreed);
  ASSERT_EQ(synced.status, 200) << synced.body;
  EXPECT_EQ(json(synced)["plan"].dump(), shown.dump()) << "byte for byte";
  EXPECT_TRUE(json(post(kEnvironment + "/diff", body))["steps"].empty());
  EXPECT_EQ(json(get(kInstance + "/variables/TOKEN"))["value"], "of-production");
  EXPECT_EQ(json(get(kInstance))["source"]["image"], "nginx:1.28");
  EXPECT_EQ(code(post(kEnvironment + "/sync", agreed)), "plan_stale") << "it was that plan once";

  // Values on request, and one service alone.
  const Json values{{"from", "staging"}, {"only", {"api"}}, {"variables", {"TOKEN"}}};
  EXPECT_EQ(paths(json(post(kEnvironment + "/diff", values))),
            Strings{"services.api.variables.TOKEN"});
  ASSERT_EQ(post(kEnvironment + "/sync", values).status, 200);
  EXPECT_EQ(json(get(kInstance + "/variables/TOKEN"))["value"], "of-staging");
  EXPECT_EQ(code(post(kEnvironment + "/diff", {{"from", "production"}})), "same_environment");
  EXPECT_EQ(code(post(kEnvironment + "/diff", {{"from", "staging"}, {"only", {"gone"}}})),
            "unknown_service");
}

// ---- staged changes ----

TEST_F(ApiDocuments, StagedChangesAreOneDeployment) {
  ASSERT_EQ(del(kEnvironment + "/staged").status, 204);
  const std::string before = document();
  const std::string environment = kEnvironment;
  EXPECT_EQ(put(kInstance + "/variables/A?stage=true", {{"value", "secret"}}).status, 202);
  EXPECT_EQ(
      patch(kInstance + "/variables?stage=true", {{"B", "${{A}}"}, {"LOG_LEVEL", nullptr}}).status,
      202);
  EXPECT_EQ(patch(kInstance + "?stage=true", {{"deploy", {{"replicas", 3}, {"port", 80}}}}).status,
            202);
  EXPECT_EQ(patch(kInstance + "?stage=true", {{"deploy", {{"port", 81}}}}).status, 202);
  EXPECT_EQ(put(environment + "/variables/LOG_LEVEL?stage=true", {{"value", "debug"}}).status, 202);
  const auto made = post("/v1/projects/shop/services?stage=true",
                         {{"name", "mail"}, {"source", {{"image", "busybox"}}}});
  EXPECT_EQ(made.status, 202) << made.body;
  EXPECT_EQ(document(), before) << "nothing is in force yet";
  EXPECT_EQ(get("/v1/projects/shop/services/mail").status, 404);

  const Json staged = json(get(environment + "/staged"));
  std::vector<std::string> paths;
  for (const Json& each : staged["data"]) paths.push_back(each["path"]);
  EXPECT_EQ(paths, (Strings{"services.api.deploy.port", "services.api.deploy.replicas",
                            "services.api.variables.A", "services.api.variables.B",
                            "services.api.variables.LOG_LEVEL", "services.mail",
                            "services.mail.source.image", "shared.LOG_LEVEL"}));
  EXPECT_EQ(staged.dump().find("secret"), std::string::npos);
  for (const auto& row : sql("select value from staged_changes"))
    EXPECT_EQ(std::string(row[0].c_str()).find("736563726574"), std::string::npos)
        << "it is sealed";

  const auto applied = post(environment + "/staged/apply", {{"hash", staged["plan"]["hash"]}});
  ASSERT_EQ(applied.status, 200) << applied.body;
  EXPECT_EQ(json(applied)["plan"].dump(), staged["plan"].dump());
  EXPECT_EQ(deployed("api"), (Strings{"apply", "deploy"})) << "once";
  EXPECT_EQ(deployed("mail"), Strings{"apply"});
  EXPECT_EQ(json(get(kInstance))["deploy"]["port"], 81);
  EXPECT_EQ(json(get(kInstance))["deploy"]["replicas"], 3);
  EXPECT_TRUE(json(get(environment + "/staged"))["data"].empty());
}

TEST_F(ApiDocuments, AStagedChangeThatCannotBeIsRefusedAtOnce) {
  ASSERT_EQ(del(kEnvironment + "/staged").status, 204);
  EXPECT_EQ(patch(kInstance + "?stage=true", {{"deploy", {{"replicas", "x"}}}}).status, 422);
  EXPECT_EQ(put(kInstance + "/variables/1?stage=true", {{"value", ""}}).status, 422);
  EXPECT_EQ(put(kInstance + "/variables/A?stage=maybe", {{"value", ""}}).status, 400);
  EXPECT_EQ(post("/v1/projects/shop/services?stage=true", {{"name", "api"}}).status, 409);
  EXPECT_TRUE(json(get(kEnvironment + "/staged"))["data"].empty());

  ASSERT_EQ(del(kInstance + "?stage=true").status, 202);
  EXPECT_EQ(patch(kInstance + "?stage=true", {{"deploy", {{"replicas", 2}}}}).status, 409);
  EXPECT_EQ(code(put(kInstance + "/variables/A?stage=true", {{"value", "1"}})), "staged_removal");
  EXPECT_EQ(code(post(kEnvironment + "/staged/apply", Json::object())), "destruction_unconfirmed");
  const Json staged = json(get(kEnvironment + "/staged"));
  ASSERT_EQ(staged["data"].size(), 1U);
  const std::string one = staged["data"][0]["id"];
  EXPECT_EQ(del(kEnvironment + "/staged/" + one).status, 204);
  EXPECT_EQ(del(kEnvironment + "/staged/" + one).status, 404);
  EXPECT_EQ(get(kInstance).status, 200);
}

// ---- cut at any point ----

// The database breaks the transaction at the n-th event that it writes, or at its commit.
class DocumentsCut : public ApiDocuments {
 protected:
  void SetUp() override {
    ApiDocuments::SetUp();
    sql("create sequence cut_count; create table cut_at (n bigint, at_commit boolean);"
        "insert into cut_at values (0, false);"
        "create function cut() returns trigger language plpgsql as $$ begin "
        "if not (select at_commit from cut_at) and "
        "nextval('cut_count') = (select n from cut_at) then raise 'cut'; end if; "
        "return null; end $$;"
        "create function cut_commit() returns trigger language plpgsql as $$ begin "
        "if (select at_commit from cut_at) then raise 'cut'; end if; return null; end $$;"
        "create trigger cut after insert on events for each row execute function cut();"
        "create constraint trigger cut_commit after insert on events deferrable initially deferred "
        "for each row execute function cut_commit()");
  }
  void TearDown() override {
    sql("drop trigger cut on events; drop trigger cut_commit on events; drop function cut;"
        "drop function cut_commit; drop table cut_at; drop sequence cut_count");
  }
  void cut_at(unsigned n) {
    sql("select setval('cut_count', 1, false); update cut_at set at_commit = false, n = " +
        std::to_string(n));
  }
  void cut_at_commit() { sql("update cut_at set at_commit = true"); }
};

TEST_F(DocumentsCut, AnyDocumentIsAppliedWholeOrNotAtAll) {
  int cut = 0, destroyed = 0;
  for (unsigned seed = 1; seed <= 500; ++seed) {
    std::mt19937 random(seed);
    const gantry::Document wanted = random_document(random);
    const std::string text = write_document(wanted);
    const std::string before = document();
    const Json planned = plan(text);
    ASSERT_TRUE(planned.contains("steps")) << "seed " << seed << "\n" << planned.dump(1);
    const Json confirm = planned["destroys"];
    destroyed += confirm.empty() ? 0 : 1;
    if (!confirm.empty()) {
      ASSERT_EQ(code(apply(text, planned)), "destruction_unconfirmed") << seed;
      ASSERT_EQ(document(), before) << seed;
    }
    if (random() % 4 == 0)
      cut_at_commit();
    else
      cut_at(1 + random() % 12);
    auto applied = apply(text, planned, confirm);
    cut_at(0);
    if (applied.status != 200) {
      ++cut;
      ASSERT_EQ(applied.status, 500) << seed << " " << applied.body;
      ASSERT_EQ(document(), before) << "seed " << seed << ": half of it happened";
      applied = apply(text, planned, confirm);
    }
    ASSERT_EQ(applied.status, 200) << seed << " " << applied.body;
    ASSERT_EQ(json(applied)["plan"].dump(), planned.dump()) << seed;
    ASSERT_EQ(document(), text) << "seed " << seed << "\n" << planned.dump(1);
    ASSERT_TRUE(plan(text)["steps"].empty()) << seed;
    // And from the database, not only from memory.
    if (seed % 50 == 0) {
      ASSERT_TRUE(store().reload().ok());
      ASSERT_EQ(document(), text) << seed;
    }
  }
  EXPECT_GT(cut, 100) << "the cuts hit too rarely to say anything";
  EXPECT_GT(destroyed, 100);
}

}  // namespace
}  // namespace gantry::testing
