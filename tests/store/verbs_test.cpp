#include "proto/codec.hpp"
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

using StoreVerbs = StoreTest;

std::vector<std::string> event_types(Store& store) {
  std::vector<std::string> types;
  const auto events = *store.events({}, "", 1000);
  for (const auto& event : events) types.push_back(event.type);
  return types;
}

TEST_F(StoreVerbs, AWriteIsReadBackAtOnceAndAfterAReload) {
  auto store = open();
  const World world = make_world(*store);
  auto variable = write(
      *store, [&](Transaction& t) { return t.put_variable(world.instance.id, "A", "one", {}); });
  ASSERT_TRUE(variable.ok());
  EXPECT_EQ(variable->stamp.version, 1);
  (void)write(*store,
              [&](Transaction& t) { return t.put_variable(world.instance.id, "A", "two", {}); });
  (void)write(*store, [&](Transaction& t) {
    return t.put_shared_variable(world.environment, "S", "x", {});
  });
  for (int round = 0; round < 2; ++round) {
    const auto project = store->project("shop");
    ASSERT_TRUE(project);
    EXPECT_EQ(store->project(world.project.id.str()), project);
    EXPECT_EQ(store->project_of(world.instance.id), project);
    const auto* view = project->instance(world.service.id, world.environment);
    ASSERT_NE(view, nullptr);
    EXPECT_EQ(view->variables->at("A").value, "two");
    EXPECT_EQ(view->variables->at("A").stamp.version, 2);
    EXPECT_EQ(view->variables->at("A").stamp.created_at, variable->stamp.created_at);
    EXPECT_EQ(project->environment("production")->shared->at("S").value, "x");
    EXPECT_EQ(view->instance.host_label, "web-production");
    EXPECT_EQ(view->instance.settings, Settings{});
    ASSERT_TRUE(store->reload().ok());
  }
  (void)write(*store,
              [&](Transaction& t) { return t.put_variable(world.instance.id, "A", "two", {}); });
  EXPECT_EQ(store->project("shop")
                ->instance(world.service.id, world.environment)
                ->variables->at("A")
                .stamp.version,
            3);
}

TEST_F(StoreVerbs, ARolledBackWriteLeavesNothing) {
  auto store = open();
  {
    auto t = store->begin({});
    ASSERT_TRUE((*t)->create_project(name_of("ghost")).ok());
  }
  EXPECT_EQ(store->project("ghost"), nullptr);
  EXPECT_TRUE(store->events({}, "", 10)->empty());
}

TEST_F(StoreVerbs, NamesAreUniqueInTheirParent) {
  auto store = open();
  const World world = make_world(*store);
  const auto expect_taken = [](const auto& result, const char* reason = "name_taken") {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Code::conflict);
    EXPECT_EQ(result.error().reason, reason);
  };
  expect_taken(write(*store, [&](Transaction& t) { return t.create_project(name_of("shop")); }));
  expect_taken(write(*store, [&](Transaction& t) {
    return t.create_environment(world.project.id, name_of("production"));
  }));
  expect_taken(write(
      *store, [&](Transaction& t) { return t.create_service(world.project.id, name_of("web")); }));
  expect_taken(write(*store,
                     [&](Transaction& t) {
                       return t.create_instance(world.service.id, world.environment, {});
                     }),
               "instance_exists");
  auto t = store->begin({});
  EXPECT_FALSE((*t)->create_project(name_of("shop")).ok());
  EXPECT_FALSE((*t)->create_project(name_of("other")).ok())
      << "a transaction goes on after a failed statement";
  EXPECT_FALSE((*t)->commit().ok());
}

TEST_F(StoreVerbs, HostLabelsAreUniqueAndSurviveARename) {
  auto store = open();
  const World one = make_world(*store, "one");
  const World two = make_world(*store, "two");
  EXPECT_EQ(one.instance.host_label, "web-production");
  EXPECT_EQ(two.instance.host_label.size(), std::string("web-production-abcd").size());
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return t.rename_service(one.service.id, name_of("site"), {});
              }).ok());
  EXPECT_EQ(store->project("one")->instance(one.service.id, one.environment)->instance.host_label,
            "web-production");
  EXPECT_EQ(store->project("one")->service("site")->stamp.version, 2);

  const std::string longest(30, 'a');
  for (const char* project : {"p-one", "p-two"}) {
    const auto made = write(*store, [&](Transaction& t) -> Result<ServiceInstance> {
      auto p = t.create_project(name_of(project));
      auto e = t.create_environment(p->id, name_of(longest));
      auto s = t.create_service(p->id, name_of(longest));
      return t.create_instance(s->id, e->id, {});
    });
    ASSERT_TRUE(made.ok());
    EXPECT_LE(made->host_label.size(), 63u);
  }
}

