// Orders to a deployment on its way, one-off settings, and the way back.
#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiRollouts : public ApiTest {
 protected:
  Json deploy(const Json& body) {
    const auto response = post(kInstance + "/deployments", body);
    EXPECT_EQ(response.status, 202) << response.body;
    deployment_id_ = json(response)["id"];
    return json(response);
  }
  std::string deploy_and_serve(const Json& body = Json::object()) {
    deploy(body);
    deploy_status(DeploymentStatus::success);
    return deployment_id_;
  }
  api::Response order(const std::string& verb) {
    return post("/v1/deployments/" + deployment_id_ + "/" + verb, Json::object());
  }
  Json read(const std::string& id) { return json(get("/v1/deployments/" + id)); }
  // The seed's deployment serves, and a newer one serves beside it.
  void keep(const std::string& old, const std::string& next) {
    const auto recorded = store().record_status({.deployment_id = *DeploymentId::parse(next),
                                                 .instance_id = instance_id_,
                                                 .status = DeploymentStatus::success,
                                                 .reason = "",
                                                 .keeps = *DeploymentId::parse(old)});
    ASSERT_TRUE(recorded.ok());
  }
  static inline const Json kCanary = {{"rollout", {{"strategy", "CANARY"}, {"steps", {5, 100}}}}};
};

TEST_F(ApiRollouts, AOneOffStrategyIsOfThisDeploymentAlone) {
  const Json made = deploy({{"rollout", {{"strategy", "canary"}, {"interval_seconds", 60}}},
                            {"traffic", {{"sticky", true}}}});
  EXPECT_EQ(made["deploy"]["rollout"]["strategy"], "CANARY");
  EXPECT_EQ(made["deploy"]["rollout"]["interval_seconds"], 60);
  EXPECT_EQ(made["deploy"]["rollout"]["steps"], Json({10, 50, 100}));
  EXPECT_EQ(made["deploy"]["traffic"]["sticky"], true);
  EXPECT_EQ(made["rollout"], (Json{{"strategy", "CANARY"},
                                   {"step", 0},
                                   {"percent", 0},
                                   {"since", nullptr},
                                   {"order", "NONE"},
                                   {"waiting", false}}));
  const Json deploy = json(get(kInstance))["deploy"];
  EXPECT_EQ(deploy["rollout"]["strategy"], "ROLLING");
  EXPECT_EQ(deploy["traffic"]["sticky"], false);
  post(kInstance + "/deployments", {{"image", "nginx:1.28"}, {"rollout", kCanary["rollout"]}});
  EXPECT_EQ(json(get(kInstance))["source"]["image"], "nginx:1.28");
  EXPECT_EQ(json(get(kInstance))["deploy"]["rollout"]["strategy"], "ROLLING");
}

TEST_F(ApiRollouts, AWrongOneOffNamesItsField) {
  const auto fields = [&](const Json& body) {
    const auto response = post(kInstance + "/deployments", body);
    EXPECT_EQ(response.status, 422) << response.body;
    return pointers(response);
  };
  using Fields = std::vector<std::string>;
  EXPECT_EQ(fields({{"rollout", {{"steps", {50, 10, 100}}}}}), Fields{"/rollout/steps"});
  EXPECT_EQ(fields({{"rollout", {{"steps", {10, 500}}}}}), Fields{"/rollout/steps/1"});
  EXPECT_EQ(fields({{"rollout", {{"max_surge_percent", 0}}}}),
            Fields{"/rollout/max_surge_percent"});
  EXPECT_EQ(fields({{"rollout", {{"strategie", "CANARY"}}}}), Fields{"/rollout/strategie"});
  EXPECT_EQ(fields({{"rollout", "CANARY"}}), Fields{"/rollout"});
  ASSERT_EQ(
      patch(kInstance, {{"deploy", {{"scaling", {{"max_replicas", 4}, {"cpu_percent", 70}}}}}})
          .status,
      200);
  EXPECT_EQ(fields({{"rollout", {{"strategy", "RECREATE"}}}}), Fields{"/rollout/strategy"});
}

TEST_F(ApiRollouts, OrdersReachADeploymentOnItsWay) {
  deploy(kCanary);
  const auto paused = order("pause");
  EXPECT_EQ(paused.status, 202) << paused.body;
  EXPECT_EQ(json(paused)["rollout"]["order"], "PAUSE");
  EXPECT_EQ(json(order("resume"))["rollout"]["order"], "NONE");
  EXPECT_EQ(json(order("promote"))["rollout"]["order"], "PROMOTE");
  EXPECT_EQ(read(deployment_id_)["rollout"]["order"], "PROMOTE");
  EXPECT_EQ(code(order("pause")), "already_promoted");
  const auto aborted = order("abort");
  EXPECT_EQ(aborted.status, 202);
  EXPECT_EQ(json(aborted)["status"], "REMOVING");
  EXPECT_EQ(json(aborted)["reason"], "aborted by request");
}

