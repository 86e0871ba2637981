// What every driver's volumes promise (runtime/volumes.hpp), on the simulation and on a real Docker
// Engine: an empty one never stands in for one that is gone, and one has one writer.
#include <gtest/gtest.h>

#include "tests/support/driver_bench.hpp"

namespace gantry::testing {
namespace {

class VolumesDriverConformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "sim")
      bench_ = make_sim_bench();
    else
      bench_ = std::make_unique<DockerBench>();
  }
  Driver& driver() { return bench_->driver(); }
  Volumes& volumes() { return bench_->volumes(); }
  ContainerSpec spec_with(const VolumeId& id) {
    ContainerSpec spec = bench_->spec();
    spec.mounts = {{.volume_id = id, .path = "/data", .made = true}};
    return spec;
  }
  std::string refusal(const ContainerSpec& spec) {
    const auto started = driver().start(spec);
    return started ? "started" : started.error().reason;
  }
  static VolumeId new_id() { return VolumeId::make(system_clock().now()); }
  std::unique_ptr<DriverBench> bench_;
};

INSTANTIATE_TEST_SUITE_P(Engines, VolumesDriverConformance, ::testing::Values("sim", "docker"),
                         [](const auto& engine) { return engine.param; });

TEST_P(VolumesDriverConformance, AreMadeOnceAndRemovedOnce) {
  const VolumeId one = new_id(), two = new_id();
  EXPECT_TRUE(volumes().list()->empty());
  EXPECT_TRUE(volumes().remove(one).ok()) << "gone already";
  ASSERT_TRUE(volumes().create(two).ok());
  ASSERT_TRUE(volumes().create(one).ok());
  bench_->write(one, "kept");
  ASSERT_TRUE(volumes().create(one).ok());
  EXPECT_EQ(bench_->read(one), "kept") << "what is there stays as it is";
  EXPECT_EQ(*volumes().list(), (std::vector{std::min(one, two), std::max(one, two)}));
  EXPECT_TRUE(volumes().remove(one).ok());
  EXPECT_TRUE(volumes().remove(one).ok());
  EXPECT_EQ(*volumes().list(), std::vector{two});
}

TEST_P(VolumesDriverConformance, NothingStartsWithoutItsVolume) {
  const VolumeId id = new_id();
  EXPECT_EQ(refusal(spec_with(id)), "volume_missing");
  EXPECT_TRUE(volumes().list()->empty()) << "and none is made by the way";
  EXPECT_TRUE(driver().list()->empty());
}

TEST_P(VolumesDriverConformance, OneIsInOneContainer) {
  const VolumeId id = new_id();
  ASSERT_TRUE(volumes().create(id).ok());
  bench_->write(id, "first");
  const ContainerSpec first = spec_with(id), second = spec_with(id);
  const auto container = driver().start(first);
  ASSERT_TRUE(container.ok()) << container.error().detail;
  EXPECT_EQ(container->volumes, std::vector{id});
  EXPECT_EQ(driver().list()->front().volumes, std::vector{id});
  EXPECT_EQ(refusal(first), "started") << "it is its own";
  EXPECT_EQ(refusal(second), "volume_in_use");
  EXPECT_EQ(volumes().remove(id).error().reason, "volume_in_use");
  ASSERT_TRUE(bench_->stop(first.key).ok());
  EXPECT_EQ(volumes().remove(id).error().reason, "volume_in_use") << "its container is still there";
  EXPECT_EQ(refusal(second), "started");
  EXPECT_EQ(refusal(first), "volume_in_use");
  ASSERT_TRUE(bench_->stop(second.key).ok());
  ASSERT_TRUE(driver().remove(first.key).ok());
  ASSERT_TRUE(driver().remove(second.key).ok());
  EXPECT_EQ(bench_->read(id), "first") << "containers go, it stays";
  EXPECT_TRUE(volumes().remove(id).ok());
}

TEST_P(VolumesDriverConformance, SeveralAreMountedAtOnce) {
  const VolumeId one = new_id(), two = new_id();
  ASSERT_TRUE(volumes().create(one).ok());
  ASSERT_TRUE(volumes().create(two).ok());
  ContainerSpec spec = spec_with(two);
  spec.mounts.push_back({.volume_id = one, .path = "/data/inner", .made = true});
  const auto container = driver().start(spec);
  ASSERT_TRUE(container.ok()) << container.error().detail;
  EXPECT_EQ(container->volumes, (std::vector{std::min(one, two), std::max(one, two)}));
}

TEST_P(VolumesDriverConformance, TheirUseIsMeasured) {
  const VolumeId empty = new_id(), full = new_id();
  ASSERT_TRUE(volumes().create(empty).ok());
  ASSERT_TRUE(volumes().create(full).ok());
  bench_->write(full, std::string(3'000'000, 'x'));
  const auto used = volumes().usage();
  ASSERT_TRUE(used.ok()) << used.error().detail;
  EXPECT_EQ(used->size(), 2U);
  EXPECT_LT(used->at(empty), 100'000);
  EXPECT_GE(used->at(full), 3'000'000);
  EXPECT_LT(used->at(full), 3'200'000);
  if (GetParam() == "sim") return;
  volumes().stop();
  EXPECT_EQ(volumes().usage().error().reason, "interrupted");
}

TEST_P(VolumesDriverConformance, AnotherInstallationsAreNotSeen) {
  const VolumeId id = new_id();
  const auto other = bench_->other_volumes();
  ASSERT_TRUE(other->create(id).ok());
  EXPECT_TRUE(volumes().list()->empty());
  EXPECT_EQ(refusal(spec_with(id)), "volume_missing");
  EXPECT_EQ(other->list()->size(), 1U);
  EXPECT_TRUE(other->remove(id).ok());
}

}  // namespace
}  // namespace gantry::testing