TEST_F(StoreVerbs, IfMatchOfAnotherVersionIsStale) {
  auto store = open();
  const World w = make_world(*store);
  (void)write(*store, [&](Transaction& t) { return t.put_variable(w.instance.id, "A", "1", {}); });
  const auto expect_stale = [](const auto& result) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Code::stale);
  };
  expect_stale(write(
      *store, [&](Transaction& t) { return t.rename_project(w.project.id, name_of("x"), 7); }));
  expect_stale(write(*store, [&](Transaction& t) { return t.delete_project(w.project.id, 7); }));
  expect_stale(write(*store, [&](Transaction& t) {
    return t.rename_environment(w.environment, name_of("x"), 7);
  }));
  expect_stale(
      write(*store, [&](Transaction& t) { return t.delete_environment(w.environment, 7); }));
  expect_stale(write(
      *store, [&](Transaction& t) { return t.rename_service(w.service.id, name_of("x"), 7); }));
  expect_stale(write(*store, [&](Transaction& t) { return t.delete_service(w.service.id, 7); }));
  expect_stale(
      write(*store, [&](Transaction& t) { return t.update_settings(w.instance.id, {}, 7); }));
  expect_stale(write(*store, [&](Transaction& t) { return t.delete_instance(w.instance.id, 7); }));
  expect_stale(
      write(*store, [&](Transaction& t) { return t.put_variable(w.instance.id, "A", "2", 7); }));
  expect_stale(
      write(*store, [&](Transaction& t) { return t.put_variable(w.instance.id, "B", "2", 1); }));
  expect_stale(
      write(*store, [&](Transaction& t) { return t.delete_variable(w.instance.id, "A", 7); }));
  EXPECT_TRUE(write(*store, [&](Transaction& t) {
                return t.put_variable(w.instance.id, "A", "2", 1);
              }).ok());
  EXPECT_TRUE(
      write(*store, [&](Transaction& t) { return t.delete_variable(w.instance.id, "A", 2); }).ok());
  EXPECT_TRUE(write(*store, [&](Transaction& t) {
                return t.rename_project(w.project.id, name_of("x"), 1);
              }).ok());
  EXPECT_EQ(store->project("shop"), nullptr);
  EXPECT_EQ(store->project("x")->project.stamp.version, 2);
}

TEST_F(StoreVerbs, WhatIsNotThereIsNotFound) {
  auto store = open();
  const TimePoint now = system_clock().now();
  const auto expect_missing = [](const auto& result) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Code::not_found);
  };
  const auto i = InstanceId::make(now);
  expect_missing(write(*store, [&](Transaction& t) { return t.put_variable(i, "A", "1", {}); }));
  expect_missing(write(*store, [&](Transaction& t) { return t.delete_variable(i, "A", {}); }));
  expect_missing(write(*store, [&](Transaction& t) { return t.bump_restart_epoch(i); }));
  expect_missing(write(*store, [&](Transaction& t) {
    return t.create_environment(ProjectId::make(now), name_of("x"));
  }));
  expect_missing(write(*store, [&](Transaction& t) {
    return t.create_service(ProjectId::make(now), name_of("x"));
  }));
  expect_missing(write(
      *store, [&](Transaction& t) { return t.remove_deployment(DeploymentId::make(now), ""); }));
  expect_missing(store->deployment(DeploymentId::make(now)));
  const World w = make_world(*store);
  expect_missing(
      write(*store, [&](Transaction& t) { return t.delete_variable(w.instance.id, "A", {}); }));
}

