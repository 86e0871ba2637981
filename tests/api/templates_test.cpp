// Services from templates and from imports: all in one transaction.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

const std::string kEnvironment = "/v1/projects/shop/environments/production";

class ApiTemplates : public ApiTest {
 protected:
  api::Response add(const Json& body, const Headers& headers = {}) {
    return post(kEnvironment + "/templates", body, headers);
  }
  Json made(const Json& body) {
    const auto response = add(body);
    EXPECT_EQ(response.status, 201) << response.body;
    return json(response);
  }
  static std::string name_of(const Json& answer, std::size_t index = 0) {
    return answer.at("services").at(index).at("service").at("name");
  }
  // A variable as the container of a service's first deployment gets it.
  std::string given(const std::string& deployment_id, const std::string& name) {
    const auto deployment = store().deployment(*DeploymentId::parse(deployment_id));
    if (!deployment || !deployment->variables.contains(name)) return "?";
    return deployment->variables.at(name);
  }
  std::string given(const Json& answer, std::size_t index, const std::string& name) {
    return given(answer.at("services").at(index).at("deployment_id").get<std::string>(), name);
  }
  Json instance(const std::string& service) {
    return json(get(kEnvironment + "/services/" + service));
  }
  std::size_t services() { return json(get(kEnvironment + "/services"))["data"].size(); }
};

TEST_F(ApiTemplates, ADatabaseComesWhole) {
  const Json answer = made({{"template", "PostgreSQL"}});
  EXPECT_EQ(answer["template"], "postgres");
  EXPECT_EQ(answer["version"], "17");
  EXPECT_EQ(answer["warnings"], Json::array());
  EXPECT_EQ(answer["url_variable"], "DATABASE_URL");
  EXPECT_EQ(answer["reference"],
            Json({{"name", "DATABASE_URL"}, {"value", "${{postgres.DATABASE_URL}}"}}));
  ASSERT_EQ(answer["services"].size(), 1U);
  EXPECT_EQ(name_of(answer), "postgres");
  EXPECT_EQ(answer["services"][0]["volumes"][0]["name"], "postgres-data");
  EXPECT_EQ(answer["services"][0]["volumes"][0]["mount_path"], "/var/lib/postgresql/data");

  const Json here = instance("postgres");
  EXPECT_EQ(here["source"]["image"], "postgres:17");
  EXPECT_EQ(here["source"]["template"], "postgres");
  EXPECT_EQ(here["deploy"]["port"], 5432);
  EXPECT_EQ(here["deploy"]["exposed"], false);
  EXPECT_EQ(here["deploy"]["draining_seconds"], 60);
  EXPECT_EQ(here["deploy"]["healthcheck_command"][0], "pg_isready");
  const std::string password = given(answer, 0, "POSTGRES_PASSWORD");
  EXPECT_EQ(password.size(), 32U);
  EXPECT_TRUE(std::all_of(password.begin(), password.end(),
                          [](unsigned char c) { return std::isalnum(c) != 0; }));
  EXPECT_EQ(given(answer, 0, "DATABASE_URL"),
            "postgresql://postgres:" + password + "@postgres.railway.internal:5432/railway");
  EXPECT_EQ(given(answer, 0, "PGHOST"), "postgres.railway.internal");

  const ProjectPtr project = store().project("shop");
  const auto* service = project->service("postgres");
  const auto* view =
      project->instance(service->id, project->environment("production")->environment.id);
  ASSERT_EQ(project->volumes_of(view->instance.id).size(), 1U);
  EXPECT_EQ(project->volumes_of(view->instance.id)[0]->mount_path, "/var/lib/postgresql/data");
  // What is deployed is what the volume is mounted in: nothing has to be restarted.
  EXPECT_EQ(view->deployments.size(), 1U);
}

TEST_F(ApiTemplates, TheAnswerTellsNoSecret) {
  const auto response = add({{"template", "redis"}}, {{"idempotency-key", "one"}});
  ASSERT_EQ(response.status, 201) << response.body;
  const std::string password = given(json(response), 0, "REDIS_PASSWORD");
  ASSERT_EQ(password.size(), 32U);
  EXPECT_EQ(response.body.find(password), std::string::npos);
  const auto again = add({{"template", "redis"}}, {{"idempotency-key", "one"}});
  EXPECT_EQ(again.body, response.body);
  EXPECT_EQ(get(kEnvironment + "/services/redis-2").status, 404);
}

