#include "cli/private_hosts.hpp"

#include <gtest/gtest.h>

#include "cli/clients.hpp"
#include "cli/local.hpp"

namespace gantry::cli {
namespace {

Values rewritten(const Values& variables, std::vector<std::string>* asked = nullptr) {
  return with_local_hosts(variables, [&](const std::string& service, int port) {
    if (asked != nullptr) asked->push_back(service + ":" + std::to_string(port));
    return service == "gone" ? 0 : 40000 + port;
  });
}

TEST(CliPrivateHosts, InUrlsAndBesideAPort) {
  EXPECT_EQ(
      rewritten({{"DATABASE_URL", "postgresql://u:p@postgres.railway.internal:5432/railway"}}),
      (Values{{"DATABASE_URL", "postgresql://u:p@127.0.0.1:45432/railway"}}));
  EXPECT_EQ(rewritten({{"BROKERS", "a.railway.internal:1,b-2.railway.internal:2"}}),
            (Values{{"BROKERS", "127.0.0.1:40001,127.0.0.1:40002"}}));
  EXPECT_EQ(rewritten({{"API", "http://api.railway.internal/x"}}),
            (Values{{"API", "http://127.0.0.1:40000/x"}}));
}

TEST(CliPrivateHosts, HostAndPortApart) {
  EXPECT_EQ(rewritten({{"PGHOST", "postgres.railway.internal"}, {"PGPORT", "5432"}}),
            (Values{{"PGHOST", "127.0.0.1"}, {"PGPORT", "45432"}}));
  EXPECT_EQ(rewritten({{"REDISHOST", "redis.railway.internal"}}),
            (Values{{"REDISHOST", "127.0.0.1"}, {"REDISPORT", "40000"}}));
}

TEST(CliPrivateHosts, EverythingElseStays) {
  const Values values{{"RAILWAY_PRIVATE_DOMAIN", "api.railway.internal"},
                      {"PGHOST", "db.example.com"},
                      {"PGPORT", "5432"},
                      {"GONE", "http://gone.railway.internal:1/"},
                      {"TEXT", ".railway.internal http://x"},
                      {"EMPTY", ""}};
  std::vector<std::string> asked;
  EXPECT_EQ(rewritten(values, &asked), values);
  EXPECT_EQ(asked, (std::vector<std::string>{"gone:1"}));
}

TEST(CliClients, AreFoundByTheImagesName) {
  for (const auto& [image, kind] : std::map<std::string, std::string>{
           {"postgres", "postgres"},
           {"postgres:16-alpine", "postgres"},
           {"registry.example.com:5000/team/postgres@sha256:00", "postgres"},
           {"postgis/postgis:16", "postgres"},
           {"redis:7", "redis"},
           {"mongo:7", "mongo"},
           {"mariadb:11", "mariadb"}}) {
    const Database* const found = database_of_image(image);
    ASSERT_NE(found, nullptr) << image;
    EXPECT_EQ(found->kind, kind) << image;
  }
  for (const char* image : {"", "nginx:1.27", "web", "postgresx", "team/api:postgres"})
    EXPECT_EQ(database_of_image(image), nullptr) << image;
  EXPECT_EQ(database_of_program("pg_dump")->kind, "postgres");
  EXPECT_EQ(database_of_program("npm"), nullptr);
}

TEST(CliClients, APasswordIsNoArgument) {
  const Values values{{"POSTGRES_USER", "ann"},
                      {"POSTGRES_PASSWORD", "hunter2"},
                      {"MYSQL_ROOT_PASSWORD", "hunter2"},
                      {"REDISPASSWORD", "hunter2"},
                      {"MONGO_INITDB_ROOT_PASSWORD", "hunter2"}};
  for (const char* image : {"postgres", "mysql", "mariadb", "redis", "mongo"}) {
    const Database& database = *database_of_image(image);
    std::string arguments;
    const auto local = local_client(database, values, 4711);
    if (local)
      for (const std::string& word : local->argv) arguments += word + " ";
    for (const std::string& word : inner_call(database, values, {database.programs.front()}))
      arguments += word + " ";
    EXPECT_EQ(arguments.find("hunter2"), std::string::npos) << arguments;
  }
  const auto psql = local_client(*database_of_image("postgres"), values, 4711);
  EXPECT_EQ(psql->variables.at("PGPORT"), "4711");
  EXPECT_EQ(psql->variables.at("PGUSER"), "ann");
  EXPECT_EQ(psql->variables.at("PGDATABASE"), "ann");
  EXPECT_EQ(inner_call(*database_of_image("postgres"), values, {"pg_dump", "-Fc"}),
            (std::vector<std::string>{"env", "PGDATABASE=ann", "PGUSER=ann", "pg_dump", "-Fc"}));
  EXPECT_EQ(
      inner_call(*database_of_image("postgres"), {{"PGUSER", "u"}, {"PGDATABASE", "d"}}, {"psql"}),
      (std::vector<std::string>{"psql"}));
}

TEST(CliLocal, FindsProgramsAndKnowsHooks) {
  EXPECT_TRUE(find_program("sh"));
  EXPECT_FALSE(find_program("no-such-program"));
  EXPECT_FALSE(find_program("/no/such/program"));
  for (const char* hook : {"LD_PRELOAD", "PATH", "NODE_OPTIONS", "BASH_ENV", "PAGER"})
    EXPECT_TRUE(is_hook(hook)) << hook;
  for (const char* plain : {"DATABASE_URL", "PORT", "LDAP_URL"}) EXPECT_FALSE(is_hook(plain));
}

}  // namespace
}  // namespace gantry::cli
