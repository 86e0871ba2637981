#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

template <class T>
std::string reason(const Result<T>& result) {
  return result ? "" : result.error().reason;
}

class StoreVolumes : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store = open();
    world = make_world(*store);
    one = world.instance.id;
    other = add("other");
  }
  InstanceId add(const std::string& name, const Settings& settings = {}) {
    const auto made = write(*store, [&](Transaction& t) -> Result<ServiceInstance> {
      const auto service = t.create_service(world.project.id, name_of(name));
      if (!service) return service.error();
      return t.create_instance(service->id, world.environment, settings);
    });
    EXPECT_TRUE(made.ok());
    return made->id;
  }
  VolumeId create(const std::string& name, std::int64_t size = 0) {
    const auto made = write(*store, [&](Transaction& t) {
      return t.create_volume({world.environment, name_of(name), size});
    });
    EXPECT_TRUE(made.ok()) << (made ? "" : made.error().detail);
    return made->id;
  }
  Result<Volume> attach(const VolumeId& id, const InstanceId& to,
                        const std::string& path = "/data") {
    return write(*store, [&](Transaction& t) { return t.attach_volume(id, to, path); });
  }
  Result<Volume> remove(const VolumeId& id) {
    return write(*store, [&](Transaction& t) { return t.delete_volume(id, {}); });
  }
  Result<Volume> restore(const VolumeId& id) {
    return write(*store, [&](Transaction& t) { return t.restore_volume(id, world.environment); });
  }
  // From memory and from the database: the same.
  std::optional<Volume> seen(const VolumeId& id) {
    std::optional<Volume> found, stored;
    if (const auto project = store->project(world.project.id.str()))
      if (const auto at = project->volumes.find(id); at != project->volumes.end())
        found = *at->second;
    const auto all = *store->volumes();
    for (const Volume& volume : all)
      if (volume.id == id) stored = volume;
    EXPECT_EQ(found.has_value(), stored.has_value());
    if (found && stored) {
      EXPECT_EQ(found->instance_id, stored->instance_id);
      EXPECT_EQ(found->mount_path, stored->mount_path);
      EXPECT_EQ(found->deleted_at, stored->deleted_at);
      EXPECT_EQ(found->made, stored->made);
    }
    return stored;
  }
  int epoch(const InstanceId& id) {
    return store->project_of(id)->instances.at(id)->instance.restart_epoch;
  }

  std::unique_ptr<Store> store;
  World world;
  InstanceId one, other;
};

TEST_F(StoreVolumes, AreMountedMovedAndReleased) {
  const VolumeId data = create("data");
  EXPECT_TRUE(seen(data)->instance_id.empty());
  const int before = epoch(one), others = epoch(other);
  ASSERT_TRUE(attach(data, one).ok());
  EXPECT_EQ(seen(data)->instance_id, one);
  EXPECT_EQ(epoch(one), before + 1) << "what runs has to mount it";
  ASSERT_TRUE(attach(data, one).ok());
  EXPECT_EQ(epoch(one), before + 1) << "nothing has changed";
  ASSERT_TRUE(attach(data, other, "/var/lib/data").ok());
  EXPECT_EQ(seen(data)->instance_id, other);
  EXPECT_EQ(epoch(one), before + 2) << "it has to let go";
  EXPECT_EQ(epoch(other), others + 1);
  ASSERT_TRUE(write(*store, [&](Transaction& t) { return t.detach_volume(data); }).ok());
  EXPECT_TRUE(seen(data)->instance_id.empty());
  EXPECT_EQ(epoch(other), others + 2);
  const auto project = store->project_of(one);
  EXPECT_TRUE(project->volumes_of(one).empty());
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(seen(data)->mount_path, "/var/lib/data");
}

TEST_F(StoreVolumes, RefuseWhatWouldDestroyData) {
  const VolumeId data = create("data"), more = create("more");
  ASSERT_TRUE(attach(data, one, "/data").ok());
  EXPECT_EQ(reason(attach(more, one, "/data")), "mount_path_taken");
  ASSERT_TRUE(attach(more, one, "/more").ok());
  EXPECT_EQ(store->project_of(one)->volumes_of(one).size(), 2U);
  Settings two;
  two.deploy.replicas = 2;
  EXPECT_EQ(reason(write(*store, [&](Transaction& t) { return t.update_settings(one, two, {}); })),
            "volume_attached");
  const InstanceId pair = add("pair", two);
  EXPECT_EQ(reason(attach(create("third"), pair)), "several_replicas");
  EXPECT_EQ(reason(write(*store,
                         [&](Transaction& t) {
                           return t.create_volume({world.environment, name_of("data"), 0});
                         })),
            "name_taken");
}

