// Uploaded archives on disk: resumed at any byte, checked, one writer at a time.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "runtime/build/files.hpp"
#include "runtime/build/sha256.hpp"
#include "runtime/build/sources.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

class SourceFilesTest : public ::testing::Test {
 protected:
  SourceFilesTest() {
    fs::remove_all(options_.directory);
    sources_ = make_sources(options_);
  }
  ~SourceFilesTest() override { fs::remove_all(options_.directory); }

  static std::string digest(std::string_view bytes) { return "sha256:" + sha256_hex(bytes); }
  Result<SourceState> send(std::string_view bytes, const std::string& name, std::uint64_t offset) {
    auto upload = sources_->upload(project_, name, offset);
    if (!upload) return upload.error();
    GANTRY_TRY((*upload)->write(bytes));
    return (*upload)->finish();
  }
  std::string file(const std::string& name) const {
    return source_file(options_.directory, project_, name);
  }

  const ProjectId project_ = ProjectId::make(TimePoint(Seconds(1795371960)));
  SourceOptions options_{
      .directory = ::testing::TempDir() + "gantry-sources-" + new_ulid(system_clock().now()),
      .archive_bytes = 1000,
      .reserve_bytes = 1};
  std::unique_ptr<Sources> sources_;
};

TEST_F(SourceFilesTest, AnArchiveCountsWhenItIsWhole) {
  const std::string bytes = "an archive";
  const std::string name = digest(bytes);
  EXPECT_EQ(sources_->state(project_, name).error().code, Code::not_found);
  const auto sent = send(bytes, name, 0);
  ASSERT_TRUE(sent.ok());
  EXPECT_TRUE(sent->complete);
  EXPECT_EQ(sources_->state(project_, name)->received_bytes, bytes.size());
  EXPECT_TRUE(sources_->state(project_, name)->complete);
  EXPECT_EQ(*read_whole(file(name), 100), bytes);
  EXPECT_EQ(send(bytes, name, 0).error().reason, "offset_mismatch");
  EXPECT_FALSE(sources_->state(ProjectId::make(TimePoint(Seconds(1))), name).ok());
}

TEST_F(SourceFilesTest, ResumesAfterAnEndAtAnyByte) {
  const std::string bytes = "0123456789abcdef";
  const std::string name = digest(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    {
      auto upload = sources_->upload(project_, name, 0);
      ASSERT_TRUE(upload.ok());
      ASSERT_TRUE((*upload)->write(bytes.substr(0, cut)).ok());
    }
    sources_ = make_sources(options_);  // what a new daemon finds
    ASSERT_TRUE(sources_->state(project_, name).ok());
    EXPECT_EQ(sources_->state(project_, name)->received_bytes, cut);
    EXPECT_FALSE(sources_->state(project_, name)->complete);
    EXPECT_EQ(sources_->upload(project_, name, cut + 1).error().reason, "offset_mismatch");
    const auto sent = send(bytes.substr(cut), name, cut);
    ASSERT_TRUE(sent.ok()) << cut << " " << sent.error().detail;
    EXPECT_EQ(*read_whole(file(name), 100), bytes);
    fs::remove(file(name));
  }
}

TEST_F(SourceFilesTest, AnotherDigestThrowsAllAway) {
  const std::string name = digest("what was meant");
  EXPECT_EQ(send("what came", name, 0).error().reason, "digest_mismatch");
  EXPECT_EQ(sources_->state(project_, name).error().code, Code::not_found);
  EXPECT_TRUE(send("what was meant", name, 0).ok());
}

TEST_F(SourceFilesTest, OneUploaderAtATime) {
  const std::string name = digest("abc");
  auto first = sources_->upload(project_, name, 0);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(sources_->upload(project_, name, 0).error().reason, "upload_in_progress");
  EXPECT_TRUE(sources_->upload(project_, digest("other"), 0).ok());
  ASSERT_TRUE((*first)->write("ab").ok());
  (*first).reset();
  EXPECT_EQ(sources_->upload(project_, name, 0).error().reason, "offset_mismatch");
  EXPECT_TRUE(send("c", name, 2).ok());
}

TEST_F(SourceFilesTest, TooLargeIsRefusedAndKeepsNothing) {
  const std::string bytes(1001, 'x');
  const std::string name = digest(bytes);
  EXPECT_EQ(send(bytes, name, 0).error().reason, "source_too_large");
  EXPECT_FALSE(sources_->state(project_, name).ok());
  EXPECT_TRUE(send(bytes.substr(1), digest(bytes.substr(1)), 0).ok());
}

TEST_F(SourceFilesTest, AFullDiskIsSaidAndWhatCameStays) {
  options_.reserve_bytes = ~0ULL / 2;
  sources_ = make_sources(options_);
  const std::string name = digest("abc");
  const auto sent = send("abc", name, 0);
  EXPECT_EQ(sent.error().reason, "disk_full");
  EXPECT_EQ(sent.error().code, Code::exhausted);
  EXPECT_EQ(sources_->state(project_, name)->received_bytes, 0U);
}

TEST_F(SourceFilesTest, HostileNamesReachNoFile) {
  const std::string hex(64, 'a');
  for (const std::string& name :
       {std::string(), std::string("sha256:"), "sha256:" + hex + "a", "SHA256:" + hex,
        "sha256:../" + hex.substr(3), hex, "sha256:" + std::string(64, 'A'),
        "sha256:" + hex.substr(1) + std::string(1, '\0')}) {
    EXPECT_EQ(sources_->state(project_, name).error().reason, "invalid_digest") << name;
    EXPECT_EQ(sources_->upload(project_, name, 0).error().reason, "invalid_digest") << name;
  }
  EXPECT_FALSE(sources_->state(ProjectId(), "sha256:" + hex).ok());
  EXPECT_FALSE(fs::exists(options_.directory));
}

TEST_F(SourceFilesTest, SweepTakesTheOldAndUnneeded) {
  const std::string needed = digest("needed"), stale = digest("stale"), asked = digest("asked"),
                    part = digest("part"), fresh_part = digest("fresh");
  for (const std::string text : {"needed", "stale", "asked"})
    ASSERT_TRUE(send(text, digest(text), 0).ok());
  for (const auto& name : {part, fresh_part}) ASSERT_TRUE(sources_->upload(project_, name, 0).ok());
  std::ofstream(fs::path(file(stale)).replace_extension().replace_extension(".manifest")) << "m";
  const auto ago = [](int hours) {
    return fs::file_time_type::clock::now() - std::chrono::hours(hours);
  };
  for (const auto& name : {needed, stale, asked}) fs::last_write_time(file(name), ago(2));
  fs::last_write_time(file(part) + ".part", ago(25));
  fs::last_write_time(file(fresh_part) + ".part", ago(23));
  ASSERT_TRUE(sources_->state(project_, asked).ok());

  const int removed =
      sweep_sources(options_.directory, {.needed = {file(needed)}, .now = system_clock().now()});
  EXPECT_EQ(removed, 3);
  EXPECT_TRUE(sources_->state(project_, needed).ok());
  EXPECT_TRUE(sources_->state(project_, asked).ok());
  EXPECT_FALSE(sources_->state(project_, stale).ok());
  EXPECT_FALSE(sources_->state(project_, part).ok());
  EXPECT_TRUE(sources_->state(project_, fresh_part).ok());
}

}  // namespace
}  // namespace gantry
