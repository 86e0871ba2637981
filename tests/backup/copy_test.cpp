// When a copy is good, and what is left when it is not.
#include "runtime/backup/copy.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "runtime/build/sha256.hpp"
#include "tests/backup/fake_exec.hpp"
#include "tests/backup/streams.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/s3_store.hpp"

namespace gantry::testing {
namespace {

namespace fs = std::filesystem;

VaultKey key_of(unsigned char seed) {
  std::array<unsigned char, 32> master{};
  master.fill(seed);
  return VaultKey::of(master);
}

class TextOrigin final : public Origin {
 public:
  explicit TextOrigin(std::string text, Result<> end = done())
      : source_(std::move(text)), end_(std::move(end)) {}
  Result<std::string> read() override { return source_.read(); }
  Result<> finish() override { return end_; }

 private:
  TextSource source_;
  const Result<> end_;
};

class BackupCopy : public ::testing::Test {
 protected:
  BackupCopy() : folder_(std::move(*make_directory_destination(directory_.path() + "/backups"))) {}

  Result<Copied> take(const std::string& text, Result<> end = done()) {
    TextOrigin origin(text, std::move(end));
    return take_copy(origin, key_, *folder_, "shop/bak_1.gantry", "bak_1");
  }
  Result<std::string> give(const Copied& copied, const VaultKey& key) {
    const auto plain = open_copy(copied, key, *folder_, "shop/bak_1.gantry", "bak_1");
    if (!plain) return plain.error();
    return read_all(**plain);
  }
  std::string file() const { return directory_.path() + "/backups/shop/bak_1.gantry"; }
  // Whatever there is below the destination.
  int files() const {
    int count = 0;
    for (const auto& one : fs::recursive_directory_iterator(directory_.path() + "/backups"))
      count += one.is_regular_file() ? 1 : 0;
    return count;
  }
  std::string reason(const Result<Copied>& result) const {
    return result ? "" : result.error().reason;
  }

