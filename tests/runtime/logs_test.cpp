#include "runtime/logs.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "runtime/log_lines.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

class LogsFile : public ::testing::Test {
 protected:
  LogsFile() { open(); }
  ~LogsFile() override {
    logs_.reset();
    ::umount2(directory_.c_str(), MNT_DETACH);  // where a test mounted something
    fs::remove_all(directory_);
  }
  void open(std::uint64_t replica_bytes = 10 * 1024 * 1024) {
    logs_ = make_file_logs({.directory = directory_, .replica_bytes = replica_bytes});
  }
  void append(const std::string& text, int ordinal = 0, bool is_error = false) {
    at_ += Duration(1000);
    logs_->append(instance_, key(ordinal), at_, is_error, text);
  }
  ReplicaKey key(int ordinal) const { return {deployment_, 0, ordinal}; }
  LogQuery query(int limit = 1000) const {
    LogQuery query;
    query.instance_id = instance_;
    query.limit = limit;
    return query;
  }
  std::vector<LogLine> lines(const LogQuery& query) {
    auto read = logs_->read(query);
    EXPECT_TRUE(read.ok());
    return *read;
  }
  std::vector<std::string> texts(const LogQuery& query) {
    std::vector<std::string> texts;
    for (const LogLine& line : lines(query)) texts.push_back(line.text);
    return texts;
  }
  static std::vector<std::string> numbers(int from, int to) {
    std::vector<std::string> texts;
    for (int i = from; i <= to; ++i) texts.push_back(std::to_string(i));
    return texts;
  }

  const InstanceId instance_ = InstanceId::make(system_clock().now());
  const DeploymentId deployment_ = DeploymentId::make(system_clock().now());
  const std::string directory_ = (fs::temp_directory_path() / instance_.str()).string();
  TimePoint at_ = TimePoint(Seconds(1795371960));
  std::unique_ptr<Logs> logs_;
};

TEST_F(LogsFile, GivesTheNewestLinesOldestFirst) {
  EXPECT_TRUE(texts(query()).empty());
  for (int i = 1; i <= 5000; ++i) append(std::to_string(i), i % 3);
  EXPECT_EQ(texts(query(10)), numbers(4991, 5000)) << "from memory";
  EXPECT_EQ(texts(query(3000)), numbers(2001, 5000)) << "memory and files";
  open();
  EXPECT_EQ(texts(query(3000)), numbers(2001, 5000)) << "files";
  append("5001");
  EXPECT_EQ(texts(query(6000)), numbers(1, 5001));
}

TEST_F(LogsFile, SequencesAscendAcrossFilesAndMemory) {
  for (int i = 1; i <= 2000; ++i) append(std::to_string(i), i % 2);
  open();
  for (int i = 2001; i <= 2100; ++i) append(std::to_string(i), i % 2);
  const auto found = lines(query(1500));
  ASSERT_EQ(found.size(), 1500u);
  for (std::size_t i = 1; i < found.size(); ++i)
    EXPECT_EQ(found[i].sequence, found[i - 1].sequence + 1);
}

TEST_F(LogsFile, FiltersByReplicaDeploymentAndTime) {
  for (int i = 1; i <= 100; ++i) append(std::to_string(i), i % 2);
  LogQuery replica = query(3);
  replica.replica_id = key(1).id();
  EXPECT_EQ(texts(replica), (std::vector<std::string>{"95", "97", "99"}));
  LogQuery since = query();
  since.since = at_ - Duration(2000);
  EXPECT_EQ(texts(since), numbers(98, 100));
  LogQuery deployment = query();
  deployment.deployment_id = DeploymentId::make(system_clock().now());
  EXPECT_TRUE(texts(deployment).empty());
  open();
  EXPECT_EQ(texts(replica), (std::vector<std::string>{"95", "97", "99"}));
  EXPECT_EQ(texts(since), numbers(98, 100));
  replica.replica_id = "../../etc/passwd";
  EXPECT_TRUE(texts(replica).empty());
}

TEST_F(LogsFile, AnyBytesSurvive) {
  std::mt19937 random(7);
  std::vector<std::string> written = {"",    "\n", "\\n", "\\", "a\nb\\c", std::string("\0x\0", 3),
                                      "\r\n"};
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (std::size_t n = random() % 100; n > 0; --n) text += static_cast<char>(random() % 256);
    written.push_back(text);
  }
  for (const std::string& text : written) append(text, 0, text.size() % 2 == 1);
  EXPECT_EQ(texts(query()), written);
  open();
  EXPECT_EQ(texts(query()), written);
  for (const LogLine& line : lines(query())) EXPECT_EQ(line.is_error, line.text.size() % 2 == 1);
}

TEST_F(LogsFile, LongLinesComeInParts) {
  append(std::string(150000, 'x'));
  const auto found = lines(query());
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].text.size(), 65536u);
  EXPECT_EQ(found[0].text.size() + found[1].text.size() + found[2].text.size(), 150000u);
}

