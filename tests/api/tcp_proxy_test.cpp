#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiTcpProxy : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ASSERT_EQ(
        post("/v1/projects/shop/services", {{"name", "worker"}, {"deploy", {{"port", 0}}}}).status,
        201);
    ASSERT_EQ(
        post("/v1/projects/shop/services", {{"name", "db"}, {"deploy", {{"port", 5432}}}}).status,
        201);
    context().options.base_domain = "apps.example.net";
    context().options.tcp_ports = {20000, 20001};
  }
  api::Response open(const std::string& service, const Json& body = Json::object()) {
    return put(kServices + service + "/tcp-proxy", body);
  }
  Json rendered(const std::string& service) {
    Json all = Json::object();
    const Json found = json(get(kServices + service + "/variables?rendered=true"));
    for (const Json& each : found["data"]) all[each["name"]] = each["value"];
    return all;
  }
  static inline const std::string kServices = "/v1/projects/shop/environments/production/services/";
};

TEST_F(ApiTcpProxy, APortIsChosenKeptAndTakenAway) {
  EXPECT_EQ(json(get(kServices + "db/tcp-proxy"))["tcp_proxy"], nullptr);
  const auto opened = open("db");
  ASSERT_EQ(opened.status, 200) << opened.body;
  const Json proxy = json(opened)["tcp_proxy"];
  EXPECT_EQ(proxy["host"], "db-production.apps.example.net");
  EXPECT_EQ(proxy["target_port"], 5432);
  EXPECT_TRUE(proxy["port"] == 20000 || proxy["port"] == 20001);
  EXPECT_EQ(json(get(kServices + "db"))["tcp_proxy"], proxy);
  EXPECT_EQ(json(get(kServices + "db/tcp-proxy"))["tcp_proxy"], proxy);
  EXPECT_EQ(json(open("db"))["tcp_proxy"], proxy) << "asked again, it stays";
  EXPECT_EQ(json(open("db", {{"target_port", 6000}}))["tcp_proxy"]["port"], proxy["port"]);
  EXPECT_EQ(del(kServices + "db/tcp-proxy").status, 204);
  EXPECT_EQ(del(kServices + "db/tcp-proxy").status, 204) << "there is none, as was wanted";
  EXPECT_EQ(json(get(kServices + "db"))["tcp_proxy"], nullptr);
}

TEST_F(ApiTcpProxy, EveryRefusalNamesItsFix) {
  EXPECT_EQ(code(open("worker")), "worker");
  const auto nowhere = open("api");
  EXPECT_EQ(nowhere.status, 422) << nowhere.body;
  EXPECT_NE(nowhere.body.find("/target_port"), std::string::npos);
  EXPECT_EQ(open("db", {{"port", "x"}}).status, 422);
  EXPECT_EQ(open("db", {{"target_port", 65536}}).status, 422);
  const auto far = open("db", {{"port", 5432}});
  EXPECT_EQ(far.status, 422);
  EXPECT_NE(far.body.find("20000 to 20001"), std::string::npos) << far.body;
  EXPECT_NE(far.body.find("edge.tcp_ports"), std::string::npos) << far.body;
  ASSERT_EQ(open("db", {{"port", 20000}}).status, 200);
  EXPECT_EQ(code(open("api", {{"port", 20000}, {"target_port", 1}})), "tcp_port_taken");
  ASSERT_EQ(json(open("api", {{"target_port", 1}}))["tcp_proxy"]["port"], 20001);
  ASSERT_EQ(post("/v1/projects/shop/services", {{"name", "third"}}).status, 201);
  EXPECT_EQ(code(open("third", {{"target_port", 1}})), "tcp_ports_exhausted");
  context().options.tcp_ports = {0, 0};
  EXPECT_EQ(code(open("third", {{"target_port", 1}})), "tcp_ports_off");
  EXPECT_EQ(open("db", {{"target_port", 9}}).status, 200) << "what is open stays";
}

TEST_F(ApiTcpProxy, WhatOthersListenOnIsNotGiven) {
  context().port_free = [](int port) { return port != 20000; };
  EXPECT_EQ(json(open("db"))["tcp_proxy"]["port"], 20001);
  EXPECT_EQ(code(open("api", {{"port", 20000}, {"target_port", 1}})), "port_in_use");
  EXPECT_EQ(code(open("api", {{"target_port", 1}})), "tcp_ports_exhausted");
  context().port_trouble = [](const InstanceId&) { return std::optional<std::string>("taken"); };
  EXPECT_EQ(json(get(kServices + "db/tcp-proxy"))["trouble"], "taken");
  EXPECT_EQ(json(get(kServices + "api/tcp-proxy"))["trouble"], nullptr);
}

TEST_F(ApiTcpProxy, ADatabasesPublicUrlIsThereWhileItsPortIs) {
  const std::string environment = "/v1/projects/shop/environments/production";
  const auto made = post(environment + "/templates", {{"template", "postgres"}});
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_FALSE(rendered("postgres").contains("DATABASE_PUBLIC_URL"));
  EXPECT_EQ(
      put(kServices + "db/variables/URL", {{"value", "${{postgres.DATABASE_PUBLIC_URL}}"}}).status,
      422);
  const Json proxy = json(open("postgres"))["tcp_proxy"];
  EXPECT_EQ(proxy["target_port"], 5432);
  const Json variables = rendered("postgres");
  const std::string port = std::to_string(proxy["port"].get<int>());
  EXPECT_EQ(variables["RAILWAY_TCP_PROXY_PORT"], port);
  EXPECT_EQ(variables["GANTRY_TCP_PROXY_DOMAIN"], "postgres-production.apps.example.net");
  EXPECT_EQ(variables["RAILWAY_TCP_APPLICATION_PORT"], "5432");
  const std::string url = variables["DATABASE_PUBLIC_URL"];
  EXPECT_TRUE(url.ends_with("@postgres-production.apps.example.net:" + port + "/railway")) << url;
  EXPECT_EQ(
      put(kServices + "db/variables/URL", {{"value", "${{postgres.DATABASE_PUBLIC_URL}}"}}).status,
      201);
  EXPECT_EQ(rendered("db")["URL"], url);
}

}  // namespace
}  // namespace gantry::testing
