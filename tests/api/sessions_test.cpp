#include <gtest/gtest.h>

#include "api/tickets.hpp"
#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiSessions : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    deploy_status(DeploymentStatus::success);
  }
  void add_replica(int ordinal, bool ready, const std::string& address) {
    Replica replica;
    replica.key = {*DeploymentId::parse(deployment_id_), 0, ordinal};
    replica.instance_id = instance_id_;
    replica.status = ReplicaStatus::running;
    replica.container_id = "container" + std::to_string(ordinal);
    replica.ready = ready;
    replica.address = address;
    ASSERT_TRUE(store().record_replica(replica).ok());
  }
  api::SessionOrder redeem(const api::Response& response) {
    EXPECT_EQ(response.status, 201) << response.body;
    auto order =
        context().tickets->redeem(json(response).value("ticket", ""), system_clock().now());
    EXPECT_TRUE(order.ok());
    return order ? *order : api::SessionOrder();
  }
};

TEST_F(ApiSessions, WithoutAReplicaAContainerOfItsOwn) {
  const auto response = post(kInstance + "/exec", {{"command", {"npm", "run", "seed"}}});
  EXPECT_TRUE(json(response)["one_off"].get<bool>());
  EXPECT_TRUE(json(response)["replica_id"].is_null());
  const auto order = redeem(response);
  EXPECT_TRUE(order.is_one_off());
  EXPECT_EQ(order.command, (std::vector<std::string>{"npm", "run", "seed"}));
  EXPECT_EQ(order.deployment_id.str(), deployment_id_);
  EXPECT_FALSE(order.terminal);
  EXPECT_TRUE(order.input);
  const auto tunnel = post(kInstance + "/tunnel", Json::object());
  EXPECT_EQ(tunnel.status, 409);
  EXPECT_EQ(code(tunnel), "not_running");
}

TEST_F(ApiSessions, TheBestReplicaOrTheNamedOne) {
  add_replica(0, false, "10.0.0.1:8080");
  add_replica(1, true, "10.0.0.2:8080");
  EXPECT_EQ(redeem(post(kInstance + "/exec", {{"command", {"ls"}}})).container_id, "container1");
  EXPECT_EQ(redeem(post(kInstance + "/exec", {{"command", {"ls"}}, {"replica", "0"}})).container_id,
            "container0");
  EXPECT_TRUE(
      redeem(post(kInstance + "/exec", {{"command", {"ls"}}, {"one_off", true}})).is_one_off());
  const auto nobody = post(kInstance + "/exec", {{"command", {"ls"}}, {"replica", "7"}});
  EXPECT_EQ(nobody.status, 422);
  EXPECT_EQ(pointers(nobody), std::vector<std::string>{"/replica"});
  const auto tunnel = redeem(post(kInstance + "/tunnel", Json::object()));
  EXPECT_EQ(tunnel.address.str(), "10.0.0.2:8080");
  EXPECT_EQ(redeem(post(kInstance + "/tunnel", {{"port", 5432}})).address.str(), "10.0.0.2:5432");
}

TEST_F(ApiSessions, WhatHasNoPortHasNoTunnel) {
  add_replica(0, true, "");
  EXPECT_EQ(code(post(kInstance + "/tunnel", Json::object())), "no_address");
}

TEST_F(ApiSessions, WhatWasNeverDeployedHasNoImage) {
  ASSERT_EQ(post("/v1/projects/shop/services", {{"name", "bare"}}).status, 201);
  const auto response =
      post("/v1/projects/shop/environments/production/services/bare/exec", {{"command", {"ls"}}});
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(code(response), "nothing_deployed");
}

TEST_F(ApiSessions, CommandsThatAreNone) {
  for (const Json& command :
       {Json::array(), Json::array({""}), Json::array({"a", std::string("b\0c", 3)}),
        Json::array({std::string(200000, 'x')})}) {
    const auto response = post(kInstance + "/exec", {{"command", command}});
    EXPECT_EQ(response.status, 422) << response.body;
    EXPECT_EQ(pointers(response), std::vector<std::string>{"/command"});
  }
}

TEST_F(ApiSessions, ADryRunsTicketOpensNothing) {
  const auto response = post(kInstance + "/exec?dry_run=true", {{"command", {"ls"}}});
  ASSERT_EQ(response.status, 201);
  EXPECT_FALSE(
      context().tickets->redeem(json(response).value("ticket", ""), system_clock().now()).ok());
}

TEST(ApiTickets, OpenOnceAndForThirtySeconds) {
  api::Tickets tickets;
  const TimePoint now = system_clock().now();
  const api::SessionOrder order{.session_id = SessionId::make(now), .command = {"ls"}};
  const std::string ticket = *tickets.issue(order, now);
  EXPECT_GE(ticket.size(), 43U);
  EXPECT_EQ(tickets.redeem(ticket, now + Seconds(29))->session_id, order.session_id);
  EXPECT_EQ(tickets.redeem(ticket, now + Seconds(29)).error().reason, "unknown_ticket");
  const std::string late = *tickets.issue(order, now);
  EXPECT_NE(late, ticket);
  EXPECT_EQ(tickets.redeem(late, now + Seconds(30)).error().reason, "unknown_ticket");
  EXPECT_EQ(tickets.redeem("", now).error().reason, "unknown_ticket");
}

TEST(ApiTickets, AreNotPiledUp) {
  api::Tickets tickets;
  const TimePoint now = system_clock().now();
  Result<std::string> last = std::string();
  for (int i = 0; i < 5000 && last; ++i) last = tickets.issue({.command = {"ls"}}, now);
  ASSERT_FALSE(last.ok());
  EXPECT_EQ(last.error().reason, "too_many_tickets");
  EXPECT_TRUE(tickets.issue({.command = {"ls"}}, now + Seconds(31)).ok());
}

}  // namespace
}  // namespace gantry::testing
