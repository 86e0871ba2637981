#include "proto/document.hpp"

#include <gtest/gtest.h>

#include "proto/document_plan.hpp"
#include "tests/support/random_document.hpp"

namespace gantry {
namespace {

using testing::random_document;

PlanFacts facts(std::set<std::string> deployed = {}) {
  return {.deployed = std::move(deployed),
          .made_from = [](const std::string& name) -> std::optional<DocumentService> {
            if (name != "postgres") return std::nullopt;
            return DocumentService{
                .from_template = name,
                .settings = {{"source.image", "\"postgres:16\""}, {"deploy.exposed", "false"}},
                .variables = {{"PASSWORD", {.value = "${{secret(32)}}"}},
                              {"URL",
                               {.value = "postgres://${{PASSWORD}}@${{RAILWAY_PRIVATE_DOMAIN}}"}}},
                .volumes = {{"postgres-data", {"/var/lib/postgresql/data", 0}}}};
          },
          .digest =
              [](std::string_view text) {
                std::string hex;
                for (int i = 0; i < 2; ++i)
                  hex +=
                      std::to_string(1'000'000'000'000'000'000U +
                                     std::hash<std::string>()(std::string(text) + char('a' + i)) %
                                         1'000'000'000'000'000'000U);
                return hex;
              }};
}

Document read(const std::string& text) {
  auto document = read_document(text);
  EXPECT_TRUE(document) << text << "\n"
                        << (document
                                ? ""
                                : document.error().fields.at(0).pointer + document.error().detail);
  return document ? *document : Document();
}

DocumentPlan plan(const Document& current, const Document& wanted,
                  std::set<std::string> deployed = {}) {
  auto made = plan_document(current, wanted, facts(std::move(deployed)));
  EXPECT_TRUE(made) << (made ? "" : made.error().detail);
  return made ? *made : DocumentPlan();
}

std::vector<std::string> lines(const DocumentPlan& plan) {
  std::vector<std::string> out;
  for (const Step& step : plan.steps)
    out.push_back(std::string(name(step.kind)) + " " + std::string(name(step.subject)) + " " +
                  step.path + (step.destroys ? " destroys" : "") +
                  (step.effect == StepEffect::none ? "" : " " + std::string(name(step.effect))));
  return out;
}
using Lines = std::vector<std::string>;

// Of an error: every pointer, code and line.
std::vector<std::string> complaints(const std::string& text) {
  const auto document = read_document(text);
  std::vector<std::string> out;
  if (!document)
    for (const FieldError& field : document.error().fields)
      out.push_back(field.pointer + " " + field.code + " " +
                    field.detail.substr(0, field.detail.find(':')));
  return out;
}

TEST(ProtoDocument, WhatIsWrittenIsReadAgain) {
  for (unsigned seed = 1; seed <= 500; ++seed) {
    std::mt19937 random(seed);
    const Document document = random_document(random);
    const std::string text = write_document(document);
    const auto again = read_document(text);
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().detail << "\n" << text;
    ASSERT_EQ(*again, document) << "seed " << seed << "\n" << text;
    ASSERT_EQ(write_document(*again), text) << "seed " << seed;
  }
}

TEST(ProtoDocument, IsTextThatPeopleRead) {
  const Document document = read(R"({"project": "shop", "services": {"api": {
      "source": {"image": "nginx:1.27"}, "deploy": {"draining_seconds": 2, "traffic": {"sticky": true}},
      "variables": {"PORT": 3000, "SECRET": {"preserve": true}, "EMPTY": ""},
      "domains": ["WWW.example.com"], "volumes": {"data": "/data/"}}}})");
  EXPECT_EQ(write_document(document), R"(project: shop
services:
  api:
    deploy:
      draining_seconds: 2
      traffic:
        sticky: true
    source:
      image: nginx:1.27
    variables:
      EMPTY: ""
      PORT: "3000"
      SECRET: {preserve: true}
    domains:
      - www.example.com
    volumes:
      data:
        mount_path: /data
)");
}