TEST_F(ApiTemplates, ASecondOneGetsANumberAndItsOwnReferences) {
  const Json first = made({{"template", "postgres"}});
  const Json second = made({{"template", "postgres"}});
  const Json third = made({{"template", "postgres"}});
  EXPECT_EQ(name_of(second), "postgres-2");
  EXPECT_EQ(name_of(third), "postgres-3");
  EXPECT_EQ(second["services"][0]["volumes"][0]["name"], "postgres-data-2");
  EXPECT_EQ(second["reference"]["value"], "${{postgres-2.DATABASE_URL}}");
  EXPECT_EQ(given(second, 0, "PGHOST"), "postgres-2.railway.internal");
  EXPECT_NE(given(first, 0, "PGPASSWORD"), given(second, 0, "PGPASSWORD"));
}

TEST_F(ApiTemplates, ANameAndAVersionMayBeChosen) {
  const Json answer = made({{"template", "postgres"}, {"name", "db"}, {"version", "16.4-alpine"}});
  EXPECT_EQ(name_of(answer), "db");
  EXPECT_EQ(answer["version"], "16.4-alpine");
  EXPECT_EQ(answer["warnings"], Json::array());
  EXPECT_EQ(instance("db")["source"]["image"], "postgres:16.4-alpine");
  EXPECT_EQ(made({{"template", "postgres"}, {"version", "177"}})["warnings"].size(), 1U);
  const auto taken = add({{"template", "postgres"}, {"name", "db"}});
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(code(taken), "name_taken");
}

TEST_F(ApiTemplates, VariablesMayBeGivenAndLeftOut) {
  const Json answer =
      made({{"template", "postgres"},
            {"variables", {{"POSTGRES_DB", "shop"}, {"PGPORT", nullptr}, {"X", "1"}}}});
  EXPECT_EQ(given(answer, 0, "PGDATABASE"), "shop");
  EXPECT_EQ(given(answer, 0, "X"), "1");
  EXPECT_EQ(given(answer, 0, "PGPORT"), "?");
}

TEST_F(ApiTemplates, WhatIsWrongIsRefusedWithItsField) {
  struct Case {
    Json body;
    const char* code;
    const char* pointer;
  };
  const Case cases[] = {
      {{{"template", "postgers"}}, "unknown_template", "/template"},
      {{{"template", "kafka"}}, "unknown_template", "/template"},
      {Json::object(), "required", "/template"},
      {{{"template", "redis"}, {"version", "7 8"}}, "invalid_version", "/version"},
      {{{"template", "redis"}, {"version", "../x"}}, "invalid_version", "/version"},
      {{{"template", "redis"}, {"version", ""}}, "invalid_version", "/version"},
      {{{"template", "redis"}, {"name", "Not A Name"}}, "invalid_name", "/name"},
      {{{"template", "redis"}, {"for", "api"}}, "unknown_key", "/for"},
      {{{"template", "redis"}, {"colour", "red"}}, "unknown_key", "/colour"},
      {{{"template", "redis"}, {"variables", {{"A B", "x"}}}},
       "invalid_variable_name",
       "/variables/A B"},
      {{{"template", "redis"}, {"variables", {{"A", 1}}}}, "wrong_type", "/variables/A"},
      {{{"template", "redis"}, {"variables", {{"A", "${{nobody.X}}"}}}},
       "unresolved_reference",
       "/variables/redis.A"},
      {{{"template", "pgbouncer"}}, "needs_service", "/template"},
      {{{"template", "pgbouncer"}, {"for", "nobody"}}, "unknown_service", "/for"},
  };
  const auto before = services();
  for (const Case& each : cases) {
    const auto response = add(each.body);
    EXPECT_EQ(response.status, 422) << each.body << response.body;
    EXPECT_EQ(code(response), each.code) << each.body;
    EXPECT_EQ(pointers(response), std::vector<std::string>{each.pointer}) << each.body;
  }
  EXPECT_EQ(services(), before);
  EXPECT_NE(add({{"template", "postgers"}}).body.find("did you mean \\\"postgres\\\"?"),
            std::string::npos);
  EXPECT_NE(add({{"template", "kafka"}}).body.find("known: mariadb, mongo"), std::string::npos);
}

TEST_F(ApiTemplates, ADryRunMakesNothing) {
  const auto before = services();
  const auto volumes = store().project("shop")->volumes.size();
  const auto response = send({.method = "POST",
                              .target = kEnvironment + "/templates?dry_run=true",
                              .body = R"({"template":"postgres"})"});
  EXPECT_EQ(response.status, 201) << response.body;
  EXPECT_EQ(services(), before);
  EXPECT_EQ(store().project("shop")->volumes.size(), volumes);
}

