// The keeper on a real store and a simulated engine: data goes when its grace is over, never
// before, and never what no row names.
#include "scheduler/volume_keeper.hpp"

#include <gtest/gtest.h>

#include "runtime/sim/driver.hpp"
#include "runtime/sim/volumes.hpp"
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

class StoreVolumeKeeper : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store_ = open();
    world_ = make_world(*store_);
    volumes_.emplace(engine_, store_->installation());
  }
  VolumeId make(const std::string& name, std::int64_t size_bytes = 0) {
    const auto made = write(*store_, [&](Transaction& t) {
      return t.create_volume({world_.environment, name_of(name), size_bytes});
    });
    EXPECT_TRUE(made.ok());
    EXPECT_TRUE(volumes_->create(made->id).ok());
    EXPECT_TRUE(store_->record_volume_made(made->id).ok());
    engine_.write(made->id, "/kept", name);
    return made->id;
  }
  void erase(const VolumeId& id) {
    ASSERT_TRUE(write(*store_, [&](Transaction& t) { return t.delete_volume(id, {}); }).ok());
  }
  Result<Volume> restore(const VolumeId& id) {
    return write(*store_, [&](Transaction& t) { return t.restore_volume(id, world_.environment); });
  }
  VolumeKeeper keeper() {
    return {*store_, *volumes_, {.grace = Seconds(3600), .log = [this](const std::string& line) {
                                   log_ += line + "\n";
                                 }}};
  }
  static TimePoint in(Seconds span) { return system_clock().now() + span; }
  std::vector<std::string> events(const std::string& type) {
    std::vector<std::string> found;
    const auto events = store_->events({}, "", 200);
    for (const Event& event : *events)
      if (event.type == type) found.push_back(event.message);
    return found;
  }

  SimEngine engine_{system_clock()};
  std::unique_ptr<Store> store_;
  World world_;
  std::optional<SimVolumes> volumes_;
  std::string log_;
};

TEST_F(StoreVolumeKeeper, PurgesWhatIsDeletedWhenItsGraceIsOver) {
  const VolumeId kept = make("kept"), gone = make("gone"), back = make("back");
  erase(gone);
  erase(back);
  auto keeper = this->keeper();
  keeper.purge(in(Seconds(3000)));
  EXPECT_EQ(engine_.read(gone, "/kept"), "gone") << "within its grace";
  ASSERT_TRUE(restore(back).ok());
  keeper.purge(in(Seconds(3700)));
  EXPECT_FALSE(engine_.read(gone, "/kept"));
  EXPECT_EQ(engine_.read(kept, "/kept"), "kept");
  EXPECT_EQ(engine_.read(back, "/kept"), "back") << "restored";
  EXPECT_EQ(store_->volumes()->size(), 2U);
  EXPECT_EQ(events("volume.purged").size(), 1U);
  EXPECT_FALSE(restore(gone).ok());
}

TEST_F(StoreVolumeKeeper, OutlivesItsProjectUntilThen) {
  const VolumeId id = make("data");
  ASSERT_TRUE(
      write(*store_, [&](Transaction& t) { return t.delete_project(world_.project.id, {}); }).ok());
  auto keeper = this->keeper();
  keeper.purge(in(Seconds(3000)));
  EXPECT_EQ(engine_.read(id, "/kept"), "data");
  keeper.purge(in(Seconds(3700)));
  EXPECT_FALSE(engine_.read(id, "/kept"));
  EXPECT_TRUE(store_->volumes()->empty());
}

TEST_F(StoreVolumeKeeper, WhatIsStillInAContainerWaits) {
  const VolumeId id = make("data");
  engine_.add_image("web", {});
  SimDriver driver(engine_, store_->installation());
  ContainerSpec spec;
  spec.key = {DeploymentId::make(TimePoint()), 0, 0};
  spec.image = "web";
  spec.mounts = {{id, "/data", true}};
  ASSERT_TRUE(driver.start(spec).ok());
  erase(id);
  auto keeper = this->keeper();
  keeper.purge(in(Seconds(3700)));
  EXPECT_EQ(engine_.read(id, "/kept"), "data");
  EXPECT_NE(log_.find("volume not purged"), std::string::npos) << log_;
  EXPECT_EQ(restore(id).error().reason, "volume_purged") << "it was claimed";
  engine_.destroy(spec.key);
  keeper.purge(in(Seconds(3700)));
  EXPECT_FALSE(engine_.read(id, "/kept"));
  EXPECT_TRUE(store_->volumes()->empty());
}

TEST_F(StoreVolumeKeeper, ADaemonThatDiesInBetweenGoesOn) {
  const VolumeId id = make("data");
  erase(id);
  ASSERT_TRUE(*store_->claim_volume_purge(id, in(Seconds(1))));
  ASSERT_TRUE(volumes_->remove(id).ok());
  keeper().purge(in(Seconds(3700)));
  EXPECT_TRUE(store_->volumes()->empty());
}

TEST_F(StoreVolumeKeeper, WhatNoRowNamesIsToldOnceAndLeftAlone) {
  const VolumeId strange = VolumeId::make(TimePoint()), lost = make("lost");
  ASSERT_TRUE(volumes_->create(strange).ok());
  engine_.lose_volume(lost);
  auto keeper = this->keeper();
  keeper.purge(in(Seconds(100'000)));
  keeper.purge(in(Seconds(100'000)));
  EXPECT_EQ(*volumes_->list(), std::vector{strange});
  EXPECT_EQ(log_, "volume of nobody on the engine volume=" + strange.str() +
                      ": it is left alone\nvolume lost volume=" + lost.str() +
                      " name=lost: somebody removed it from the engine\n");
}

TEST_F(StoreVolumeKeeper, MeasuresAndWarnsOnTheWayUp) {
  const VolumeId id = make("data", 100'000'000);
  auto keeper = this->keeper();
  const auto fill = [&](std::size_t bytes) {
    engine_.write(id, "/kept", std::string(bytes, 'x'));
    keeper.measure();
  };
  fill(50'000'000);
  EXPECT_EQ(*store_->volumes()->front().used_bytes, 50'000'000);
  EXPECT_TRUE(events("volume.filling").empty());
  fill(85'000'000);
  fill(86'500'000);
  EXPECT_EQ(events("volume.filling").size(), 1U) << "once a step";
  fill(96'000'000);
  ASSERT_EQ(events("volume.filling").size(), 2U);
  EXPECT_NE(events("volume.filling")[1].find("96%"), std::string::npos);
  engine_.set_down(true);
  keeper.measure();
  EXPECT_NE(log_.find("not measured"), std::string::npos);
  EXPECT_EQ(*store_->volumes()->front().used_bytes, 96'000'000) << "what is known stays";
}

}  // namespace
}  // namespace gantry