TEST(ProtoDocument, EverythingThatIsWrongIsSaidWithItsLine) {
  EXPECT_EQ(complaints(R"(project: shop
sevices: {}
services:
  Api: {}
  web:
    deploy:
      replicas: many
      start: x
    variables:
      A: [1]
      1B: x
    domains: [localhost, a.example.com, a.example.com]
    volumes:
      data: {}
      files: {mount_path: data}
    split: {service: gone, percent: 101}
    source: {image: nginx, repository: "https://git.example.com/a.git"}
)"),
            (Lines{"/sevices unknown_key line 2", "/services/Api invalid_name line 4",
                   "/services/web/source image_and_repository line 17",
                   "/services/web/deploy/replicas wrong_type line 7",
                   "/services/web/deploy/start unknown_key line 8",
                   "/services/web/variables/A wrong_type line 10",
                   "/services/web/variables/1B invalid_variable_name line 11",
                   "/services/web/domains/0 invalid_host line 12",
                   "/services/web/domains/2 twice line 12",
                   "/services/web/volumes/files/mount_path invalid_mount_path line 15",
                   "/services/web/split/percent out_of_range line 16",
                   "/services/web/volumes/data required line 14",
                   "/services/web/volumes/files required line 15",
                   "/services/web/split/service unknown_service line 16"}));
}

TEST(ProtoDocument, ServicesMustFitEachOther) {
  EXPECT_EQ(complaints("services: {}\n"), Lines{"/project required line 1"});
  EXPECT_EQ(
      complaints(R"(project: shop
services:
  a: {domains: [x.example.com], volumes: {data: /a}}
  b: {domains: [x.example.com], volumes: {data: /b}, deploy: {replicas: 2}}
  c: {deploy: {port: 0}, domains: [y.example.com]}
)"),
      (Lines{"/services/b/domains twice line 4", "/services/b/volumes/data twice line 4",
             "/services/b/deploy/replicas several_replicas line 4", "/services/c worker line 5"}));
  EXPECT_EQ(complaints("a: b: c"), Lines{" malformed_document line 1"});
  EXPECT_EQ(complaints(std::string(kDocumentBytesMax + 1, ' ')).size(), 1U);
}

TEST(ProtoDocument, TheSameTwicePlansNothing) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const Document a = random_document(random), b = random_document(random);
    EXPECT_TRUE(plan(a, a).steps.empty()) << seed;
    const DocumentPlan there = plan(a, b);
    EXPECT_EQ(there.steps.empty(), a == b) << seed;
    EXPECT_EQ(there.hash, plan(a, b).hash) << seed;
    std::set<std::string> paths;
    for (const Step& step : there.steps) EXPECT_TRUE(paths.insert(step.path).second) << step.path;
    // Nothing vanishes without being named.
    for (const auto& [name, service] : a.services)
      EXPECT_EQ(!b.services.contains(name),
                paths.contains("services." + name) && there.wanted.services.count(name) == 0)
          << seed;
  }
}

TEST(ProtoDocument, APlanNamesWhatChangesAndWhatItMeans) {
  const Document now = read(R"(project: shop
shared: {LEVEL: info}
services:
  api:
    source: {image: "nginx:1.26"}
    variables: {LEVEL: "${{shared.LEVEL}}", SECRET: abc}
    volumes: {data: /data}
  db: {template: postgres, source: {image: "postgres:15"}}
  old: {source: {image: busybox}}
  web: {source: {image: nginx}, variables: {API: "${{api.LEVEL}}"}, deploy: {replicas: 1}}
)");
  const Document then = read(R"(project: shop
shared: {LEVEL: debug}
services:
  api: {source: {image: "nginx:1.27"}, variables: {LEVEL: "${{shared.LEVEL}}", SECRET: xyz}}
  db: {template: postgres, source: {image: "postgres:16"}}
  web: {source: {image: nginx}, variables: {API: "${{api.LEVEL}}"}, deploy: {replicas: 3}}
)");
  const DocumentPlan made = plan(now, then, {"api", "db", "old", "web"});
  EXPECT_EQ(
      lines(made),
      (Lines{
          "update shared_variable shared.LEVEL", "update setting services.api.source.image deploy",
          "update variable services.api.variables.SECRET deploy",
          "replace setting services.db.source.image destroys deploy",
          "delete service services.old destroys", "update setting services.web.deploy.replicas",
          "delete volume volumes.data destroys restart", "restart service services.web deploy"}));
  EXPECT_EQ(made.deploys, (Lines{"api", "db", "web"}));
  EXPECT_EQ(made.destroyed(), (Lines{"services.db.source.image", "services.old", "volumes.data"}));
  const std::string json = plan_json(made);
  for (const char* secret : {"abc", "xyz", "info", "debug"})
    EXPECT_EQ(json.find(secret), std::string::npos) << secret << " in " << json;
  EXPECT_NE(json.find("nginx:1.27"), std::string::npos);
}

