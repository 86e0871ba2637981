#include "runtime/build/limits.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace gantry {
namespace {

namespace fs = std::filesystem;

// Files in place of the kernel's hierarchies of cgroup v1.
class BuildLimitsTest : public testing::Test {
 protected:
  BuildLimitsTest() {
    char pattern[] = "/tmp/gantry-cgroup.XXXXXX";
    root_ = mkdtemp(pattern);
    limits_.cgroup_root = root_;
    limits_.memory_bytes = 64LL << 20;
  }
  ~BuildLimitsTest() override { fs::remove_all(root_); }

  void highest_use(std::int64_t bytes) {
    std::ofstream(root_ + "/memory/docker/buildkit/memory.max_usage_in_bytes") << bytes;
  }

  std::string root_;
  BuildLimits limits_;
};

TEST_F(BuildLimitsTest, ACacheThatFillsTheCgroupBeforeABuildHidesNoHit) {
  BuildCgroup cgroup(limits_);
  ASSERT_TRUE(cgroup.apply().ok());
  highest_use(limits_.memory_bytes);  // what the mark falls back to: files in the cache
  const BuildCgroup::Hits before = cgroup.baseline();
  EXPECT_GT(cgroup.hits().memory, before.memory);
}

TEST_F(BuildLimitsTest, UseBelowTheLimitIsNoHit) {
  BuildCgroup cgroup(limits_);
  ASSERT_TRUE(cgroup.apply().ok());
  highest_use(limits_.memory_bytes / 2);
  EXPECT_EQ(cgroup.hits().memory, cgroup.baseline().memory);
}

}  // namespace
}  // namespace gantry
