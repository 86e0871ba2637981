// What builds write, on files in place of the kernel's and the engine's.
#include "runtime/build/written.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

namespace gantry {
namespace {

namespace fs = std::filesystem;

class BuildWrittenTest : public ::testing::Test {
 protected:
  BuildWrittenTest() {
    char pattern[] = "/tmp/gantry-written.XXXXXX";
    root_ = mkdtemp(pattern);
    fs::create_directories(root_ + "/steps");
    written_ = std::make_unique<BuildWritten>(WrittenPlaces{
        .cgroup = root_ + "/steps", .engine_root = root_ + "/engine", .proc = root_ + "/proc"});
  }
  ~BuildWrittenTest() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string layer(const std::string& name) { return "/engine/overlay2/" + name + "/diff"; }
  // A step that runs with these mounts.
  void step(const std::string& name, const std::string& process, const std::string& mounts) {
    put("/steps/" + name + "/cgroup.procs", process + "\n");
    put("/proc/" + process + "/mountinfo", mounts);
  }
  std::string overlay(const std::string& name, const std::string& point = "/") {
    return "1 2 0:50 / " + point +
           " rw,relatime - overlay overlay rw,lowerdir=/x:/y,upperdir=" + root_ + layer(name) +
           ",workdir=/w\n";
  }
  void write(const std::string& name, std::size_t kilobytes, const std::string& file = "file") {
    put(layer(name) + "/" + file, std::string(kilobytes * 1024, 'x'));
  }
  // After the pause between two measures.
  std::int64_t later() {
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    return written_->bytes();
  }

  std::string root_;
  std::unique_ptr<BuildWritten> written_;
};

TEST_F(BuildWrittenTest, CountsTheStepsFoldersAndNothingElse) {
  write("mine", 100);
  write("strange", 5000);
  step("one", "11",
       "0 0 0:1 /other /data rw - ext4 /dev/a rw\n" + overlay("mine") +
           overlay("strange", "/somewhere/merged"));
  EXPECT_NEAR(static_cast<double>(written_->bytes()), 100 * 1024, 16384);
  write("mine", 300, "deep/er/file");
  EXPECT_NEAR(static_cast<double>(later()), 400 * 1024, 32768);
}

TEST_F(BuildWrittenTest, WhatRanBeforeIsAnothers) {
  step("before", "10", overlay("theirs"));
  write("theirs", 500);
  written_ = std::make_unique<BuildWritten>(WrittenPlaces{
      .cgroup = root_ + "/steps", .engine_root = root_ + "/engine", .proc = root_ + "/proc"});
  step("mine", "11", overlay("mine"));
  write("mine", 100);
  EXPECT_NEAR(static_cast<double>(written_->bytes()), 100 * 1024, 16384);
}

TEST_F(BuildWrittenTest, StepsThatHaveEndedStayCounted) {
  step("one", "11", overlay("a"));
  write("a", 100);
  written_->bytes();
  write("a", 200, "last");
  fs::remove_all(root_ + "/steps/one");
  EXPECT_NEAR(static_cast<double>(later()), 300 * 1024, 16384) << "measured once more";
  fs::remove_all(root_ + "/engine/overlay2/a");
  step("two", "12", overlay("b"));
  write("b", 50);
  EXPECT_NEAR(static_cast<double>(later()), 350 * 1024, 32768);
}

TEST_F(BuildWrittenTest, OfACacheOnlyWhatIsNew) {
  write("cache", 700);
  const std::string cache = "3 2 8:1 /var/engine/overlay2/cache/diff /cache rw - ext4 /dev/a rw\n";
  step("one", "11", cache + overlay("a"));
  EXPECT_LT(written_->bytes(), 16384);
  write("cache", 100, "new");
  EXPECT_NEAR(static_cast<double>(later()), 100 * 1024, 16384);
}

TEST_F(BuildWrittenTest, AStepThatBeginsIsLookedAtAgain) {
  step("one", "11", "1 2 8:1 / / rw - ext4 /dev/a rw\n");  // the machine's own mounts
  write("a", 100);
  EXPECT_EQ(written_->bytes(), 0);
  step("one", "11", overlay("a"));
  EXPECT_GT(later(), 0);
}

TEST_F(BuildWrittenTest, PathsOfManyLayersAreShort) {
  write("a", 100);
  step("one", "11", "1 2 0:50 / / rw - overlay overlay rw,lowerdir=l/X:l/Y,upperdir=a/diff\n");
  EXPECT_GT(written_->bytes(), 0);
}

TEST_F(BuildWrittenTest, AFileWithTwoNamesCountsOnce) {
  write("a", 100);
  fs::create_hard_link(root_ + layer("a") + "/file", root_ + layer("a") + "/again");
  EXPECT_NEAR(static_cast<double>(bytes_on_disk(root_ + layer("a"))), 100 * 1024, 4096);
  EXPECT_EQ(bytes_on_disk(root_ + "/nowhere"), 0);
}

}  // namespace
}  // namespace gantry