  TemporaryDirectory directory_;
  const VaultKey key_ = key_of(1);
  std::unique_ptr<Destination> folder_;
};

TEST_F(BackupCopy, AGoodOneComesBack) {
  const std::string text = noise(3000000);
  const auto copied = take(text);
  ASSERT_TRUE(copied) << copied.error().detail;
  EXPECT_EQ(copied->bytes, 3000000);
  EXPECT_EQ(copied->sha256, sha256_hex(text));
  EXPECT_EQ(copied->stored_bytes, static_cast<std::int64_t>(fs::file_size(file())));
  EXPECT_EQ(*give(*copied, key_), text);
  EXPECT_EQ(give(*copied, key_of(2)).error().reason, "wrong_key");
  EXPECT_EQ(fs::status(file()).permissions() & fs::perms::all, fs::perms(0600));
}

TEST_F(BackupCopy, AProgramThatFailedLeavesNothing) {
  EXPECT_EQ(reason(take(noise(3000000), Error{Code::conflict, "program_failed", "137"})),
            "program_failed");
  EXPECT_EQ(files(), 0);
  EXPECT_EQ(reason(take("")), "empty_copy");
  EXPECT_EQ(files(), 0);
}

TEST_F(BackupCopy, AnOlderOneStaysWhenANewOneFails) {
  const auto copied = take("old");
  ASSERT_TRUE(copied);
  TextOrigin origin(noise(100000), Error{Code::conflict, "program_failed", "137"});
  EXPECT_FALSE(take_copy(origin, key_, *folder_, "shop/bak_2.gantry", "bak_2").ok());
  EXPECT_EQ(*give(*copied, key_), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(BackupCopy, WhatWasAlteredAtItsPlaceIsFound) {
  const auto copied = take(noise(600000));
  ASSERT_TRUE(copied);
  const auto check = [&] {
    const auto checked = check_copy(*copied, key_, *folder_, "shop/bak_1.gantry", "bak_1");
    return checked ? std::string() : checked.error().reason;
  };
  EXPECT_EQ(check(), "");
  {
    std::fstream stored(file(), std::ios::in | std::ios::out | std::ios::binary);
    stored.seekp(300000);
    stored.put('\x5a');
  }
  EXPECT_EQ(check(), "backup_altered");
  fs::resize_file(file(), 400000);
  EXPECT_EQ(check(), "checksum_differs");
  fs::remove(file());
  EXPECT_EQ(check(), "not_found");
}

TEST_F(BackupCopy, AnotherCopyOfTheSameSizeIsNotIt) {
  const auto first = take(noise(1000));
  ASSERT_TRUE(first);
  ASSERT_TRUE(take(std::string(1000, 'x')));
  EXPECT_EQ(give(*first, key_).error().reason, "checksum_differs");
}

// Half of it arrives, and the store says that all is well.
TEST_F(BackupCopy, HalfAnObjectIsFoundByReadingItAgain) {
  S3StandIn store;
  auto bucket = std::move(*make_s3_destination(store.options()));
  for (const auto* op : {"put_object", "complete"}) {
    store.faults(std::string(R"([{"op":")") + op + R"(","kind":"half_kept","count":1}])");
    TextOrigin origin(noise(std::string(op) == "complete" ? 500000 : 5000));
    const auto copied = take_copy(origin, key_, *bucket, "a.gantry", "bak_1");
    EXPECT_EQ(reason(copied), "checksum_differs") << op;
    EXPECT_FALSE(bucket->size("a.gantry")->has_value()) << "nothing is left of it";
  }
}

TEST_F(BackupCopy, AFullDiskIsSaidAndLeavesNothing) {
  const std::string path = directory_.path() + "/full";
  fs::create_directory(path);
  if (::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "this user may not mount a small disk";
  auto full = std::move(*make_directory_destination(path));
  TextOrigin small("small");
  const auto kept = take_copy(small, key_, *full, "small.gantry", "bak_1");
  EXPECT_TRUE(kept);
  TextOrigin large(noise(3000000));
  const auto copied = take_copy(large, key_, *full, "large.gantry", "bak_2");
  EXPECT_EQ(reason(copied), "destination_full");
  EXPECT_EQ(full->list("")->size(), 1U);
  EXPECT_TRUE(check_copy(*kept, key_, *full, "small.gantry", "bak_1")) << "old copies are kept";
  const auto left = std::distance(fs::directory_iterator(path), fs::directory_iterator());
  EXPECT_EQ(left, 1) << "a piece of the large one is left";
  ::umount(path.c_str());
}

TEST_F(BackupCopy, ADumpKilledMidwayIsNoBackup) {
  FakeExec exec;
  exec.set("db", {{{"t", 3}}, 500000});
  exec.fault(FakeFault{"dump", 200000, 137, "Killed"});
  auto program = exec.exec({.container_id = "db", .command = {"dump"}});
  const auto origin = origin_of(std::move(*program), "the dump", {});
  const auto copied = take_copy(*origin, key_, *folder_, "a.gantry", "bak_1");
  EXPECT_EQ(reason(copied), "program_failed");
  EXPECT_EQ(copied.error().detail, "the dump ended with exit code 137: Killed");
  EXPECT_EQ(files(), 0);
}

TEST_F(BackupCopy, AStreamThatBreaksIsNoBackup) {
  FakeExec exec;
  exec.set("db", {{{"t", 3}}, 500000});
  auto program = exec.exec({.container_id = "db", .command = {"dump"}});
  (*program)->cancel();
  const auto origin = origin_of(std::move(*program), "the dump", {});
  EXPECT_EQ(reason(take_copy(*origin, key_, *folder_, "a.gantry", "bak_1")), "stream_broken");
  EXPECT_EQ(files(), 0);
}

TEST_F(BackupCopy, HalfADumpIsNeverTheWholeInputOfARestore) {
  const auto copied = take(dump_of({{{"t", 3}}, 500000}));
  ASSERT_TRUE(copied);
  fs::resize_file(file(), fs::file_size(file()) - 10);
  FakeExec exec;
  exec.set("db", {{{"old", 1}}, 0});
  const auto plain = open_copy(*copied, key_, *folder_, "shop/bak_1.gantry", "bak_1");
  const auto restored =
      run_in(exec, {.container_id = "db", .command = {"restore"}}, "the restore", plain->get(), {});
  ASSERT_FALSE(restored.ok());
  EXPECT_EQ(restored.error().reason, "backup_altered");
  EXPECT_EQ(exec.databases()["db"].tables, (Manifest{{"old", 1}}));
}

// 200 MiB pass, and the process does not grow by what a backup has.
TEST_F(BackupCopy, NothingIsHeldInMemory) {
  class Endless final : public Origin {
   public:
    Result<std::string> read() override {
      return left_-- > 0 ? std::string(1 << 20, 'x') : std::string();
    }
    Result<> finish() override { return done(); }

   private:
    int left_ = 200;
  };
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  Endless origin;
  ASSERT_TRUE(take_copy(origin, key_, *folder_, "a.gantry", "bak_1"));
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 32 * 1024) << "KiB";
}

TEST(BackupDirectory, KeysStayBelowIt) {
  for (const auto* good : {"a", "a/b.gantry", "shop/production/db/bak_01.gantry", "a..b"})
    EXPECT_TRUE(valid_object_key(good)) << good;
  for (const auto* bad : {"", "/a", "a/", "../a", "a/../b", "a//b", ".a", "a b", "a\\b", "a\n"})
    EXPECT_FALSE(valid_object_key(bad)) << bad;
  EXPECT_FALSE(make_directory_destination("relative").ok());
}

TEST(BackupDirectory, WhatAKilledDaemonLeftGoesWithItsKey) {
  TemporaryDirectory directory;
  auto folder = std::move(*make_directory_destination(directory.path() + "/b"));
  fs::create_directories(directory.path() + "/b/shop");
  std::ofstream(directory.path() + "/b/shop/bak_1.gantry.partial-77") << "half";
  std::ofstream(directory.path() + "/b/shop/bak_2.gantry.partial-77") << "half";
  EXPECT_TRUE(folder->list("")->empty());
  ASSERT_TRUE(folder->remove("shop/bak_1.gantry"));
  EXPECT_FALSE(fs::exists(directory.path() + "/b/shop/bak_1.gantry.partial-77"));
  EXPECT_TRUE(fs::exists(directory.path() + "/b/shop/bak_2.gantry.partial-77"));
}

}  // namespace
}  // namespace gantry::testing
