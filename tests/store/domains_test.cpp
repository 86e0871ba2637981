#include <random>

#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

using Hosts = std::vector<std::string>;

class StoreDomains : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store = open();
    world = make_world(*store);
    one = world.instance.id;
    other = add("other", world.project.id, world.environment);
  }
  InstanceId add(const std::string& name, const ProjectId& project,
                 const EnvironmentId& environment) {
    const auto made = write(*store, [&](Transaction& t) -> Result<ServiceInstance> {
      const auto service = t.create_service(project, name_of(name));
      if (!service) return service.error();
      return t.create_instance(service->id, environment, {});
    });
    EXPECT_TRUE(made.ok());
    return made->id;
  }
  Result<ServiceInstance> add_domain(const InstanceId& id, const std::string& host) {
    return write(*store, [&](Transaction& t) { return t.add_domain(id, host); });
  }
  Result<ServiceInstance> move(const std::string& host, const InstanceId& to) {
    return write(*store, [&](Transaction& t) { return t.move_domain(host, to); });
  }
  Result<ServiceInstance> split(const InstanceId& id, std::optional<TrafficSplit> wanted,
                                IfMatch seen = {}) {
    return write(*store, [&](Transaction& t) { return t.set_split(id, wanted, seen); });
  }
  ServiceInstance seen(const InstanceId& id) {
    return store->project_of(id)->instances.at(id)->instance;
  }
  Hosts events(const std::string& prefix) {
    Hosts found;
    const auto all = *store->events({}, "", 1000);
    for (const Event& event : all)
      if (event.type.starts_with(prefix)) found.push_back(event.type + " " + event.message);
    return found;
  }

  std::unique_ptr<Store> store;
  World world;
  InstanceId one, other;
};

TEST_F(StoreDomains, ComeAndGo) {
  const auto before = seen(one);
  int told = 0;
  store->on_change([&](const InstanceId& id) { told += id == one ? 1 : 0; });
  ASSERT_TRUE(add_domain(one, "www.example.com").ok());
  const auto added = add_domain(one, "api.example.com");
  EXPECT_EQ(added->domains, (Hosts{"api.example.com", "www.example.com"}));
  EXPECT_EQ(seen(one).domains, added->domains);
  EXPECT_EQ(seen(one).generation, before.generation + 2);
  EXPECT_EQ(told, 2);
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(seen(one).domains, added->domains);
  const auto removed =
      write(*store, [&](Transaction& t) { return t.remove_domain(one, "api.example.com"); });
  EXPECT_EQ(removed->domains, Hosts{"www.example.com"});
  const auto missing =
      write(*store, [&](Transaction& t) { return t.remove_domain(other, "www.example.com"); });
  EXPECT_EQ(missing.error().code, Code::not_found) << "only who has it gives it away";
  EXPECT_EQ(events("domain."),
            (Hosts{"domain.added www.example.com", "domain.added api.example.com",
                   "domain.removed api.example.com"}));
}

TEST_F(StoreDomains, BelongToOneServiceOnly) {
  ASSERT_TRUE(add_domain(one, "api.example.com").ok());
  EXPECT_EQ(add_domain(other, "api.example.com").error().reason, "domain_taken");
  EXPECT_EQ(add_domain(one, "api.example.com").error().reason, "domain_taken");
  ASSERT_TRUE(write(*store, [&](Transaction& t) { return t.delete_instance(one, {}); }).ok());
  EXPECT_TRUE(add_domain(other, "api.example.com").ok()) << "free with the service that had it";
}

TEST_F(StoreDomains, MoveInOneStep) {
  ASSERT_TRUE(add_domain(one, "api.example.com").ok());
  std::atomic<bool> over = false;
  std::jthread reader([&] {
    while (!over) {
      const auto project = store->project_of(one);
      const auto& mine = project->instances.at(one)->instance.domains;
      const auto& its = project->instances.at(other)->instance.domains;
      EXPECT_EQ(mine.size() + its.size(), 1u) << "nowhere, or at two places";
    }
  });
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(move("api.example.com", i % 2 == 0 ? other : one).ok());
  over = true;
  reader.join();
  EXPECT_EQ(move("api.example.com", other)->domains, Hosts{"api.example.com"});
  EXPECT_TRUE(seen(one).domains.empty());
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(seen(other).domains, Hosts{"api.example.com"});
  EXPECT_EQ(move("nobody.example.com", one).error().code, Code::not_found);
  const World far = make_world(*store, "far");
  EXPECT_EQ(move("api.example.com", far.instance.id).error().reason, "other_project");
  EXPECT_EQ(seen(other).domains, Hosts{"api.example.com"});
}

TEST_F(StoreDomains, ManyMoversLeaveItAtOnePlace) {
  ASSERT_TRUE(add_domain(one, "api.example.com").ok());
  {
    std::vector<std::jthread> movers;
    for (unsigned n = 0; n < 4; ++n)
      movers.emplace_back([&, n] {
        std::mt19937 random(n);
        for (int i = 0; i < 50; ++i) {
          const auto moved = move("api.example.com", random() % 2 == 0 ? one : other);
          EXPECT_TRUE(moved.ok() || moved.error().code == Code::not_found) << moved.error().detail;
        }
      });
  }
  const auto mine = seen(one).domains, its = seen(other).domains;
  EXPECT_EQ(mine.size() + its.size(), 1u);
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(seen(one).domains, mine);
  EXPECT_EQ(seen(other).domains, its);
}

TEST_F(StoreDomains, AShareOfTheRequestsGoesToAnother) {
  const auto set = split(one, TrafficSplit{other, 10});
  ASSERT_TRUE(set.ok()) << set.error().detail;
  EXPECT_EQ(set->split, (TrafficSplit{other, 10}));
  EXPECT_EQ(seen(one).split, (TrafficSplit{other, 10}));
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(seen(one).split, (TrafficSplit{other, 10}));
  EXPECT_EQ(split(one, std::nullopt, set->stamp.version + 1).error().code, Code::stale);
  EXPECT_EQ(split(one, TrafficSplit{one, 10}).error().reason, "invalid_target");
  const World far = make_world(*store, "far");
  EXPECT_EQ(split(one, TrafficSplit{far.instance.id, 10}).error().reason, "invalid_target");
  ASSERT_TRUE(split(one, std::nullopt, set->stamp.version).ok());
  EXPECT_EQ(seen(one).split, std::nullopt);
  EXPECT_EQ(events("instance.split"),
            (Hosts{"instance.split 10% to " + other.str(), "instance.split no share"}));
}

TEST_F(StoreDomains, AShareEndsWithItsTarget) {
  int told = 0;
  store->on_change([&](const InstanceId& id) { told += id == one ? 1 : 0; });
  for (const bool whole_service : {false, true}) {
    const auto target =
        add(whole_service ? "third" : "second", world.project.id, world.environment);
    ASSERT_TRUE(split(one, TrafficSplit{target, 25}).ok());
    told = 0;
    const auto gone = write(*store, [&](Transaction& t) {
      return whole_service ? t.delete_service(seen(target).service_id, {})
                           : t.delete_instance(target, {});
    });
    ASSERT_TRUE(gone.ok()) << gone.error().detail;
    EXPECT_EQ(seen(one).split, std::nullopt);
    EXPECT_EQ(told, 1);
    ASSERT_TRUE(store->reload().ok());
    EXPECT_EQ(seen(one).split, std::nullopt);
  }
}

}  // namespace
}  // namespace gantry