TEST_F(LogsFile, KeepsTwoHalvesPerReplica) {
  open(100 * 1024);
  for (int i = 1; i <= 20000; ++i) append(std::to_string(i));
  std::uintmax_t bytes = 0;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(directory_ + "/" + instance_.str())) {
    bytes += entry.file_size();
    ++files;
  }
  EXPECT_EQ(files, 2);
  EXPECT_LE(bytes, 100u * 1024 + 200);
  EXPECT_GE(bytes, 50u * 1024);
  const auto kept = texts(query(100000));
  EXPECT_EQ(kept, numbers(20001 - static_cast<int>(kept.size()), 20000));
  EXPECT_GT(kept.size(), 1400u);
}

TEST_F(LogsFile, KnowsTheNewestLine) {
  EXPECT_FALSE(logs_->newest(instance_, key(0)));
  append("a");
  EXPECT_EQ(logs_->newest(instance_, key(0)), at_);
  open();
  EXPECT_EQ(logs_->newest(instance_, key(0)), at_);
  EXPECT_FALSE(logs_->newest(instance_, key(1)));
}

TEST_F(LogsFile, RemovesAnInstance) {
  append("a");
  logs_->remove(instance_);
  EXPECT_TRUE(texts(query()).empty());
  EXPECT_FALSE(fs::exists(directory_ + "/" + instance_.str()));
  append("b");
  EXPECT_EQ(texts(query()), std::vector<std::string>{"b"});
}

TEST_F(LogsFile, AFullDiskLosesLinesOnDiskOnly) {
  fs::create_directories(directory_);
  ASSERT_EQ(::mount("gantry-test", directory_.c_str(), "tmpfs", 0, "size=64k"), 0) << "needs root";
  const std::string filler(1000, 'f');
  for (int i = 0; i < 100; ++i) append(filler);
  for (int i = 1; i <= 10; ++i) append(filler + std::to_string(i));
  auto newest = texts(query(10));
  EXPECT_EQ(newest.size(), 10u);
  EXPECT_EQ(newest.back(), filler + "10");
  EXPECT_EQ(texts(query(500)).size(), 110u) << "memory has all of them";
  ASSERT_EQ(::mount("gantry-test", directory_.c_str(), "tmpfs", MS_REMOUNT, "size=10m"), 0);
  append("11");
  open();
  const auto after = texts(query(500));
  ASSERT_GE(after.size(), 2u);
  EXPECT_LT(after.size(), 70u);
  EXPECT_EQ(after.back(), "11");
  const std::string& notice = after[after.size() - 2];
  EXPECT_TRUE(notice.starts_with("gantry: ")) << notice;
  EXPECT_NE(notice.find(std::to_string(110 - (after.size() - 2)) + " lines"), std::string::npos)
      << notice;
}

TEST_F(LogsFile, AnUnusableFolderNeverLosesTheNewest) {
  fs::create_directories(directory_);
  std::ofstream(directory_ + "/" + instance_.str()) << "in the way";
  append("1");
  append("2");
  EXPECT_EQ(texts(query()), numbers(1, 2));
  fs::remove(directory_ + "/" + instance_.str());
  append("3");
  const auto kept = texts(query());
  ASSERT_EQ(kept.size(), 4u);
  EXPECT_TRUE(kept[2].starts_with("gantry: 2 lines")) << kept[2];
  EXPECT_EQ(kept[3], "3");
}

TEST_F(LogsFile, ADamagedLineIsSkipped) {
  append("1");
  const std::string path = directory_ + "/" + instance_.str() + "/" + key(0).id() + ".log";
  std::ofstream(path, std::ios::app) << "\x01\x02 not a line\n2026-11-22T\n";
  open();
  append("2");
  EXPECT_EQ(texts(query()), numbers(1, 2));
}

TEST_F(LogsFile, FollowersGetEachLineUntilTheyLeave) {
  std::vector<std::string> heard;
  auto handle = logs_->follow(instance_, [&](const LogLine& line) { heard.push_back(line.text); });
  auto self = std::make_shared<std::shared_ptr<void>>();
  *self = logs_->follow(instance_, [self](const LogLine&) { self->reset(); });
  for (int i = 1; i <= 3; ++i) append(std::to_string(i));
  EXPECT_EQ(heard, numbers(1, 3));
  handle.reset();
  append("4");
  EXPECT_EQ(heard.size(), 3u);
}

TEST_F(LogsFile, ManyThreadsAppendAndRead) {
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([this, t] {
        for (int i = 0; i < 500; ++i) {
          logs_->append(instance_, key(t), system_clock().now(), false, std::to_string(i));
          if (i % 50 == 0) {
            EXPECT_TRUE(logs_->read(query()).ok());
          }
        }
      });
  }
  EXPECT_EQ(texts(query(5000)).size(), 2000u);
}

}  // namespace
}  // namespace gantry
