#include "store/edits.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

const TimePoint kNow = TimePoint(Seconds(1'000));

struct StoreEdits : testing::Test {
  StoreEdits() {
    volume.id = VolumeId::make(kNow);
    volume.name = *Name::parse("data");
    put();
  }
  void put() {
    reindex();
    edits::put_volume(project, volume);
  }
  void reindex() { project.index = std::make_shared<const SnapshotIndex>(project); }
  bool indexed() const { return project.index != nullptr; }

  ProjectSnapshot project;
  Volume volume;
};

TEST_F(StoreEdits, AVolumeDropsTheIndexWhenAnotherMountsIt) {
  EXPECT_FALSE(indexed()) << "it is new";
  const InstanceId instance = InstanceId::make(kNow);
  volume.instance_id = instance;
  put();
  EXPECT_FALSE(indexed());
  reindex();
  EXPECT_EQ(project.volumes_of(instance).size(), 1U);

  volume.deleted_at = kNow;
  put();
  EXPECT_FALSE(indexed());
  reindex();
  EXPECT_TRUE(project.volumes_of(instance).empty());

  edits::drop_volume(project, volume.id);
  EXPECT_FALSE(indexed());
}

TEST_F(StoreEdits, WhatAVolumeHoldsLeavesTheIndex) {
  const InstanceId instance = InstanceId::make(kNow);
  volume.instance_id = instance;
  volume.mount_path = "/old";
  put();
  volume.used_bytes = 1;
  volume.made = true;
  volume.mount_path = "/new";
  put();
  EXPECT_TRUE(indexed());
  ASSERT_EQ(project.volumes_of(instance).size(), 1U);
  EXPECT_EQ(project.volumes_of(instance)[0]->mount_path, "/new");
}

}  // namespace
}  // namespace gantry
