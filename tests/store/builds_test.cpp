#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

using StoreBuilds = StoreTest;

const std::string kArchive = "sha256:" + std::string(64, 'a');

DeploymentId deploy_source(Store& store, const InstanceId& instance) {
  Settings settings;
  settings.source.archive = kArchive;
  const auto made = write(store, [&](Transaction& t) {
    return t.create_deployment({.instance_id = instance,
                                .id = DeploymentId::make(system_clock().now()),
                                .settings = settings,
                                .variables = {{"A", "secret"}},
                                .trigger = "deploy",
                                .message = "fix the button",
                                .progress = {}});
  });
  EXPECT_TRUE(made.ok());
  return made->id;
}

std::shared_ptr<const Deployment> seen(Store& store, const InstanceId& instance) {
  return store.project_of(instance)->instances.at(instance)->deployments.front();
}

TEST_F(StoreBuilds, EachStepIsKept) {
  auto store = open();
  const auto instance = make_world(*store).instance.id;
  const auto id = deploy_source(*store, instance);
  EXPECT_FALSE(seen(*store, instance)->progress.prepared);
  EXPECT_EQ(seen(*store, instance)->message, "fix the button");

  Settings effective = seen(*store, instance)->settings;
  effective.deploy.replicas = 3;
  effective.build.builder = "DOCKERFILE";
  effective.deploy.pre_deploy_command = {"migrate"};
  int told = 0;
  store->on_change([&](const InstanceId&) { ++told; });
  ASSERT_TRUE(store
                  ->record_progress({.deployment_id = id,
                                     .instance_id = instance,
                                     .progress = {.prepared = true},
                                     .settings = effective,
                                     .config = R"({"ok":true})"})
                  .ok());
  EXPECT_EQ(told, 1);
  const BuildProgress built{.prepared = true, .image = "built:1", .pre_deployed = false};
  ASSERT_TRUE(store->record_progress({id, instance, built}).ok());
  for (int run = 0; run < 2; ++run) {
    const auto now = seen(*store, instance);
    EXPECT_EQ(now->progress, built);
    EXPECT_EQ(now->settings, effective);
    EXPECT_EQ(now->variables.at("A"), "secret");
    EXPECT_EQ(now->status, DeploymentStatus::queued) << "a step is no status";
    ASSERT_TRUE(store->reload().ok());
  }
  EXPECT_EQ(*store->deployment_config(id), R"({"ok":true})");
  EXPECT_EQ(store->deployment(id)->progress, built);
}

TEST_F(StoreBuilds, AStepOfWhatIsOverChangesNothing) {
  auto store = open();
  const auto instance = make_world(*store).instance.id;
  const auto first = deploy_source(*store, instance);
  deploy_source(*store, instance);  // the first one is being removed now
  ASSERT_TRUE(store->record_progress({first, instance, {true, "built:1", true}}).ok());
  EXPECT_EQ(store->deployment(first)->progress, BuildProgress());
}

TEST_F(StoreBuilds, ScalingCountsForWhatIsLive) {
  auto store = open();
  const auto world = make_world(*store);
  const auto instance = world.instance.id;
  const auto id = deploy_source(*store, instance);
  Settings settings = world.instance.settings;
  settings.deploy.replicas = 7;
  settings.deploy.healthcheck_timeout_seconds = 77;
  const auto written =
      write(*store, [&](Transaction& t) { return t.update_settings(instance, settings, {}); });
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(seen(*store, instance)->settings.deploy.replicas, 7);
  EXPECT_EQ(seen(*store, instance)->settings.deploy.healthcheck_timeout_seconds, 300)
      << "the rest is frozen";
  ASSERT_TRUE(store->record_status({id, instance, DeploymentStatus::failed, "no"}).ok());
  settings.deploy.replicas = 2;
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return t.update_settings(instance, settings, {});
              }).ok());
  EXPECT_EQ(store->deployment(id)->settings.deploy.replicas, 7);
}

TEST_F(StoreBuilds, ReleasesAreTheNewestImagesAndWhatIsLive) {
  auto store = open();
  const auto instance = make_world(*store).instance.id;
  std::vector<DeploymentId> built;
  for (int i = 0; i < 4; ++i) {
    built.push_back(deploy_source(*store, instance));
    ASSERT_TRUE(
        store->record_progress({built[i], instance, {true, "built:" + std::to_string(i), true}})
            .ok());
    const auto status = i == 2 ? DeploymentStatus::failed : DeploymentStatus::success;
    ASSERT_TRUE(store->record_status({built[i], instance, status, ""}).ok());
  }
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(store->record_status({built[i], instance, DeploymentStatus::removed, ""}).ok());
  const auto waiting = deploy_source(*store, instance);
  const auto releases = *store->releases(2);
  ASSERT_EQ(releases.size(), 3u);
  EXPECT_EQ(releases[0].deployment_id, built[2]);
  EXPECT_FALSE(releases[0].live);
  EXPECT_EQ(releases[1].image, "built:3");
  EXPECT_TRUE(releases[1].live);
  EXPECT_EQ(releases[2].deployment_id, waiting);
  EXPECT_EQ(releases[2].archive, kArchive);
  EXPECT_EQ(releases[2].image, "");
}

}  // namespace
}  // namespace gantry
