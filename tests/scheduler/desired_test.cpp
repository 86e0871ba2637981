#include "scheduler/desired.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

const TimePoint kNow = TimePoint(Seconds(1'800'000'000));

TEST(SchedulerDesired, SubnetsCountUpFromTheRange) {
  EXPECT_EQ(subnet("10.192.0.0", 0), "10.192.0.0/24");
  EXPECT_EQ(subnet("10.192.0.0", 3), "10.192.3.0/24");
  EXPECT_EQ(subnet("10.192.0.0", 256), "10.193.0.0/24");
  EXPECT_EQ(subnet("10.192.0.0", 4095), "10.207.255.0/24");
  EXPECT_EQ(subnet("172.20.16.0", 1), "172.20.17.0/24");
}

TEST(SchedulerDesired, ThePortComesFromTheSettingThenTheVariableThenTheImage) {
  struct Case {
    std::optional<int> setting;
    std::optional<std::string> variable;
    PortMode mode;
    int port;
  };
  const std::vector<Case> cases = {
      {3000, "4000", PortMode::fixed, 3000},   {0, "4000", PortMode::none, 0},
      {{}, "4000", PortMode::fixed, 4000},     {{}, "65535", PortMode::fixed, 65535},
      {{}, {}, PortMode::automatic, 8080},     {{}, "", PortMode::automatic, 8080},
      {{}, "0", PortMode::automatic, 8080},    {{}, "65536", PortMode::automatic, 8080},
      {{}, "80x", PortMode::automatic, 8080},  {{}, "-1", PortMode::automatic, 8080},
      {{}, " 80", PortMode::automatic, 8080},  {{}, "99999999999999", PortMode::automatic, 8080},
      {{}, "http", PortMode::automatic, 8080},
  };
  for (const Case& c : cases) {
    Deployment deployment;
    deployment.settings.deploy.port = c.setting;
    if (c.variable) deployment.variables["PORT"] = *c.variable;
    int port = -1;
    EXPECT_EQ(port_mode(deployment, port), c.mode) << c.variable.value_or("(none)");
    EXPECT_EQ(port, c.port) << c.variable.value_or("(none)");
  }
}

struct Shop {
  ProjectSnapshot project;
  InstanceId instance_id = InstanceId::make(kNow);

  explicit Shop(std::optional<int> port = {}) {
    project.project.id = ProjectId::make(kNow);
    Environment environment;
    environment.id = EnvironmentId::make(kNow);
    environment.name = *Name::parse("production");
    environment.subnet_index = 7;
    project.environments[environment.id] = std::make_shared<EnvironmentView>(
        EnvironmentView{environment, std::make_shared<Variables>()});
    Service service;
    service.id = ServiceId::make(kNow);
    service.name = *Name::parse("api");
    project.services[service.id] = std::make_shared<Service>(service);
    ServiceInstance instance;
    instance.id = instance_id;
    instance.service_id = service.id;
    instance.environment_id = environment.id;
    instance.host_label = "api-production";
    instance.restart_epoch = 4;
    instance.settings.deploy.replicas = 3;
    instance.settings.deploy.port = port;
    InstanceView view;
    view.instance = instance;
    view.variables = std::make_shared<Variables>();
    for (int i = 0; i < 2; ++i) {
      Deployment deployment;
      deployment.settings = instance.settings;
      view.deployments.push_back(std::make_shared<Deployment>(deployment));
    }
    project.instances[instance_id] = std::make_shared<InstanceView>(view);
  }
};

const DesiredOptions kOptions = {
    .base_domain = "example.test",
    .installation = *InstallationId::parse("gty_01jd8yq5x8c5v0m6r7k2n4t9wz")};

TEST(SchedulerDesired, IsCutOutOfTheSnapshot) {
  const Shop shop;
  const DesiredPtr desired = desired_of(shop.project, shop.instance_id, kOptions);
  ASSERT_TRUE(desired);
  EXPECT_EQ(desired->service, "api");
  EXPECT_EQ(desired->project_id, shop.project.project.id);
  EXPECT_EQ(desired->hosts, std::vector<std::string>{"api-production.example.test"});
  EXPECT_EQ(desired->environment, "production");
  EXPECT_EQ(desired->epoch, 4);
  EXPECT_EQ(desired->deployments.size(), 2u);
  EXPECT_EQ(desired->network.subnet, "10.192.7.0/24");
  EXPECT_EQ(desired->network.name,
            "gantry-k2n4t9wz-" + std::string(desired->environment_id.ulid()));
}

TEST(SchedulerDesired, APortOfTheEdgeIsForWhateverListens) {
  const auto port_of = [](std::optional<int> port, bool exposed) {
    Shop shop(port);
    InstanceView view = *shop.project.instances.at(shop.instance_id);
    view.instance.tcp_proxy = TcpProxy{20000, 5432};
    view.instance.settings.deploy.exposed = exposed;
    view.deployments.clear();
    shop.project.instances[shop.instance_id] = std::make_shared<InstanceView>(view);
    const DesiredPtr desired = desired_of(shop.project, shop.instance_id, kOptions);
    EXPECT_EQ(desired->hosts.empty(), !exposed || port == 0);
    return desired->tcp_proxy ? desired->tcp_proxy->port : 0;
  };
  EXPECT_EQ(port_of(5432, false), 20000);
  EXPECT_EQ(port_of({}, true), 20000);
  EXPECT_EQ(port_of(0, true), 0);
}

// A volume has one writer, whatever the deployments of the day say; and what a container is told
// of it is what it mounts now.
TEST(SchedulerDesired, WhatMountsAVolumeIsOneThatStopsBeforeItStarts) {
  Shop shop;
  for (const char* path : {"/two", "/one"}) {
    Volume volume{.id = VolumeId::make(kNow),
                  .project_id = shop.project.project.id,
                  .environment_id = {},
                  .name = *Name::parse(path + 1),
                  .instance_id = shop.instance_id,
                  .mount_path = path};
    shop.project.volumes[volume.id] = std::make_shared<Volume>(volume);
  }
  const DesiredPtr desired = desired_of(shop.project, shop.instance_id, kOptions);
  ASSERT_EQ(desired->mounts.size(), 2u);
  EXPECT_EQ(desired->mounts[0].path, "/one");
  EXPECT_EQ(desired->volume, "one");
  for (const auto& deployment : desired->deployments) {
    EXPECT_EQ(deployment->settings.deploy.replicas, 1);
    EXPECT_EQ(deployment->settings.deploy.rollout.strategy, Strategy::recreate);
  }
  Deployment deployment = *desired->deployments.front();
  deployment.variables["RAILWAY_VOLUME_NAME"] = "of that day";
  ContainerSpec spec = container_spec(*desired, deployment, {deployment.id, 0, 0});
  EXPECT_EQ(spec.mounts, desired->mounts);
  EXPECT_EQ(spec.variables["RAILWAY_VOLUME_NAME"], "one");
  EXPECT_EQ(spec.variables["GANTRY_VOLUME_MOUNT_PATH"], "/one");
  shop.project.volumes.clear();
  spec = container_spec(*desired_of(shop.project, shop.instance_id, kOptions), deployment,
                        {deployment.id, 0, 0});
  EXPECT_EQ(spec.variables.count("RAILWAY_VOLUME_NAME"), 0u);
}

// Only while a source waits to be prepared: nobody else needs to know.
TEST(SchedulerDesired, NeighboursAreThoseOfTheEnvironmentThatCameFromASource) {
  Shop shop;
  const auto add = [&](const char* name, const std::string& archive, const EnvironmentId& where) {
    Service service{
        .id = ServiceId::make(kNow), .project_id = {}, .name = *Name::parse(name), .stamp = {}};
    shop.project.services[service.id] = std::make_shared<Service>(service);
    InstanceView view = *shop.project.instances[shop.instance_id];
    view.instance.id = InstanceId::make(kNow);
    view.instance.service_id = service.id;
    view.instance.environment_id = where;
    view.instance.settings.build.config_file = "own.json";
    Deployment deployment;
    deployment.settings.source.archive = archive;
    view.deployments = {std::make_shared<Deployment>(deployment)};
    shop.project.instances[view.instance.id] = std::make_shared<InstanceView>(view);
  };
  const auto here = shop.project.instances[shop.instance_id]->instance.environment_id;
  add("workers", "sha256:1", here);
  add("database", "", here);
  add("elsewhere", "sha256:1", EnvironmentId::make(kNow));
  const auto waiting = desired_of(shop.project, shop.instance_id, kOptions);
  ASSERT_EQ(waiting->neighbours.size(), 1U);
  EXPECT_EQ(waiting->neighbours[0].service, "workers");
  EXPECT_EQ(waiting->neighbours[0].archive, "sha256:1");
  EXPECT_EQ(waiting->neighbours[0].build.config_file, "own.json");

  InstanceView view = *shop.project.instances[shop.instance_id];
  Deployment done = *view.deployments.front();
  done.progress.prepared = true;
  view.deployments.front() = std::make_shared<Deployment>(done);
  shop.project.instances[shop.instance_id] = std::make_shared<InstanceView>(view);
  EXPECT_TRUE(desired_of(shop.project, shop.instance_id, kOptions)->neighbours.empty());
}

TEST(SchedulerDesired, AWorkerHasNoHost) {
  const Shop shop(0);
  EXPECT_TRUE(desired_of(shop.project, shop.instance_id, kOptions)->hosts.empty());
}

TEST(SchedulerDesired, APortTakenAwayInTheSettingsCountsFromTheNextDeploymentOn) {
  Shop shop;
  InstanceView view = *shop.project.instances.at(shop.instance_id);
  view.instance.settings.deploy.port = 0;
  shop.project.instances[shop.instance_id] = std::make_shared<InstanceView>(view);
  EXPECT_FALSE(desired_of(shop.project, shop.instance_id, kOptions)->hosts.empty());
  view.deployments.clear();
  shop.project.instances[shop.instance_id] = std::make_shared<InstanceView>(view);
  EXPECT_TRUE(desired_of(shop.project, shop.instance_id, kOptions)->hosts.empty());
}

TEST(SchedulerDesired, NothingWithoutItsParents) {
  Shop shop;
  EXPECT_EQ(desired_of(shop.project, InstanceId::make(kNow), kOptions), nullptr);
  shop.project.services.clear();
  EXPECT_EQ(desired_of(shop.project, shop.instance_id, kOptions), nullptr);
}

TEST(SchedulerDesired, TheContainerSpecIsThatOfTheDeployment) {
  const Shop shop;
  const DesiredPtr desired = desired_of(shop.project, shop.instance_id, kOptions);
  Deployment deployment;
  deployment.id = DeploymentId::make(kNow);
  deployment.progress = {.prepared = true, .image = "web:1", .pre_deployed = true};
  deployment.settings.deploy.start_command = {"run", "it"};
  deployment.settings.deploy.cpu_millicores = 250;
  deployment.settings.deploy.memory_bytes = 1 << 26;
  deployment.settings.deploy.pids_limit = 77;
  deployment.variables = {{"A", "b"}, {"PORT", "9000"}};
  const ReplicaKey key{deployment.id, 4, 2};
  const ContainerSpec spec = container_spec(*desired, deployment, key);
  EXPECT_EQ(spec.key, key);
  EXPECT_EQ(spec.instance_id, shop.instance_id);
  EXPECT_EQ(spec.environment_id, desired->environment_id);
  EXPECT_EQ(spec.service, "api");
  EXPECT_EQ(spec.image, "web:1");
  EXPECT_EQ(spec.command, (std::vector<std::string>{"run", "it"}));
  EXPECT_EQ(spec.cpu_millicores, 250);
  EXPECT_EQ(spec.memory_bytes, 1 << 26);
  EXPECT_EQ(spec.pids_limit, 77);
  EXPECT_EQ(spec.port_mode, PortMode::fixed);
  EXPECT_EQ(spec.port, 9000);
  EXPECT_EQ(spec.network.subnet, "10.192.7.0/24");
  EXPECT_EQ(spec.variables, (ResolvedVariables{{"A", "b"},
                                               {"PORT", "9000"},
                                               {"RAILWAY_REPLICA_ID", key.id()},
                                               {"GANTRY_REPLICA_ID", key.id()}}));
}

TEST(SchedulerDesired, PreDeployCommandsRunInOneContainerOneAfterTheOther) {
  const Shop shop;
  const DesiredPtr desired = desired_of(shop.project, shop.instance_id, kOptions);
  Deployment deployment;
  deployment.id = DeploymentId::make(kNow);
  deployment.progress = {.prepared = true, .image = "built:1", .pre_deployed = false};
  deployment.settings.deploy.memory_bytes = 1 << 26;
  deployment.settings.deploy.pre_deploy_command = {"npx prisma migrate deploy"};
  RunSpec spec = run_spec(*desired, deployment);
  EXPECT_EQ(spec.deployment_id, deployment.id);
  EXPECT_EQ(spec.image, "built:1");
  EXPECT_EQ(spec.command, (std::vector<std::string>{"npx", "prisma", "migrate", "deploy"}));
  EXPECT_EQ(spec.memory_bytes, 1 << 26);
  EXPECT_EQ(spec.network.name, desired->network.name);
  deployment.settings.deploy.pre_deploy_command.emplace_back("./seed 'a b'");
  spec = run_spec(*desired, deployment);
  ASSERT_EQ(spec.command.size(), 3u);
  EXPECT_EQ(spec.command[2], "npx prisma migrate deploy && ./seed 'a b'");
}

TEST(SchedulerDesired, AVersionWithAScheduleHasNoReplicasAndNoAddress) {
  Shop shop;
  auto view = std::make_shared<InstanceView>(*shop.project.instances.at(shop.instance_id));
  for (auto& deployment : view->deployments) {
    auto copy = std::make_shared<Deployment>(*deployment);
    copy->settings.deploy.cron.schedule = "0 6 * * *";
    copy->settings.deploy.rollout.strategy = Strategy::canary;
    copy->settings.deploy.sleep.enabled = true;
    deployment = copy;
  }
  shop.project.instances[shop.instance_id] = view;
  const DesiredPtr desired = desired_of(shop.project, shop.instance_id, kOptions);
  EXPECT_TRUE(desired->hosts.empty());
  for (const auto& deployment : desired->deployments) {
    EXPECT_EQ(deployment->settings.deploy.replicas, 0);
    EXPECT_EQ(deployment->settings.deploy.rollout.strategy, Strategy::rolling);
    EXPECT_FALSE(deployment->settings.deploy.sleep.enabled);
  }
}

TEST(SchedulerDesired, ARunHasItsOwnWordsOverTheVersions) {
  const Shop shop;
  const DesiredPtr desired = desired_of(shop.project, shop.instance_id, kOptions);
  Deployment deployment;
  deployment.progress.image = "built:1";
  deployment.settings.deploy.start_command = {"serve"};
  deployment.settings.deploy.pids_limit = 9;
  deployment.variables = {{"A", "1"}, {"B", "1"}};
  JobRun run;
  run.id = RunId::make(kNow);
  run.variables = {{"B", "2"}};
  JobSpec spec = job_spec(*desired, deployment, run);
  EXPECT_EQ(spec.command, std::vector<std::string>{"serve"});
  EXPECT_EQ(spec.image, "built:1");
  EXPECT_EQ(spec.pids_limit, 9);
  EXPECT_EQ(spec.variables, (ResolvedVariables{{"A", "1"},
                                               {"B", "2"},
                                               {"GANTRY_RUN_ID", run.id.str()},
                                               {"RAILWAY_REPLICA_ID", run.id.str()}}));
  run.command = {"seed"};
  EXPECT_EQ(job_spec(*desired, deployment, run).command, run.command);
}

}  // namespace
}  // namespace gantry
