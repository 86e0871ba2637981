// Gantry's own backup on a real PostgreSQL: there and back, and what refuses to be either.
#include "daemon/control_backup.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "daemon/control_archive.hpp"
#include "runtime/files.hpp"
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

class ControlBackup : public ::testing::Test {
 protected:
  ~ControlBackup() override {
    for (const auto* one : {&old_, &new_}) (void)stop_embedded_postgres(postgres_options(*one), 20);
  }
  Config config(const std::string& data_dir) const {
    fs::create_directories(data_dir);
    Config made;
    made.data_dir = data_dir;
    made.key_file = data_dir + "/key";
    made.database.user = "postgres";
    return made;
  }
  static Result<std::unique_ptr<Store>> open(const Config& config) {
    auto conninfo = start_embedded_postgres(postgres_options(config.data_dir));
    if (!conninfo) return conninfo.error();
    StoreOptions options;
    options.database = *conninfo;
    options.key_file = config.key_file;
    options.on_first_token = [](const std::string&) { return done(); };
    return open_store(options);
  }
  // An installation with a project and a secret.
  void make() {
    auto store = open(config(old_));
    ASSERT_TRUE(store) << store.error().detail;
    const auto made =
        write(**store, [](Transaction& t) { return t.create_project(name_of("shop")); });
    ASSERT_TRUE(made);
    installation_ = (*store)->installation();
    const auto environment = (*store)->project("shop")->environments.begin()->first;
    ASSERT_TRUE(write(**store, [&](Transaction& t) {
      return t.put_shared_variable(environment, "SECRET", "it is", {});
    }));
  }
  std::string passphrase(const std::string& text) {
    const std::string path = directory_.path() + "/passphrase";
    std::ofstream(path) << text << "\n";
    return path;
  }

  TemporaryDirectory directory_;
  const std::string old_ = directory_.path() + "/old", new_ = directory_.path() + "/new";
  const std::string file_ = directory_.path() + "/gantry.backup";
  InstallationId installation_;
};

TEST_F(ControlBackup, ThereAndBack) {
  make();
  for (const std::string& words : {std::string(), passphrase("a long passphrase")}) {
    fs::remove(file_);
    fs::remove_all(new_);
    const ControlBackupOptions options{.config_file = {}, .passphrase_file = words};
    const auto backed = back_up_control_plane(config(old_), file_, options);
    ASSERT_TRUE(backed) << backed.error().detail;
    struct stat info {};
    ASSERT_EQ(::stat(file_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    EXPECT_NE(embedded_postgres_pid(postgres_options(old_)), 0) << "it ran, and runs on";
    const auto restored = restore_control_plane(config(new_), file_, options);
    ASSERT_TRUE(restored) << restored.error().detail;
    EXPECT_EQ(embedded_postgres_pid(postgres_options(new_)), 0) << "the daemon starts it";
    const auto store = open(config(new_));
    ASSERT_TRUE(store) << store.error().detail;
    EXPECT_EQ((*store)->installation(), installation_);
    const auto project = (*store)->project("shop");
    ASSERT_NE(project, nullptr);
    EXPECT_EQ(project->environments.begin()->second->shared->at("SECRET").value, "it is");
    for (const auto& one : fs::directory_iterator(new_))
      EXPECT_EQ(one.path().filename().string().find(".control"), std::string::npos);
    (void)stop_embedded_postgres(postgres_options(new_), 20);
  }
}

TEST_F(ControlBackup, WhatItNeverDoes) {
  make();
  const std::string words = passphrase("a long passphrase");
  ASSERT_TRUE(
      back_up_control_plane(config(old_), file_, {.config_file = {}, .passphrase_file = words}));
  EXPECT_EQ(back_up_control_plane(config(old_), file_, {}).error().reason, "file_exists");
  EXPECT_EQ(restore_control_plane(config(old_), file_, {}).error().reason, "data_dir_in_use");
  EXPECT_EQ(restore_control_plane(config(new_), file_, {}).error().reason, "wrong_passphrase");
  EXPECT_EQ(restore_control_plane(
                config(new_), file_,
                {.config_file = {}, .passphrase_file = passphrase("another passphrase")})
                .error()
                .reason,
            "wrong_passphrase");
  EXPECT_EQ(back_up_control_plane(config(old_), file_ + "2",
                                  {.config_file = {}, .passphrase_file = passphrase("short")})
                .error()
                .reason,
            "passphrase_short");
  // The key is in it, and nobody reads it there.
  const auto text = read_whole(file_), key = read_whole(old_ + "/key");
  EXPECT_EQ(text->find(key->substr(0, 16)), std::string::npos);
  fs::resize_file(file_, fs::file_size(file_) - 20);
  const auto cut = restore_control_plane(
      config(new_), file_, {.config_file = {}, .passphrase_file = passphrase("a long passphrase")});
  EXPECT_EQ(cut.error().reason, "backup_altered");
  EXPECT_FALSE(fs::exists(new_ + "/key")) << "nothing was made of half a backup";
  EXPECT_FALSE(fs::exists(new_ + "/postgres"));
  std::ofstream(file_ + "x") << "something else";
  EXPECT_EQ(restore_control_plane(config(new_), file_ + "x", {}).error().reason, "not_a_backup");
}

TEST_F(ControlBackup, TheMarkHoldsRemovals) {
  const Config made = config(new_);
  const TimePoint now = *parse_time("2026-11-29T12:00:00Z");
  const Duration usual = Seconds(made.scheduler.orphan_grace_seconds);
  EXPECT_EQ(orphan_grace_of(made, now), usual);
  const std::string mark = new_ + kRestoredMark;
  ASSERT_TRUE(replace_file(mark, format_time(now)));
  EXPECT_EQ(orphan_grace_of(made, now), Duration(std::chrono::hours(24 * 7)));
  EXPECT_EQ(orphan_grace_of(made, now + std::chrono::hours(24 * 6)),
            Duration(std::chrono::hours(24)));
  EXPECT_EQ(orphan_grace_of(made, now + std::chrono::hours(24 * 8)), usual);
  EXPECT_EQ(orphan_grace_of(made, now - std::chrono::hours(24)),
            Duration(std::chrono::hours(24 * 7)))
      << "a clock that went back";
  ASSERT_TRUE(replace_file(mark, "?"));
  EXPECT_GT(orphan_grace_of(made, now), usual);
  ASSERT_TRUE(confirm_restore(made));
  ASSERT_TRUE(confirm_restore(made));
  EXPECT_EQ(orphan_grace_of(made, now), usual);
}

TEST_F(ControlBackup, AnArchiveTakesOnlyItsOwnNames) {
  std::ofstream(directory_.path() + "/x") << "text";
  ASSERT_TRUE(
      write_control_archive(file_, {{"../../evil", directory_.path() + "/x"}}, std::nullopt));
  fs::create_directories(new_);
  EXPECT_EQ(read_control_archive(file_, new_, {"key"}, std::nullopt).error().reason,
            "not_a_backup");
  EXPECT_TRUE(fs::is_empty(new_));
}

}  // namespace
}  // namespace gantry