TEST_F(ApiTemplates, APoolFindsItsDatabase) {
  made({{"template", "postgres"}, {"name", "db"}});
  const Json pool = made({{"template", "pgbouncer"}});
  EXPECT_EQ(pool["reference"],
            Json({{"name", "DATABASE_URL"}, {"value", "${{pgbouncer.PGBOUNCER_URL}}"}}));
  const std::string password = given(pool, 0, "PGPASSWORD");
  EXPECT_EQ(given(pool, 0, "DATABASE_URL"),
            "postgresql://postgres:" + password + "@db.railway.internal:5432/railway");
  EXPECT_EQ(given(pool, 0, "PGBOUNCER_URL"),
            "postgresql://postgres:" + password + "@pgbouncer.railway.internal:6432/railway");
  made({{"template", "postgres"}, {"name", "other"}});
  EXPECT_EQ(code(add({{"template", "pgbouncer"}})), "ambiguous_service");
  const Json second = made({{"template", "pgbouncer"}, {"for", "other"}});
  EXPECT_EQ(name_of(second), "pgbouncer-2");
  EXPECT_NE(given(second, 0, "DATABASE_URL").find("@other.railway.internal"), std::string::npos);
}

TEST_F(ApiTemplates, SeveralServicesAreWiredByTheNamesThatTheyGet) {
  made({{"template", "mariadb"}});
  const Json answer = made({{"template", "wordpress"}, {"name", "blog"}});
  EXPECT_EQ(name_of(answer, 0), "blog");
  EXPECT_EQ(name_of(answer, 1), "mariadb-2");
  EXPECT_EQ(given(answer, 0, "WORDPRESS_DB_HOST"), "mariadb-2.railway.internal:3306");
  EXPECT_EQ(given(answer, 0, "WORDPRESS_DB_PASSWORD"), given(answer, 1, "MARIADB_ROOT_PASSWORD"));
  EXPECT_EQ(given(answer, 0, "WORDPRESS_DB_NAME"), "wordpress");
  EXPECT_EQ(instance("mariadb-2")["source"]["template"], "mariadb");
  EXPECT_EQ(instance("blog")["source"]["template"], "wordpress.wordpress");
}

TEST_F(ApiTemplates, AnotherEnvironmentGetsTheSameServices) {
  made({{"template", "postgres"}});
  ASSERT_EQ(post("/v1/projects/shop/environments", {{"name", "staging"}}).status, 201);
  const auto there =
      post("/v1/projects/shop/environments/staging/templates", {{"template", "postgres"}});
  ASSERT_EQ(there.status, 201) << there.body;
  EXPECT_EQ(name_of(json(there)), "postgres");
  // A service of the same name that is something else stays what it is.
  const auto other = post("/v1/projects/shop/environments/staging/templates",
                          {{"template", "redis"}, {"name", "api"}});
  EXPECT_EQ(code(other), "name_taken");
}

TEST_F(ApiTemplates, AreListedWithWhatTheyMake) {
  const Json all = json(get("/v1/templates"))["data"];
  std::vector<std::string> names;
  for (const Json& each : all) names.push_back(each["name"]);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  const Json one = json(get("/v1/templates/postgresql"));
  EXPECT_EQ(one["name"], "postgres");
  EXPECT_EQ(one["services"][0]["tools"]["client"][0], "psql");
  EXPECT_EQ(json(get("/v1/templates/wordpress"))["services"][1]["image"], "mariadb:{version}");
  const auto missing = get("/v1/templates/postgers");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(code(missing), "unknown_template");
}

TEST_F(ApiTemplates, AnImportIsAllOrNothing) {
  const Json cache = {{"name", "cache"},
                      {"source", {{"image", "redis:7"}}},
                      {"volumes", {{{"name", "cache-data"}, {"mount_path", "/data"}}}}};
  const Json web = {{"name", "web"},
                    {"variables", {{"CACHE", "${{cache.RAILWAY_PRIVATE_DOMAIN}}"}}}};
  const auto response = post(kEnvironment + "/imports", {{"services", {cache, web}}});
  ASSERT_EQ(response.status, 201) << response.body;
  const Json made = json(response)["services"];
  EXPECT_TRUE(made[0]["deployment_id"].is_string());
  EXPECT_TRUE(made[1]["deployment_id"].is_null());
  EXPECT_EQ(made[0]["volumes"][0]["mount_path"], "/data");

  const auto before = services();
  const auto again = post(kEnvironment + "/imports", {{"services", {{{"name", "fresh"}}, web}}});
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(code(again), "name_taken");
  EXPECT_EQ(services(), before);
  const auto broken =
      post(kEnvironment + "/imports",
           {{"services", {{{"name", "x"}, {"deploy", {{"port", -1}}}}, {{"nmae", "y"}}}}});
  EXPECT_EQ(broken.status, 422);
  EXPECT_EQ(pointers(broken), (std::vector<std::string>{"/services/0/deploy/port",
                                                        "/services/1/nmae", "/services/1/name"}));
  EXPECT_EQ(post(kEnvironment + "/imports", {{"services", Json::array()}}).status, 422);
  EXPECT_EQ(post(kEnvironment + "/imports", Json::object()).status, 422);
  EXPECT_EQ(services(), before);
}

}  // namespace
}  // namespace gantry::testing