TEST_F(StoreVerbs, DeletionsCascadeAndTellEveryInstance) {
  auto store = open();
  const World w = make_world(*store);
  (void)write(*store, [&](Transaction& t) { return t.put_variable(w.instance.id, "A", "1", {}); });
  (void)write(*store, [&](Transaction& t) {
    return t.create_deployment(
        {w.instance.id, DeploymentId::make(system_clock().now()), {}, {}, "deploy"});
  });
  std::vector<InstanceId> told;
  store->on_change([&](const InstanceId& id) { told.push_back(id); });
  ASSERT_TRUE(
      write(*store, [&](Transaction& t) { return t.delete_project(w.project.id, {}); }).ok());
  EXPECT_EQ(told, std::vector<InstanceId>{w.instance.id});
  EXPECT_EQ(store->project("shop"), nullptr);
  EXPECT_EQ(store->project_of(w.instance.id), nullptr);
  for (const char* table :
       {"projects", "environments", "services", "service_instances", "variables", "deployments"})
    EXPECT_EQ(sql(std::string("select count(*) from ") + table)[0][0].as<int>(), 0) << table;
  EXPECT_EQ(event_types(*store).back(), "project.deleted");

  const World again = make_world(*store);
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return t.purge_environment(again.environment, {});
              }).ok());
  EXPECT_TRUE(store->project("shop")->instances.empty());
  EXPECT_EQ(store->project_of(again.instance.id), nullptr);
}

TEST_F(StoreVerbs, SubnetsRunOutAndComeBack) {
  StoreOptions small = options();
  small.subnet_count = 2;
  auto store = *open_store(small);
  const World w = make_world(*store);
  const auto second = write(
      *store, [&](Transaction& t) { return t.create_environment(w.project.id, name_of("two")); });
  EXPECT_EQ(second->subnet_index, 1);
  const auto third = write(
      *store, [&](Transaction& t) { return t.create_environment(w.project.id, name_of("three")); });
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().reason, "network_pool_exhausted");
  ASSERT_TRUE(
      write(*store, [&](Transaction& t) { return t.purge_environment(w.environment, {}); }).ok());
  const auto reused = write(
      *store, [&](Transaction& t) { return t.create_environment(w.project.id, name_of("three")); });
  ASSERT_TRUE(reused.ok());
  EXPECT_EQ(reused->subnet_index, 0);
}

TEST_F(StoreVerbs, SettingsAndRestartsRaiseTheGeneration) {
  auto store = open();
  const World w = make_world(*store);
  Settings settings;
  settings.deploy.replicas = 3;
  settings.source.image = *ImageRef::parse("nginx:1");
  int told = 0;
  store->on_change([&](const InstanceId&) { ++told; });
  const auto updated =
      write(*store, [&](Transaction& t) { return t.update_settings(w.instance.id, settings, 1); });
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->generation, 2);
  const auto restarted =
      write(*store, [&](Transaction& t) { return t.bump_restart_epoch(w.instance.id); });
  EXPECT_EQ(restarted->restart_epoch, 1);
  EXPECT_EQ(restarted->stamp.version, 3);
  EXPECT_EQ(told, 2);
  const auto other = open();
  EXPECT_EQ(other->project("shop")->instance(w.service.id, w.environment)->instance.settings,
            settings);
}

TEST_F(StoreVerbs, AnotherDaemonHearsOfChanges) {
  auto one = open();
  auto two = open();
  std::atomic<int> told = 0;
  two->on_change([&](const InstanceId&) { ++told; });
  const World w = make_world(*one);
  for (int i = 0; i < 100 && (told == 0 || !two->project_of(w.instance.id)); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_GT(told, 0);
  EXPECT_NE(two->project_of(w.instance.id), nullptr);
}

TEST_F(StoreVerbs, OneTransactionMayMakeAWholeService) {
  auto store = open();
  const World w = make_world(*store);
  const auto made = write(*store, [&](Transaction& t) -> Result<ServiceInstance> {
    auto service = t.create_service(w.project.id, name_of("worker"));
    auto instance = t.create_instance(service->id, w.environment, {});
    if (auto v = t.put_variable(instance->id, "A", "1", {}); !v) return v.error();
    auto d = t.create_deployment(
        {instance->id, DeploymentId::make(system_clock().now()), {}, {{"A", "1"}}, "deploy"});
    if (!d) return d.error();
    return instance;
  });
  ASSERT_TRUE(made.ok()) << made.error().detail;
  const auto view = store->project("shop")->instances.at(made->id);
  EXPECT_EQ(view->variables->at("A").value, "1");
  ASSERT_EQ(view->deployments.size(), 1u);
  EXPECT_EQ(view->deployments[0]->variables.at("A"), "1");
}

}  // namespace
}  // namespace gantry
