// What a simulation may say about archives beforehand, and what the builder's port then answers.
#include <gtest/gtest.h>

#include "runtime/sim/builder.hpp"

namespace gantry {
namespace {

struct SetClock : Clock {
  TimePoint now() const override { return TimePoint(Seconds(1795371960)); }
};

class SimBuilderTest : public ::testing::Test {
 protected:
  PrepareOrder prepare_order(const std::string& archive) const {
    PrepareOrder order;
    order.deployment_id = deployment_;
    order.archive = archive;
    order.settings.source.archive = archive;
    return order;
  }
  BuildOrder build_order(const std::string& archive) const {
    BuildOrder order;
    order.deployment_id = deployment_;
    order.archive = archive;
    return order;
  }
  SetClock clock_;
  SimEngine engine_{clock_};
  SimBuilder builder_{engine_};
  const DeploymentId deployment_ = DeploymentId::make(clock_.now());
  const InstanceId instance_ = InstanceId::make(clock_.now());
};

TEST_F(SimBuilderTest, AnArchiveDecidesTheSettingsTheImageAndTheSkip) {
  Settings settings;
  settings.deploy.replicas = 3;
  builder_.add_archive("a", {.settings = settings,
                             .config = "{}",
                             .skip_reason = "unchanged",
                             .prepare_fails = {},
                             .build_fails = {},
                             .image = {},
                             .named = "web"});
  auto order = prepare_order("a");
  auto prepared = builder_.prepare(order);
  ASSERT_TRUE(prepared.ok());
  EXPECT_EQ(prepared->settings.deploy.replicas, 3);
  EXPECT_EQ(prepared->settings.source.archive, "a");
  EXPECT_EQ(prepared->config, "{}");
  EXPECT_EQ(prepared->skip_reason, "");
  order.compared_with = "b";
  EXPECT_EQ(builder_.prepare(order)->skip_reason, "unchanged");
  EXPECT_EQ(*builder_.build(build_order("a")), "web");
  EXPECT_TRUE(builder_.images().contains("web"));
}

TEST_F(SimBuilderTest, FailuresAreForGoodAndFaultsPass) {
  SimArchive broken;
  broken.prepare_fails = Error{Code::invalid, "config_invalid", "wrong"};
  broken.build_fails = Error{Code::invalid, "build_failed", "step 3"};
  builder_.add_archive("a", broken);
  builder_.inject({.prepare_unavailable = 1, .lost_replies = 1});
  EXPECT_EQ(builder_.prepare(prepare_order("a")).error().code, Code::unavailable);
  EXPECT_EQ(builder_.prepare(prepare_order("a")).error().reason, "config_invalid");
  EXPECT_EQ(builder_.build(build_order("a")).error().reason, "build_failed");
  EXPECT_EQ(builder_.build(build_order("gone")).error().reason, "source_gone");

  builder_.add_archive("a", {});
  EXPECT_EQ(builder_.build(build_order("a")).error().code, Code::unavailable);
  EXPECT_TRUE(builder_.build(build_order("a")).ok());
  EXPECT_EQ(builder_.calls().built, 1);
}

TEST_F(SimBuilderTest, CancelIsRemembered) {
  builder_.add_archive("a", {});
  builder_.cancel(deployment_);
  EXPECT_EQ(builder_.prepare(prepare_order("a")).error().reason, "cancelled");
  EXPECT_EQ(builder_.build(build_order("a")).error().reason, "cancelled");
  EXPECT_TRUE(builder_.begun().empty());
}

TEST_F(SimBuilderTest, SweepKeepsTheNewestAndTheLive) {
  builder_.add_archive("a", {});
  builder_.keep_images(1);
  std::vector<Release> releases;
  for (int i = 0; i < 4; ++i) {
    auto order = build_order("a");
    order.deployment_id = DeploymentId::make(clock_.now());
    releases.push_back({instance_, {}, order.deployment_id, *builder_.build(order), "a", i == 0});
  }
  const std::string unknown = *builder_.build(build_order("a"));
  ASSERT_TRUE(builder_.sweep(releases).ok());
  const std::set<std::string> left{releases[0].image, releases[3].image};
  EXPECT_EQ(builder_.images(), left);
  EXPECT_FALSE(left.contains(unknown));
}

}  // namespace
}  // namespace gantry