TEST_F(StoreVolumes, OutliveWhatTheyBelongTo) {
  const VolumeId data = create("data"), loose = create("loose");
  ASSERT_TRUE(attach(data, one).ok());
  const ServiceId service = world.instance.service_id;
  ASSERT_TRUE(write(*store, [&](Transaction& t) { return t.delete_service(service, {}); }).ok());
  ASSERT_TRUE(seen(data).has_value());
  EXPECT_TRUE(seen(data)->deleted_at.has_value());
  EXPECT_FALSE(seen(loose)->deleted_at.has_value());
  EXPECT_EQ(reason(attach(data, other)), "volume_deleted");
  ASSERT_TRUE(restore(data).ok());
  EXPECT_FALSE(seen(data)->deleted_at.has_value());
  ASSERT_TRUE(attach(data, other).ok());
  ASSERT_TRUE(
      write(*store, [&](Transaction& t) { return t.delete_project(world.project.id, {}); }).ok());
  const auto left = *store->volumes();
  ASSERT_EQ(left.size(), 2U);
  for (const Volume& volume : left) EXPECT_TRUE(volume.deleted_at.has_value());
  const auto elsewhere = make_world(*store, "elsewhere");
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return t.restore_volume(data, elsewhere.environment);
              }).ok());
  EXPECT_NE(store->project(elsewhere.project.id.str())->volume(elsewhere.environment, "data"),
            nullptr);
}

TEST_F(StoreVolumes, ArePurgedOnlyAfterTheirGraceAndNeverRestoredThen) {
  const VolumeId data = create("data");
  const TimePoint later = system_clock().now() + std::chrono::hours(1);
  EXPECT_FALSE(*store->claim_volume_purge(data, later)) << "it is not deleted";
  ASSERT_TRUE(remove(data).ok());
  EXPECT_FALSE(*store->claim_volume_purge(data, *seen(data)->deleted_at)) << "not before";
  ASSERT_TRUE(store->record_volume_purged(data).ok());
  EXPECT_TRUE(seen(data).has_value()) << "it was not claimed";
  EXPECT_TRUE(*store->claim_volume_purge(data, later));
  EXPECT_EQ(reason(restore(data)), "volume_purged");
  ASSERT_TRUE(store->record_volume_purged(data).ok());
  EXPECT_FALSE(seen(data).has_value());
}

TEST_F(StoreVolumes, TellWhenTheyFill) {
  const std::int64_t mebibyte = 1024 * 1024;
  const VolumeId data = create("data", 100 * mebibyte);
  const auto warnings = [&] {
    int count = 0;
    const auto all = *store->events({}, "", 1000);
    for (const Event& event : all) count += event.type == "volume.filling" ? 1 : 0;
    return count;
  };
  for (const auto& [used, expected] : std::vector<std::pair<int, int>>{
           {50, 0}, {79, 0}, {81, 1}, {85, 1}, {91, 2}, {70, 2}, {96, 3}}) {
    ASSERT_TRUE(store->record_volume_usage(data, used * mebibyte).ok());
    EXPECT_EQ(warnings(), expected) << used;
  }
}

TEST_F(StoreVolumes, ACopiedEnvironmentGetsEmptyOnes) {
  const VolumeId data = create("data");
  ASSERT_TRUE(attach(data, one).ok());
  const auto copy = write(*store, [&](Transaction& t) -> Result<Environment> {
    auto made = t.create_environment(world.project.id, name_of("staging"));
    if (!made) return made;
    if (const auto copied = t.copy_environment(world.environment, made->id); !copied)
      return copied.error();
    return made;
  });
  ASSERT_TRUE(copy.ok()) << copy.error().detail;
  const auto project = store->project(world.project.id.str());
  const Volume* made = project->volume(copy->id, "data");
  ASSERT_NE(made, nullptr);
  EXPECT_NE(made->id, data);
  EXPECT_EQ(made->mount_path, "/data");
  EXPECT_FALSE(made->made);
}

}  // namespace
}  // namespace gantry
