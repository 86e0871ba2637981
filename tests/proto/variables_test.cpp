#include "proto/variables.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

const TimePoint kNow = TimePoint(Seconds(1'800'000'000));

// A project "shop" with the environment "production" and services added by name.
class ProtoVariables : public ::testing::Test {
 protected:
  ProtoVariables() {
    project_.project.id = ProjectId::make(kNow);
    project_.project.name = *Name::parse("shop");
    environment_.id = EnvironmentId::make(kNow);
    environment_.name = *Name::parse("production");
    set_shared({});
  }

  static std::shared_ptr<const Variables> table(
      const std::map<std::string, std::string>& variables) {
    auto out = std::make_shared<Variables>();
    for (const auto& [name, value] : variables) (*out)[name] = {name, value, {}};
    return out;
  }
  void set_shared(const std::map<std::string, std::string>& variables) {
    project_.environments[environment_.id] =
        std::make_shared<const EnvironmentView>(EnvironmentView{environment_, table(variables)});
  }
  InstanceId add(const std::string& name, const std::map<std::string, std::string>& variables,
                 std::optional<int> port = {}) {
    Service service;
    service.id = ServiceId::make(kNow);
    service.name = *Name::parse(name);
    project_.services[service.id] = std::make_shared<Service>(service);
    ServiceInstance instance;
    instance.id = InstanceId::make(kNow);
    instance.service_id = service.id;
    instance.environment_id = environment_.id;
    instance.host_label = name + "-production";
    instance.settings.deploy.port = port;
    project_.instances[instance.id] =
        std::make_shared<const InstanceView>(InstanceView{instance, table(variables), {}});
    return instance.id;
  }
  Result<Resolution> resolve(const InstanceId& id) {
    return resolve_variables(project_, *project_.instances.at(id),
                             {.base_domain = "example.test", .deployment_id = deployment_});
  }
  // One variable of a service "api" that sees `others`; its value, or "error: reason".
  std::string value_of(const std::string& text) {
    const auto resolved = resolve(add("api", {{"V", text}, {"OWN", "own value"}}));
    if (!resolved) return "error: " + resolved.error().reason;
    if (!resolved->missing.empty()) return "missing: " + resolved->missing.front().reference;
    return resolved->variables.at("V");
  }

  ProjectSnapshot project_;
  Environment environment_;
  DeploymentId deployment_ = DeploymentId::make(kNow);
};

TEST_F(ProtoVariables, References) {
  set_shared({{"TOKEN", "s3cret"}, {"BOTH", "${{TOKEN}}!"}});
  add("postgres", {{"URL", "postgres://${{PGUSER}}@db"}, {"PGUSER", "ada"}});
  add("my-db", {{"A", "dashed"}});
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ""},
      {"plain $ text $HOME ${HOME} {{x}} }}", "plain $ text $HOME ${HOME} {{x}} }}"},
      {"${{OWN}}", "own value"},
      {"${{ OWN }}", "own value"},
      {"<${{OWN}}|${{OWN}}>", "<own value|own value>"},
      {"${{shared.TOKEN}}", "s3cret"},
      {"${{SHARED.TOKEN}}", "s3cret"},
      {"${{shared.BOTH}}", "s3cret!"},
      {"${{postgres.URL}}", "postgres://ada@db"},
      {"${{Postgres.URL}}", "postgres://ada@db"},
      {"${{ POSTGRES . URL }}", "postgres://ada@db"},
      {"${{my-db.A}}", "dashed"},
      {"${{\"my-db\".A}}", "dashed"},
      {"$${{OWN}}", "${{OWN}}"},
      {"$${{OWN}} ${{OWN}}", "${{OWN}} own value"},
      {"$$${{OWN}}", "$${{OWN}}"},
      {"${{postgres.url}}", "missing: ${{postgres.url}}"},
      {"${{nobody.URL}}", "missing: ${{nobody.URL}}"},
      {"${{NOTHING}}", "missing: ${{NOTHING}}"},
      {"${{shared.NOTHING}}", "missing: ${{shared.NOTHING}}"},
      {"${{TOKEN}}", "missing: ${{TOKEN}}"},
      {"${{OWN", "error: malformed_reference"},
      {"${{}}", "error: malformed_reference"},
      {"${{ }}", "error: malformed_reference"},
      {"${{.A}}", "error: malformed_reference"},
      {"${{a.}}", "error: malformed_reference"},
      {"${{1A}}", "error: malformed_reference"},
      {"${{A B}}", "error: malformed_reference"},
      {"${{a.b-c}}", "error: malformed_reference"},
      {"${{\"my-db.A}}", "error: malformed_reference"},
      {"${{\"my-db\"A}}", "error: malformed_reference"},
      {"${{V}}", "error: reference_cycle"},
      {"${RAILWAY_SERVICE_NAME}", "api"},
      {"${GANTRY_SERVICE_NAME}", "api"},
      {"${RAILWAY_NOTHING}", "missing: ${RAILWAY_NOTHING}"},
      {"${RAILWAY_SERVICE_NAME", "${RAILWAY_SERVICE_NAME"},
      {"${RAILWAY-X}", "${RAILWAY-X}"},
      {"${{RAILWAY_PUBLIC_DOMAIN}}", "api-production.example.test"},
      {"${{postgres.RAILWAY_PRIVATE_DOMAIN}}", "postgres.railway.internal"},
      {"a$", "a$"},
      {"$", "$"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(value_of(text), expected) << text;
}

TEST_F(ProtoVariables, ProvidedOnesComeUnderBothPrefixes) {
  add("web", {});
  add("my-worker", {}, 0);
  const InstanceId api = add("api", {});
  const auto resolved = resolve(api);
  ASSERT_TRUE(resolved.ok());
  const std::map<std::string, std::string> expected = {
      {"PROJECT_ID", project_.project.id.str()},
      {"PROJECT_NAME", "shop"},
      {"ENVIRONMENT_ID", environment_.id.str()},
      {"ENVIRONMENT_NAME", "production"},
      {"ENVIRONMENT", "production"},
      {"SERVICE_NAME", "api"},
      {"PRIVATE_DOMAIN", "api.railway.internal"},
      {"PUBLIC_DOMAIN", "api-production.example.test"},
      {"STATIC_URL", "api-production.example.test"},
      {"SERVICE_WEB_URL", "web-production.example.test"},
      {"SERVICE_API_URL", "api-production.example.test"},
      {"DEPLOYMENT_ID", deployment_.str()},
      {"SNAPSHOT_ID", deployment_.str()},
      {"REPLICA_REGION", "local"},
  };
  for (const auto& [name, value] : expected)
    for (const std::string prefix : {"RAILWAY_", "GANTRY_"}) {
      const auto found = resolved->variables.find(prefix + name);
      ASSERT_NE(found, resolved->variables.end()) << prefix + name;
      EXPECT_EQ(found->second, value) << prefix + name;
    }
  EXPECT_FALSE(resolved->variables.contains("RAILWAY_SERVICE_MY_WORKER_URL")) << "it has no port";
}

TEST_F(ProtoVariables, AWorkerHasNoPublicDomainAndAnOwnVariableWins) {
  const InstanceId worker = add("worker", {{"RAILWAY_PROJECT_NAME", "mine"}}, 0);
  const auto resolved = resolve(worker);
  EXPECT_FALSE(resolved->variables.contains("RAILWAY_PUBLIC_DOMAIN"));
  EXPECT_EQ(resolved->variables.at("RAILWAY_PROJECT_NAME"), "mine");
  EXPECT_EQ(resolved->variables.at("GANTRY_PROJECT_NAME"), "shop");
}

TEST_F(ProtoVariables, SharedOnesReachAServiceOnlyByReference) {
  set_shared({{"S", "x"}});
  EXPECT_FALSE(resolve(add("api", {}))->variables.contains("S"));
}

TEST_F(ProtoVariables, OtherEnvironmentsAreOutOfReach) {
  const InstanceId other = add("postgres", {{"URL", "x"}});
  auto moved = std::make_shared<InstanceView>(*project_.instances.at(other));
  moved->instance.environment_id = EnvironmentId::make(kNow);
  project_.instances[other] = moved;
  EXPECT_EQ(value_of("${{postgres.URL}}"), "missing: ${{postgres.URL}}");
}

TEST_F(ProtoVariables, ACycleIsNamedWithItsPath) {
  const InstanceId api = add("api", {{"A", "${{worker.B}}"}});
  add("worker", {{"B", "${{api.A}}"}});
  const auto resolved = resolve(api);
  ASSERT_FALSE(resolved.ok());
  EXPECT_EQ(resolved.error().code, Code::invalid);
  EXPECT_EQ(resolved.error().reason, "reference_cycle");
  EXPECT_NE(resolved.error().detail.find("api.A -> worker.B -> api.A"), std::string::npos)
      << resolved.error().detail;
}

TEST_F(ProtoVariables, WhatIsMissingLeavesTheVariableOutAndNamesThePath) {
  const InstanceId api = add("api", {{"A", "x${{worker.B}}"}, {"OK", "fine"}});
  add("worker", {{"B", "${{gone.C}}"}});
  const auto resolved = resolve(api);
  ASSERT_TRUE(resolved.ok());
  EXPECT_FALSE(resolved->variables.contains("A"));
  EXPECT_EQ(resolved->variables.at("OK"), "fine");
  ASSERT_EQ(resolved->missing.size(), 1u);
  EXPECT_EQ(resolved->missing[0].variable, "worker.B");
  EXPECT_EQ(resolved->missing[0].reference, "${{gone.C}}");
}

// What a service says of its own port at the edge is not there without one, and that is no mistake;
// whoever counts on it is told.
TEST_F(ProtoVariables, APortAtTheEdgeMayBeAbsent) {
  const InstanceId db = add("db", {{"PUBLIC",
                                    "x://${{RAILWAY_TCP_PROXY_DOMAIN}}:"
                                    "${{GANTRY_TCP_PROXY_PORT}}"},
                                   {"ALIAS", "${{PUBLIC}}"},
                                   {"TARGET", "${RAILWAY_TCP_APPLICATION_PORT}"},
                                   {"PLAIN", "y"}});
  auto resolved = resolve(db);
  ASSERT_TRUE(resolved.ok());
  EXPECT_TRUE(resolved->missing.empty());
  for (const char* name : {"PUBLIC", "ALIAS", "TARGET"})
    EXPECT_FALSE(resolved->variables.contains(name)) << name;
  EXPECT_EQ(resolved->variables.at("PLAIN"), "y");
  EXPECT_EQ(value_of("${{db.PUBLIC}}"), "missing: ${{db.PUBLIC}}");
  EXPECT_EQ(value_of("${{db.ALIAS}} ${{db.PUBLIC}}"), "missing: ${{db.ALIAS}}");
  EXPECT_EQ(value_of("${{db.RAILWAY_TCP_PROXY_PORT}}"), "missing: ${{db.RAILWAY_TCP_PROXY_PORT}}");

  InstanceView view = *project_.instances.at(db);
  view.instance.tcp_proxy = TcpProxy{20001, 5432};
  project_.instances[db] = std::make_shared<const InstanceView>(view);
  resolved = resolve(db);
  ASSERT_TRUE(resolved.ok());
  EXPECT_EQ(resolved->variables.at("ALIAS"), "x://db-production.example.test:20001");
  EXPECT_EQ(resolved->variables.at("TARGET"), "5432");
  EXPECT_EQ(value_of("${{db.PUBLIC}}"), "x://db-production.example.test:20001");
}

// Hundreds of hosts that nobody asked for would be most of what a container gets.
TEST_F(ProtoVariables, ManyHostsAreThereForThoseWhoNameThem) {
  const InstanceId api =
      add("api", {{"V", "${{RAILWAY_SERVICE_MY_WEB_URL}} ${GANTRY_SERVICE_API_URL}"},
                  {"W", "${{my-web.RAILWAY_SERVICE_API_URL}}"}});
  add("my-web", {});
  for (std::size_t n = 2; n < kServiceUrlsMax; ++n) add("s" + std::to_string(n), {});
  EXPECT_TRUE(resolve(api)->variables.contains("RAILWAY_SERVICE_S2_URL"));
  add("one-more", {});
  for (const bool indexed : {false, true}) {
    if (indexed) project_.index = std::make_shared<const SnapshotIndex>(project_);
    const auto resolved = resolve(api);
    ASSERT_TRUE(resolved.ok());
    EXPECT_TRUE(resolved->missing.empty());
    EXPECT_FALSE(resolved->variables.contains("RAILWAY_SERVICE_S2_URL"));
    EXPECT_EQ(resolved->variables.at("V"),
              "my-web-production.example.test api-production.example.test");
    EXPECT_EQ(resolved->variables.at("W"), "api-production.example.test");
  }
  add("idle", {}, 0);
  project_.index = nullptr;
  EXPECT_EQ(value_of("${{RAILWAY_SERVICE_IDLE_URL}}"), "missing: ${{RAILWAY_SERVICE_IDLE_URL}}");
  EXPECT_EQ(value_of("${{RAILWAY_SERVICE__URL}}"), "missing: ${{RAILWAY_SERVICE__URL}}");
}

// An id leads to a service everywhere else; in a reference it is no name.
TEST_F(ProtoVariables, AServiceIsNamedNotNumbered) {
  add("db", {{"X", "1"}});
  const std::string id = project_.services.begin()->first.str();
  EXPECT_EQ(value_of("${{" + id + ".X}}"), "missing: ${{" + id + ".X}}");
  EXPECT_EQ(value_of("${{DB.X}}"), "1");
}

TEST_F(ProtoVariables, BillionLaughsEndAtTheSizeCap) {
  std::map<std::string, std::string> laughs = {{"L0", std::string(64, 'x')}};
  for (int i = 1; i <= 20; ++i) {
    const std::string below = "${{L" + std::to_string(i - 1) + "}}";
    laughs["L" + std::to_string(i)] = below + below + below + below;
  }
  const auto resolved = resolve(add("api", laughs));
  ASSERT_FALSE(resolved.ok());
  EXPECT_EQ(resolved.error().reason, "value_too_long");
}

TEST_F(ProtoVariables, ChainsEndAtTheDepthCap) {
  const auto chain = [&](int length) {
    std::map<std::string, std::string> links = {{"N0", "end"}};
    for (int i = 1; i < length; ++i)
      links["N" + std::to_string(i)] = "${{N" + std::to_string(i - 1) + "}}";
    links["A"] = "${{N" + std::to_string(length - 1) + "}}";  // resolved first, from the top
    return resolve(add("api", links));
  };
  const auto fits = chain(63);
  ASSERT_TRUE(fits.ok()) << fits.error().detail;
  EXPECT_EQ(fits->variables.at("A"), "end");
  const auto deep = chain(64);
  ASSERT_FALSE(deep.ok());
  EXPECT_EQ(deep.error().reason, "reference_too_deep");
}

TEST_F(ProtoVariables, AWriteIsCheckedBeforeItHappens) {
  const InstanceId api = add("api", {{"A", "${{B}}"}, {"B", "x"}});
  const auto& environment = *project_.environments.at(environment_.id);
  const auto check = [&](const std::string& name, const std::string& value,
                         Unresolved unresolved = Unresolved::refuse) {
    const auto checked = check_variable(project_, environment, project_.instances.at(api).get(),
                                        name, value, unresolved);
    return checked ? std::string("ok") : checked.error().reason;
  };
  EXPECT_EQ(check("B", "y"), "ok");
  EXPECT_EQ(check("B", "${{A}}"), "reference_cycle");
  EXPECT_EQ(check("C", "${{A}}"), "ok");
  EXPECT_EQ(check("C", "${{D}}"), "unresolved_reference");
  EXPECT_EQ(check("C", "${{D}}", Unresolved::allow), "ok");
  EXPECT_EQ(check("C", "${{D", Unresolved::allow), "malformed_reference");
  EXPECT_EQ(check("C", "${{RAILWAY_DEPLOYMENT_ID}}"), "ok");
  const auto shared =
      check_variable(project_, environment, nullptr, "S", "${{api.B}} ${{T}}", Unresolved::refuse);
  ASSERT_FALSE(shared.ok());
  EXPECT_EQ(shared.error().fields.size(), 1u);
  EXPECT_EQ(shared.error().fields[0].pointer, "/value");
}

}  // namespace
}  // namespace gantry
