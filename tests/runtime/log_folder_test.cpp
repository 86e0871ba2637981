#include "runtime/log_folder.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/logs.hpp"

namespace gantry {
namespace {

class LogsFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/gantry-logs-XXXXXX";
    root = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(root); }

  std::string root;
};

ReplicaKey key(int second) {
  return {DeploymentId::make(TimePoint(Seconds(1'900'000'000 + second))), 0, 0};
}

TEST_F(LogsFolder, OldReplicasMakeRoomForNewOnes) {
  LogOptions options;
  options.directory = root;
  options.replica_bytes = 64 * 1024;
  options.instance_bytes = 256 * 1024;
  const auto logs = make_file_logs(options);
  const InstanceId instance = InstanceId::make(TimePoint(Seconds(1)));
  ReplicaKey newest;
  for (int i = 0; i < 70; ++i) {  // more than are kept open at once
    newest = key(i);
    for (int line = 0; line < 40; ++line)
      logs->append(instance, newest, TimePoint(Seconds(2'000'000'000 + i)), false,
                   std::string(1000, 'x'));
  }
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root + "/" + instance.str()))
    bytes += entry.file_size();
  EXPECT_LT(bytes, 70u * 40 * 1000) << "something was given up";
  EXPECT_TRUE(replicas_on_disk(root + "/" + instance.str()).contains(newest));
}

TEST_F(LogsFolder, TheOldestGoFirstAndTheKeptStay) {
  const ReplicaKey a = key(1), b = key(2), c = key(3);
  for (const ReplicaKey& one : {a, b, c})
    std::ofstream(log_path(root, one, ".log")) << std::string(1000, 'x');
  std::ofstream(root + "/readme.txt") << "not ours";
  trim_logs(root, 2500, {});
  EXPECT_EQ(replicas_on_disk(root), (std::set<ReplicaKey>{b, c}));
  trim_logs(root, 500, {b});
  EXPECT_EQ(replicas_on_disk(root), (std::set<ReplicaKey>{b}));
  EXPECT_TRUE(std::filesystem::exists(root + "/readme.txt"));
}

}  // namespace
}  // namespace gantry
