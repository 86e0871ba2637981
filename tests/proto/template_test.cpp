// Templates: their files, what is refused in them, and the secrets that they make.
#include <algorithm>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "proto/template_catalogue.hpp"
#include "proto/template_value.hpp"

namespace gantry {
namespace {

constexpr const char* kPostgres = R"(name: postgres
aliases: [postgresql]
title: PostgreSQL
summary: A database.
services:
  - name: postgres
    image: postgres:{version}
    version: 17
    versions: ["17", "16"]
    volume_name: data
    mount_path: /data
    port: 5432
    exposed: false
    healthcheck_command: [pg_isready, -h, 127.0.0.1]
    draining_seconds: 60
    memory_bytes: 1Gi
    variables:
      PASSWORD: ${{secret(32)}}
      PORT: 5432
      URL: postgresql://x:${{PASSWORD}}@${{RAILWAY_PRIVATE_DOMAIN}}
    url_variable: URL
    linked_as: DATABASE_URL
    tools:
      client: [psql]
      dump: [sh, -c, "exec pg_dump \"$X\""]
      dump_extension: sql
)";

std::string refusal(const std::string& yaml) {
  const auto parsed = parse_template(yaml, "own.yaml");
  return parsed ? "" : parsed.error().detail;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("no " + from);
  return text.replace(at, from.size(), to);
}

TEST(ProtoTemplate, AFileIsRead) {
  const auto parsed = parse_template(kPostgres, "postgres.yaml");
  ASSERT_TRUE(parsed) << parsed.error().detail;
  EXPECT_EQ(parsed->name, "postgres");
  EXPECT_EQ(parsed->aliases, std::vector<std::string>{"postgresql"});
  ASSERT_EQ(parsed->services.size(), 1U);
  const TemplateService& service = parsed->services.front();
  EXPECT_EQ(service.image, "postgres:{version}");
  EXPECT_EQ(service.version, "17");
  EXPECT_EQ(service.port, 5432);
  EXPECT_FALSE(service.exposed);
  EXPECT_EQ(service.memory_bytes, 1LL << 30);
  EXPECT_EQ(service.draining_seconds, 60);
  EXPECT_EQ(service.healthcheck_command,
            (std::vector<std::string>{"pg_isready", "-h", "127.0.0.1"}));
  ASSERT_EQ(service.variables.size(), 3U);
  EXPECT_EQ(service.variables[1], (std::pair<std::string, std::string>{"PORT", "5432"}));
  EXPECT_EQ(service.tools.dump, (std::vector<std::string>{"sh", "-c", "exec pg_dump \"$X\""}));
  EXPECT_EQ(service.tools.dump_extension, "sql");
  EXPECT_TRUE(service.tools.restore.empty());
}

TEST(ProtoTemplate, WhatIsWrongIsSaidWithItsKeyAndLine) {
  struct Case {
    const char* from;
    const char* to;
    const char* detail;
  };
  const Case cases[] = {
      {"title:", "tilte:", "own.yaml:3: tilte: unknown key; did you mean \"title\"?"},
      {"    port: 5432", "    prot: 5432",
       "own.yaml:12: services[0].prot: unknown key; did you mean \"port\"?"},
      {"    port: 5432", "    port: 70000",
       "own.yaml:12: services[0].port: expected a whole number from 0 to 65535"},
      {"    port: 5432", "    port: yes",
       "own.yaml:12: services[0].port: expected a whole number from 0 to 65535"},
      {"exposed: false", "exposed: 0", "own.yaml:13: services[0].exposed: expected true or false"},
      {"mount_path: /data", "mount_path: data",
       "own.yaml:11: services[0].mount_path: expected a path that begins with /"},
      {"    mount_path: /data\n", "",
       "own.yaml:6: services[0].mount_path: a volume has a volume_name and a mount_path"},
      {"    version: 17\n", "",
       "own.yaml:6: services[0].version: the image has a {version}: say which is the default"},
      {"postgres:{version}", "postgres:17",
       "own.yaml:8: services[0].version: the image has no {version} to put it in"},
      {"version: 17", "version: 15",
       "own.yaml:9: services[0].versions: the default version is not among them"},
      {"image: postgres:{version}", "image: -x:{version}", "own.yaml:7: services[0].image: "},
      {"secret(32)", "secret(2)",
       "own.yaml:18: services[0].variables.PASSWORD: cannot read ${{secret(2)}}: write "},
      {"      PORT:", "      PO RT:", "own.yaml:19: services[0].variables.PO RT: "},
      {"url_variable: URL", "url_variable: URI",
       "own.yaml:21: services[0].url_variable: there is no such variable here"},
      {"memory_bytes: 1Gi", "memory_bytes: much",
       "own.yaml:16: services[0].memory_bytes: expected bytes, such as 1073741824 or 1Gi"},
      {"client: [psql]", "client: psql",
       "own.yaml:24: services[0].tools.client: expected a list of texts"},
      {"client: [psql]", "client: []",
       "own.yaml:24: services[0].tools.client: expected the program and its arguments"},
      {"name: postgres\n", "name: Postgres!\n", "own.yaml:1: name: "},
      {"${{RAILWAY_PRIVATE_DOMAIN}}", "${{other.HOST}}",
       "own.yaml:6: services[0].variables.URL: it refers to \"other\", which is no service of this "
       "template: if it is another template's, say it in \"needs\""},
  };
  ASSERT_EQ(refusal(kPostgres), "");
  for (const Case& each : cases)
    EXPECT_EQ(
        refusal(with(kPostgres, each.from, each.to)).substr(0, std::string(each.detail).size()),
        each.detail);
  EXPECT_EQ(refusal(""),
            "own.yaml: name: it is missing\nown.yaml: services: expected a list of at "
            "least one service");
  EXPECT_NE(refusal("name: [").find("own.yaml:1"), std::string::npos);
  EXPECT_NE(refusal("- x").find("expected keys and values"), std::string::npos);
  EXPECT_NE(refusal("name: x\nservices: []").find("own.yaml:2: services"), std::string::npos);
}

TEST(ProtoTemplate, OneMadeFromAnotherSaysOnlyWhatIsItsOwn) {
  const std::string site =
      "name: site\nservices:\n  - name: web\n    image: web:1\n"
      "    variables: {DB: \"${{db.URL}}\"}\n"
      "  - name: db\n    template: postgres\n    version: 16\n"
      "    variables: {PORT: 1, MORE: x}\n";
  TemplateCatalogue all;
  ASSERT_TRUE(all.add("postgres.yaml", kPostgres));
  ASSERT_TRUE(all.add("site.yaml", site));
  const auto whole = complete(all, all.find("site")->services[1]);
  ASSERT_TRUE(whole) << whole.error().detail;
  EXPECT_EQ(whole->name, "db");
  EXPECT_EQ(whole->image, "postgres:{version}");
  EXPECT_EQ(whole->version, "16");
  ASSERT_EQ(whole->variables.size(), 4U);
  EXPECT_EQ(whole->variables[1].second, "1");
  EXPECT_EQ(whole->variables[3].first, "MORE");
  EXPECT_EQ(refusal(site + "    port: 1\n"),
            "own.yaml:10: services[1].port: the template that it is made from says this");
  TemplateCatalogue alone;
  ASSERT_TRUE(alone.add("site.yaml", site));
  EXPECT_EQ(complete(alone, alone.find("site")->services[1]).error().reason, "unknown_template");
}

TEST(ProtoTemplate, AreFoundByNameAndAliasInAnyCase) {
  TemplateCatalogue all;
  ASSERT_TRUE(all.add("postgres.yaml", kPostgres));
  EXPECT_EQ(all.find("PostgreSQL"), all.find("postgres"));
  EXPECT_NE(all.find("POSTGRES"), nullptr);
  EXPECT_EQ(all.find("mysql"), nullptr);
  EXPECT_EQ(nearest_template(all, "postgers"), "postgres");
  EXPECT_EQ(nearest_template(all, "kafka"), "");
  EXPECT_EQ(template_service(all, "postgres")->name, "postgres");
  EXPECT_EQ(template_service(all, "postgres.postgres")->name, "postgres");
  EXPECT_EQ(template_service(all, "postgres.other"), nullptr);
  EXPECT_EQ(template_service(all, "gone"), nullptr);
  EXPECT_EQ(template_service(all, ""), nullptr);
}

TEST(ProtoTemplate, ALaterOneOfTheSameNameWins) {
  TemplateCatalogue all;
  ASSERT_TRUE(all.add("postgres.yaml", kPostgres));
  ASSERT_TRUE(all.add("own.yaml", with(kPostgres, "title: PostgreSQL", "title: Ours")));
  EXPECT_FALSE(all.add("broken.yaml", "name: x"));
  ASSERT_EQ(all.all().size(), 1U);
  EXPECT_EQ(all.find("postgres")->title, "Ours");
}

TEST(ProtoTemplate, SecretsAreMadeOfTheirAlphabet) {
  std::uint32_t next = 0;
  const auto counting = [&](std::uint32_t bound) { return next++ % bound; };
  EXPECT_EQ(*fill_secrets("plain ${{OTHER}} $${{secret(8)}}", counting),
            "plain ${{OTHER}} $${{secret(8)}}");
  EXPECT_EQ(*fill_secrets("a${{secret(8)}}b", counting), "aABCDEFGHb");
  next = 0;
  EXPECT_EQ(*fill_secrets("${{ secret( 8 , \"01\" ) }}", counting), "01010101");
  EXPECT_EQ(fill_secrets("${{secret()}}", counting)->size(), 32U);
  EXPECT_EQ(*fill_secrets("${{secrets.KEY}}", counting), "${{secrets.KEY}}");
  for (const char* broken :
       {"${{secret(7)}}", "${{secret(513)}}", "${{secret(x)}}", "${{secret(8,)}}",
        "${{secret(8, \"x\")}}", "${{secret(8, abc)}}", "${{secret(8}}"})
    EXPECT_EQ(fill_secrets(broken, counting).error().reason, "malformed_secret") << broken;
}

TEST(ProtoTemplate, ReferencesFollowAnotherName) {
  const std::string value = "${{a.X}}/${{ \"a\".Y }}/${{b.X}}/${{X}}/$${{a.X}}/${{shared.X}}";
  EXPECT_EQ(rename_services(value, {{"a", "c-2"}}),
            "${{c-2.X}}/${{c-2.Y}}/${{b.X}}/${{X}}/$${{a.X}}/${{shared.X}}");
  EXPECT_EQ(referenced_services(value), (std::vector<std::string>{"a", "a", "b"}));
}

}  // namespace
}  // namespace gantry