TEST_F(ApiRollouts, WhatServesTakesNoOrders) {
  deploy_and_serve(kCanary);
  for (const char* verb : {"promote", "pause", "resume", "abort"}) {
    const auto response = order(verb);
    EXPECT_EQ(response.status, 409) << verb;
    EXPECT_EQ(code(response), "not_under_way") << verb;
  }
  EXPECT_EQ(read(deployment_id_)["status"], "SUCCESS")
      << "an abort that is late takes nothing down";
  deploy(Json::object());
  EXPECT_EQ(code(order("promote")), "nothing_to_order");
  EXPECT_EQ(read(deployment_id_)["rollout"]["order"], "NONE");
  EXPECT_EQ(order("abort").status, 202) << "any strategy can be aborted";
}

TEST_F(ApiRollouts, HowFarItHasComeIsShown) {
  deploy(kCanary);
  deploy_status(DeploymentStatus::deploying);
  const RolloutChange change{.deployment_id = *DeploymentId::parse(deployment_id_),
                             .instance_id = instance_id_,
                             .step = 0,
                             .since = *parse_time("2026-11-22T18:26:00Z"),
                             .message = "5%"};
  ASSERT_TRUE(store().record_rollout(change).ok());
  const Json rollout = read(deployment_id_)["rollout"];
  EXPECT_EQ(rollout["percent"], 5);
  EXPECT_EQ(rollout["since"], "2026-11-22T18:26:00.000000Z");
  ASSERT_TRUE(store()
                  .record_status({.deployment_id = change.deployment_id,
                                  .instance_id = instance_id_,
                                  .status = DeploymentStatus::deploying,
                                  .reason = "ready for promotion: all replicas are ready"})
                  .ok());
  EXPECT_EQ(read(deployment_id_)["rollout"]["waiting"], true);
  deploy_status(DeploymentStatus::success);
  EXPECT_EQ(read(deployment_id_)["rollout"]["percent"], 100);
  EXPECT_EQ(read(deployment_id_)["rollout"]["waiting"], false);
}

TEST_F(ApiRollouts, TheDefaultOfARollbackIsThePreviousSuccess) {
  EXPECT_EQ(code(post(kInstance + "/rollback", Json::object())), "nothing_before");
  deploy_status(DeploymentStatus::success);
  ASSERT_EQ(put(kInstance + "/variables/LOG_LEVEL", {{"value", "debug"}}).status, 200);
  const std::string good = deployment_id_;
  deploy({{"image", "nginx:broken"}});
  deploy_status(DeploymentStatus::failed);
  deploy_and_serve({{"image", "nginx:1.28"}});
  const auto back = post(kInstance + "/rollback", Json::object());
  ASSERT_EQ(back.status, 202) << back.body;
  EXPECT_EQ(json(back)["trigger"], "rollback");
  EXPECT_EQ(json(back)["image"], "nginx:1.27") << "what failed is passed over";
  EXPECT_NE(json(back)["id"], good);
  const auto made = *store().deployment(*DeploymentId::parse(json(back)["id"].get<std::string>()));
  EXPECT_EQ(made.variables.at("LOG_LEVEL"), "info") << "with the variables of that day";
}

TEST_F(ApiRollouts, ARollbackNeedsNoPromotion) {
  deploy_and_serve({{"rollout", {{"strategy", "BLUE_GREEN"}}}});
  const std::string blue = deployment_id_;
  deploy_and_serve();
  const auto back = post("/v1/deployments/" + blue + "/rollback", Json::object());
  EXPECT_EQ(json(back)["rollout"]["strategy"], "ROLLING") << back.body;
}

TEST_F(ApiRollouts, AKeptVersionServesAgainAtOnce) {
  deploy_status(DeploymentStatus::success);
  const std::string blue = deployment_id_;
  deploy({{"rollout", {{"strategy", "BLUE_GREEN"}}}});
  const std::string green = deployment_id_;
  keep(blue, green);
  ASSERT_EQ(read(blue)["status"], "SUCCESS");
  deploy(Json::object());
  const std::string third = deployment_id_;
  const auto back = post("/v1/deployments/" + blue + "/rollback", Json::object());
  ASSERT_EQ(back.status, 202) << back.body;
  EXPECT_EQ(json(back)["id"], blue) << "nothing new is made";
  for (const std::string& newer : {green, third}) {
    EXPECT_EQ(read(newer)["status"], "REMOVING");
    EXPECT_EQ(read(newer)["reason"], "rolled back to " + blue);
  }
  EXPECT_EQ(read(blue)["status"], "SUCCESS");
  EXPECT_EQ(json(get(kInstance + "/deployments"))["data"].size(), 3u);
}

}  // namespace
}  // namespace gantry::testing
