#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

using StoreDeployments = StoreTest;

DeploymentId deploy(Store& store, const InstanceId& instance, ResolvedVariables variables = {}) {
  const auto made = write(store, [&](Transaction& t) {
    return t.create_deployment({.instance_id = instance,
                                .id = DeploymentId::make(system_clock().now()),
                                .settings = {},
                                .variables = variables,
                                .trigger = "deploy",
                                .progress = {}});
  });
  EXPECT_TRUE(made.ok());
  return made->id;
}

std::string statuses(Store& store, const InstanceId& instance) {
  std::string all;
  const auto project = store.project_of(instance);
  for (const auto& d : project->instances.at(instance)->deployments)
    all += (all.empty() ? "" : " ") + std::string(name(d->status));
  return all;
}

void record(Store& store, const InstanceId& instance, const DeploymentId& id,
            DeploymentStatus status, const std::string& reason = "") {
  EXPECT_TRUE(store.record_status({id, instance, status, reason}).ok());
}

TEST_F(StoreDeployments, ANewerOneSupersedesWhatIsNotServingYet) {
  auto store = open();
  const auto instance = make_world(*store).instance.id;
  const auto first = deploy(*store, instance);
  record(*store, instance, first, DeploymentStatus::success);
  deploy(*store, instance);
  deploy(*store, instance, {{"A", "x"}});
  EXPECT_EQ(statuses(*store, instance), "QUEUED REMOVING SUCCESS");
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(statuses(*store, instance), "QUEUED REMOVING SUCCESS");
}

TEST_F(StoreDeployments, AnOlderIdThatComesLateIsRefused) {
  auto store = open();
  const auto instance = make_world(*store).instance.id;
  const auto late = DeploymentId::make(system_clock().now());
  deploy(*store, instance);
  const auto refused = write(*store, [&](Transaction& t) {
    return t.create_deployment({instance, late, {}, {}, "deploy"});
  });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_EQ(refused.error().reason, "superseded");
  EXPECT_EQ(statuses(*store, instance), "QUEUED");
}

TEST_F(StoreDeployments, SuccessRetiresTheOlderOnes) {
  auto store = open();
  const auto instance = make_world(*store).instance.id;
  const auto first = deploy(*store, instance);
  record(*store, instance, first, DeploymentStatus::success);
  const auto second = deploy(*store, instance);
  int told = 0;
  store->on_change([&](const InstanceId&) { ++told; });
  record(*store, instance, second, DeploymentStatus::deploying);
  record(*store, instance, second, DeploymentStatus::success);
  EXPECT_EQ(statuses(*store, instance), "SUCCESS REMOVING");
  EXPECT_EQ(told, 2);
  record(*store, instance, second, DeploymentStatus::success);
  EXPECT_EQ(told, 2) << "the same status again changes nothing";
  record(*store, instance, first, DeploymentStatus::removed);
  EXPECT_EQ(statuses(*store, instance), "SUCCESS");
  std::vector<std::string> types;
  EventFilter filter;
  filter.deployment_id = first.str();
  const auto events = *store->events(filter, "", 100);
  for (const auto& event : events) types.push_back(event.type);
  EXPECT_EQ(types, (std::vector<std::string>{"deployment.created", "deployment.succeeded",
                                             "deployment.removing", "deployment.removed"}));
}

TEST_F(StoreDeployments, WhatIsOverStaysOver) {
  auto store = open();
  const auto instance = make_world(*store).instance.id;
  const auto failed = deploy(*store, instance);
  record(*store, instance, failed, DeploymentStatus::failed, "health check never passed");
  record(*store, instance, failed, DeploymentStatus::success);
  EXPECT_EQ(store->deployment(failed)->status, DeploymentStatus::failed);
  EXPECT_EQ(store->deployment(failed)->reason, "health check never passed");
  EXPECT_EQ(statuses(*store, instance), "FAILED") << "the newest is kept";
  const auto removed = deploy(*store, instance);
  EXPECT_EQ(statuses(*store, instance), "QUEUED");
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return t.remove_deployment(removed, "removed by request");
              }).ok());
  record(*store, instance, removed, DeploymentStatus::success);
  EXPECT_EQ(store->deployment(removed)->status, DeploymentStatus::removing);
  const auto again = write(
      *store, [&](Transaction& t) { return t.remove_deployment(removed, "removed by request"); });
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().reason, "not_live");
  record(*store, instance, removed, DeploymentStatus::removed);
  record(*store, instance, removed, DeploymentStatus::crashed);
  EXPECT_EQ(store->deployment(removed)->status, DeploymentStatus::removed);
}

TEST_F(StoreDeployments, HistoryComesInPages) {
  auto store = open();
  const auto instance = make_world(*store).instance.id;
  std::vector<DeploymentId> made;
  for (int i = 0; i < 7; ++i)
    made.insert(made.begin(), deploy(*store, instance, {{"SECRET", "s3"}}));
  std::vector<DeploymentId> read;
  PageRequest request{.after = {}, .limit = 3};
  int pages = 0;
  do {
    const auto page = store->deployments(instance, request);
    ASSERT_TRUE(page.ok());
    for (const auto& d : page->items) {
      read.push_back(d.id);
      EXPECT_TRUE(d.variables.empty());
    }
    request.after = page->next;
    ++pages;
  } while (request.after);
  EXPECT_EQ(read, made);
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(store->deployment(made[0])->variables.at("SECRET"), "s3");
  EXPECT_EQ(store->deployments(instance, {.after = "nonsense", .limit = 3}).error().code,
            Code::invalid);
}

TEST_F(StoreDeployments, ReplicasAreKeptUntilTheyAreRemoved) {
  auto store = open();
  const auto instance = make_world(*store).instance.id;
  const auto id = deploy(*store, instance);
  Replica replica;
  replica.key = {id, 0, 1};
  replica.instance_id = instance;
  replica.status = ReplicaStatus::running;
  replica.address = "10.0.0.2:80";
  replica.ready = true;
  replica.started_at = system_clock().now();
  ASSERT_TRUE(store->record_replica(replica).ok());
  replica.status = ReplicaStatus::crashed;
  replica.ready = false;
  replica.restarts = 4;
  replica.exit_code = 137;
  replica.reason = "out of memory";
  ASSERT_TRUE(store->record_replica(replica).ok());
  ASSERT_TRUE(store->record_replica(replica).ok());
  auto read = store->replicas(instance);
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(read->front().key, replica.key);
  EXPECT_EQ(read->front().exit_code, 137);
  EXPECT_EQ(read->front().started_at, replica.started_at);
  EXPECT_EQ(read->front().reason, "out of memory");
  replica.status = ReplicaStatus::removed;
  ASSERT_TRUE(store->record_replica(replica).ok());
  EXPECT_TRUE(store->replicas(instance)->empty());
  std::vector<std::string> types;
  const auto events = *store->events({}, "", 100);
  for (const auto& event : events)
    if (!event.replica_id.empty()) types.push_back(event.type);
  EXPECT_EQ(types,
            (std::vector<std::string>{"replica.running", "replica.crashed", "replica.removed"}));
  replica.key.deployment_id = DeploymentId::make(system_clock().now());
  replica.status = ReplicaStatus::running;
  EXPECT_EQ(store->record_replica(replica).error().code, Code::not_found);
}

}  // namespace
}  // namespace gantry
