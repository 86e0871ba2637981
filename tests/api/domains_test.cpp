#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiDomains : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ASSERT_EQ(post("/v1/projects/shop/services", {{"name", "green"}}).status, 201);
    ASSERT_EQ(
        post("/v1/projects/shop/services", {{"name", "worker"}, {"deploy", {{"port", 0}}}}).status,
        201);
    context().options.base_domain = "apps.example.net";
  }
  api::Response add(const std::string& host, const std::string& service = "api") {
    return post(kServices + service + "/domains", {{"host", host}});
  }
  std::vector<std::string> hosts(const std::string& service) {
    std::vector<std::string> found;
    const Json list = json(get(kServices + service + "/domains"));
    for (const Json& each : list["data"]) found.push_back(each["host"]);
    return found;
  }
  using Hosts = std::vector<std::string>;
  static inline const std::string kServices = "/v1/projects/shop/environments/production/services/";
};

TEST_F(ApiDomains, AreListedWithTheRecordToSet) {
  const auto added = add("API.Example.com.");
  ASSERT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(json(added), (Json{{"host", "api.example.com"},
                               {"url", "http://api.example.com:8080"},
                               {"generated", false},
                               {"service", "api"},
                               {"record",
                                {{"type", "CNAME"},
                                 {"name", "api.example.com"},
                                 {"value", "api-production.apps.example.net"}}}}));
  EXPECT_EQ(hosts("api"), (Hosts{"api-production.apps.example.net", "api.example.com"}));
  EXPECT_EQ(json(get(kInstance))["domains"], Json({"api.example.com"}));
  EXPECT_EQ(code(add("api.example.com", "green")), "domain_taken");
  EXPECT_EQ(del(kInstance + "/domains/api.example.com").status, 204);
  EXPECT_EQ(del(kInstance + "/domains/api.example.com").status, 404);
  EXPECT_EQ(hosts("api"), Hosts{"api-production.apps.example.net"});
}

TEST_F(ApiDomains, WhatIsNoHostIsRefusedWithTheFix) {
  const std::pair<const char*, const char*> cases[] = {
      {"*.example.com", "wildcard"},
      {"https://example.com", "scheme"},
      {"example.com/path", "path"},
      {"example.com:8080", "port"},
      {"example", "needs a domain"},
      {"-a.example.com", "hyphen"},
      {"a..example.com", "each part"},
      {"a_b.example.com", "each part"},
      {"b\u00fccher.example", "xn--"},
      {"192.168.0.1", "address"},
      {"", "domain"},
  };
  for (const auto& [host, fix] : cases) {
    const auto response = add(host);
    EXPECT_EQ(response.status, 422) << host;
    EXPECT_EQ(pointers(response), std::vector<std::string>{"/host"}) << host;
    EXPECT_NE(json(response)["detail"].get<std::string>().find(fix), std::string::npos)
        << host << ": " << response.body;
  }
  EXPECT_EQ(add(std::string(64, 'a') + ".example.com").status, 422);
  EXPECT_EQ(add(std::string(63, 'a') + ".example.com").status, 201);
}

TEST_F(ApiDomains, GeneratedHostsStayWithTheirService) {
  EXPECT_EQ(code(add("green-production.apps.example.net")), "generated_host");
  EXPECT_EQ(code(add("anything.apps.example.net")), "generated_host");
  EXPECT_EQ(add("api-production.apps.example.net").status, 201) << "it has that one";
  EXPECT_EQ(hosts("api"), Hosts{"api-production.apps.example.net"});
  EXPECT_EQ(add("deep.down.apps.example.net").status, 201);
  EXPECT_EQ(code(add("worker.example.com", "worker")), "worker");
}

TEST_F(ApiDomains, MoveToAnotherService) {
  ASSERT_EQ(add("api.example.com").status, 201);
  const std::string path = kInstance + "/domains/api.example.com/move";
  EXPECT_EQ(code(post(path, {{"to", "nobody"}})), "unknown_service");
  EXPECT_EQ(code(post(path, {{"to", "idle"}})), "unknown_service") << "not in this environment";
  EXPECT_EQ(code(post(path, {{"to", "worker"}})), "worker");
  const auto moved = post(path, {{"to", "green"}});
  ASSERT_EQ(moved.status, 200) << moved.body;
  EXPECT_EQ(json(moved)["service"], "green");
  EXPECT_EQ(json(moved)["record"]["value"], "green-production.apps.example.net");
  EXPECT_EQ(hosts("api"), Hosts{"api-production.apps.example.net"});
  EXPECT_EQ(hosts("green").back(), "api.example.com");
  EXPECT_EQ(post(path, {{"to", "green"}}).status, 404) << "api has it no more";
}

TEST_F(ApiDomains, AShareOfTheRequestsGoesToAnotherService) {
  const std::string path = kInstance + "/traffic";
  EXPECT_EQ(json(get(path)), (Json{{"split", nullptr}}));
  const auto set = put(path, {{"split", {{"service", "green"}, {"percent", 10}}}});
  ASSERT_EQ(set.status, 200) << set.body;
  EXPECT_EQ(json(set)["split"]["service"]["name"], "green");
  EXPECT_EQ(json(get(path))["split"]["percent"], 10);
  EXPECT_EQ(json(get(kInstance))["split"]["percent"], 10);
  const auto fields = [&](const Json& body) { return pointers(put(path, body)); };
  using Fields = std::vector<std::string>;
  EXPECT_EQ(fields(Json::object()), Fields{"/split"});
  EXPECT_EQ(fields({{"split", 10}}), Fields{"/split"});
  EXPECT_EQ(fields({{"split", {{"service", "green"}, {"percent", 0}}}}), Fields{"/split/percent"});
  EXPECT_EQ(fields({{"split", {{"service", "nobody"}, {"percent", 9}}}}), Fields{"/split/service"});
  EXPECT_EQ(fields({{"split", {{"service", "api"}, {"percent", 9}}}}), Fields{"/split/service"});
  EXPECT_EQ(fields({{"split", {{"service", "worker"}, {"percent", 9}}}}), Fields{"/split/service"});
  EXPECT_EQ(fields({{"split", {{"service", "green"}, {"percent", 9}, {"x", 1}}}}),
            Fields{"/split/x"});
  EXPECT_EQ(fields({{"y", 1}, {"split", {{"percent", 0}}}}),
            (Fields{"/y", "/split/service", "/split/percent"}));
  EXPECT_EQ(del(path).status, 204);
  EXPECT_EQ(json(get(path)), (Json{{"split", nullptr}}));
}

}  // namespace
}  // namespace gantry::testing