TEST(ProtoDocument, WhatIsNotDeployedIsLeftAlone) {
  const Document now = read("project: s\nservices: {a: {source: {image: x}, variables: {A: '1'}}}");
  const Document then =
      read("project: s\nservices: {a: {source: {image: x}, variables: {A: '2'}}}");
  EXPECT_EQ(lines(plan(now, then)), Lines{"update variable services.a.variables.A"});
  const Document image =
      read("project: s\nservices: {a: {source: {image: y}, variables: {A: '1'}}}");
  EXPECT_EQ(plan(now, image).deploys, Lines{"a"}) << "somebody wants another image to run";
  const Document bare = read("project: s\nservices: {a: {}}");
  EXPECT_TRUE(plan({}, bare).deploys.empty()) << "there is nothing to deploy yet";
}

TEST(ProtoDocument, ATemplateFillsInWhatIsNotSaid) {
  const Document wanted = read("project: s\nservices: {db: {template: postgres}}");
  const DocumentPlan made = plan({}, wanted);
  EXPECT_EQ(lines(made), (Lines{"create database services.db deploy",
                                "create setting services.db.deploy.exposed deploy",
                                "create setting services.db.source.image deploy",
                                "create variable services.db.variables.PASSWORD deploy",
                                "create variable services.db.variables.URL deploy",
                                "create volume volumes.postgres-data restart"}));
  EXPECT_TRUE(made.made.contains({"db", "PASSWORD"}));
  // Once it is there the short form keeps it as it is.
  Document there = made.wanted;
  there.services["db"].variables["PASSWORD"].value = "drawn";
  there.services["db"].settings["source.image"] = "\"postgres:17\"";
  EXPECT_EQ(lines(plan(there, wanted)), Lines());
  const auto unknown =
      plan_document({}, read("project: s\nservices: {db: {template: orakel}}"), facts());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().fields.at(0).code, "unknown_template");
}

TEST(ProtoDocument, PreservedValuesStay) {
  const Document now = read("project: s\nservices: {a: {variables: {A: 'x', B: 'y'}}}");
  const Document keep = read("project: s\nservices: {a: {variables: {A: {preserve: true}}}}");
  EXPECT_EQ(lines(plan(now, keep)), Lines{"delete variable services.a.variables.B"});
  const auto nothing = plan_document({}, keep, facts());
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().fields.at(0).pointer, "/services/a/variables/A");
  EXPECT_EQ(nothing.error().fields.at(0).code, "nothing_to_preserve");
}

TEST(ProtoDocument, OnlyReferencesShowNothing) {
  EXPECT_TRUE(only_references("${{postgres.DATABASE_URL}}"));
  EXPECT_TRUE(only_references("https://${{api.HOST}}:${{api.PORT}}/"));
  EXPECT_FALSE(only_references("postgres://app:secret@${{postgres.HOST}}"));
  EXPECT_FALSE(only_references("secret"));
  EXPECT_FALSE(only_references("$${{x}}"));
}

TEST(ProtoDocument, DependenciesGoFirst) {
  const Document document = read(R"(project: s
services:
  a: {source: {image: x}, variables: {X: "${{c.X}}"}}
  b: {source: {image: x}}
  c: {source: {image: x}, variables: {X: "${{d.X}}", Y: "${{a.Y}}"}}
  d: {source: {image: x}, variables: {X: "1"}}
)");
  EXPECT_EQ(plan({}, document).deploys, (Lines{"d", "c", "a", "b"}));
}

}  // namespace
}  // namespace gantry
