// Archives that anybody may have made: what is kept, and what is refused with which words.
#include "runtime/build/unpack.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "proto/id.hpp"
#include "runtime/build/files.hpp"
#include "tests/support/tar.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;
using testing::gzip_of;
using testing::Tar;
using testing::TarEntry;

class UnpackTest : public ::testing::Test {
 protected:
  UnpackTest() { fs::create_directories(place_); }
  ~UnpackTest() override { fs::remove_all(place_); }

  Result<Unpacked> take(const std::string& bytes) {
    fs::remove_all(place_ + "/root");
    std::ofstream(place_ + "/a.tar.gz", std::ios::binary) << bytes;
    order_.archive = place_ + "/a.tar.gz";
    order_.folder = place_ + "/root";
    return unpack(order_);
  }
  // What is said of an archive that is refused; empty when it is not.
  std::string refusal(const std::string& bytes) {
    const auto got = take(bytes);
    if (got) return "";
    last_reason_ = got.error().reason;
    EXPECT_EQ(got.error().code, Code::invalid) << got.error().detail;
    return got.error().detail;
  }
  std::string text(const std::string& path) {
    const auto got = read_whole(place_ + "/root/" + path, 1 << 20);
    return got ? *got : "(" + got.error().detail + ")";
  }
  mode_t mode(const std::string& path) {
    struct stat info {};
    ::lstat((place_ + "/root/" + path).c_str(), &info);
    return info.st_mode & 07777U;
  }

  const std::string place_ =
      ::testing::TempDir() + "gantry-unpack-" + new_ulid(system_clock().now());
  UnpackOrder order_;
  std::string last_reason_;
};

TEST_F(UnpackTest, FilesDirectoriesLinksAndModes) {
  Tar tar;
  tar.add({.name = "./", .type = '5', .mode = 0755});
  tar.add({.name = "./bin/", .type = '5', .mode = 02555});
  tar.file("./bin/run", "#!/bin/sh\n", 04755).file("deep/er/file", "text", 0);
  tar.add({.name = "link", .type = '2', .link = "deep/er/../er/file"});
  tar.add({.name = "deep/hard", .type = '1', .link = "deep/er/file"});
  for (const auto& bytes : {tar.gzip(), tar.plain(), tar.zstd()}) {
    const auto got = take(bytes);
    ASSERT_TRUE(got.ok()) << got.error().detail;
    EXPECT_EQ(got->bytes, 14U);
    EXPECT_EQ(text("bin/run"), "#!/bin/sh\n");
    EXPECT_EQ(text("deep/hard"), "text");
    EXPECT_EQ(text("link"), "text");
    EXPECT_EQ(mode("bin/run"), 0755U);
    EXPECT_EQ(mode("bin"), 0755U);
    EXPECT_EQ(mode("deep/er/file"), 0600U);
    struct stat info {};
    ::stat((place_ + "/root/bin/run").c_str(), &info);
    EXPECT_EQ(info.st_mtim.tv_sec, 1'700'000'000);
    ::stat((place_ + "/root/bin").c_str(), &info);
    EXPECT_EQ(info.st_mtim.tv_sec, 1'700'000'000);
  }
}

TEST_F(UnpackTest, NamesBeyondAsciiSurviveInAnyLocale) {
  Tar tar;
  tar.pax_path("größe/日本.txt").file("short", "pax").file("roh-\xff-\xc3\xbc", "raw");
  const auto got = take(tar.gzip());
  ASSERT_TRUE(got.ok()) << got.error().detail;
  EXPECT_EQ(text("größe/日本.txt"), "pax");
  EXPECT_EQ(text("roh-\xff-\xc3\xbc"), "raw");
}

TEST_F(UnpackTest, TheSecondOfTwoReplacesTheFirst) {
  Tar tar;
  tar.file("kept", "one").add({.name = "a", .type = '1', .link = "kept"}).file("a", "two");
  ASSERT_TRUE(take(tar.gzip()).ok());
  EXPECT_EQ(text("kept"), "one");
  EXPECT_EQ(text("a"), "two");
}

TEST_F(UnpackTest, NothingLeadsOut) {
  const std::string outside = place_ + "/outside";
  fs::create_directories(outside);
  std::ofstream(outside + "/victim") << "before";
  struct Case {
    std::vector<TarEntry> entries;
    std::string said;
  };
  const std::vector<Case> cases = {
      {{{.name = "/etc/cron.d/x", .bytes = "x"}}, "/etc/cron.d/x is an absolute path"},
      {{{.name = "../outside/x", .bytes = "x"}}, "../outside/x leads out"},
      {{{.name = "a/../../outside/x", .bytes = "x"}}, "leads out of the archive with \"..\""},
      {{{.name = "a/..", .type = '5'}}, "leads out"},
      {{{.name = "l", .type = '2', .link = outside}}, "l is a symbolic link to " + outside},
      {{{.name = "l", .type = '2', .link = "../outside"}}, "outside of the source"},
      {{{.name = "a/l", .type = '2', .link = "../../outside"}}, "outside of the source"},
      {{{.name = "l", .type = '2', .link = "a/../../outside"}}, "outside of the source"},
      {{{.name = "a/b/", .type = '5'},
        {.name = "a/b/s", .type = '2', .link = "../.."},
        {.name = "a/b/t", .type = '2', .link = "s/../outside/victim"}},
       "a/b/t is a symbolic link that leads out of the source by way of another one"},
      {{{.name = "d/", .type = '5'},
        {.name = "l", .type = '2', .link = "d"},
        {.name = "l/x", .bytes = "x"}},
       "l/x lies behind l"},
      {{{.name = "f", .bytes = "x"}, {.name = "f/x", .bytes = "x"}}, "f/x lies behind f"},
      {{{.name = "d/x", .bytes = "x"}, {.name = "d", .bytes = "x"}}, "d is there twice"},
      {{{.name = "f", .bytes = "x"}, {.name = "f", .type = '5'}}, "f is there twice"},
      {{{.name = "h", .type = '1', .link = outside + "/victim"}}, "h is a hard link to"},
      {{{.name = "h", .type = '1', .link = "../outside/victim"}}, "outside of the archive"},
      {{{.name = "h", .type = '1', .link = "later"}, {.name = "later", .bytes = "x"}},
       "no file that came before it"},
      {{{.name = "l", .type = '2', .link = "x"}, {.name = "h", .type = '1', .link = "l"}},
       "h is a hard link to l, which is no file"},
      {{{.name = "null", .type = '3'}}, "null is a device"},
      {{{.name = "sda", .type = '4'}}, "sda is a device"},
      {{{.name = "pipe", .type = '6'}}, "pipe is a named pipe"},
      {{{.name = std::string(50, 'd') + "/" + std::string(40, 'e'), .type = '2', .link = "/"}},
       "outside of the source"},
  };
  for (const auto& one : cases) {
    Tar tar;
    for (const auto& entry : one.entries) tar.add(entry);
    EXPECT_NE(refusal(tar.gzip()).find(one.said), std::string::npos) << one.said << "\n"
                                                                     << refusal(tar.gzip());
    EXPECT_EQ(last_reason_, "archive_refused");
    EXPECT_EQ(*read_whole(outside + "/victim", 100), "before");
    EXPECT_EQ(std::distance(fs::directory_iterator(outside), fs::directory_iterator()), 1);
  }
}

TEST_F(UnpackTest, LinksThatStayInsideOrLeadNowhereAreFine) {
  Tar tar;
  tar.file("a/b/file", "x");
  tar.add({.name = "a/up", .type = '2', .link = "../a/b"});
  tar.add({.name = "dangling", .type = '2', .link = "not/there"});
  tar.add({.name = "circle", .type = '2', .link = "circle"});
  tar.add({.name = "a/root", .type = '2', .link = ".."});
  const auto got = take(tar.gzip());
  EXPECT_TRUE(got.ok()) << got.error().detail;
}

TEST_F(UnpackTest, CutOffSaysWhere) {
  Tar tar;
  std::string noise;
  std::uint32_t seed = 1;
  for (int i = 0; i < 200'000; ++i) {
    seed = seed * 1664525U + 1013904223U;
    noise += static_cast<char>(seed >> 24U);
  }
  tar.file("package.json", "{}").file("server.js", noise);
  const std::string whole = tar.gzip();
  EXPECT_EQ(refusal(whole.substr(0, whole.size() / 2)),
            "the archive ends in the middle of server.js: upload it again");
  EXPECT_EQ(last_reason_, "archive_truncated");
  EXPECT_EQ(refusal(tar.plain().substr(0, 100'000)),
            "the archive ends in the middle of server.js: upload it again");
  EXPECT_EQ(refusal(gzip_of(tar.plain().substr(0, 100'000))),
            "the archive ends in the middle of server.js: upload it again");
  for (std::size_t cut = 0; cut < whole.size() - 600; cut += 997)
    EXPECT_NE(refusal(whole.substr(0, cut)), "") << cut;
}

TEST_F(UnpackTest, WhatIsNoTarIsSaid) {
  EXPECT_NE(refusal("").find("the archive is empty"), std::string::npos);
  EXPECT_NE(refusal(Tar().gzip()).find("the archive is empty"), std::string::npos);
  EXPECT_NE(refusal("PK\x03\x04 a zip").find("upload a tar packed with gzip"), std::string::npos);
  EXPECT_EQ(last_reason_, "archive_broken");
  std::string damaged = Tar().file("a", "x").file("b", "y").plain();
  damaged[1024 + 20] = 'x';  // the second header's sum is wrong now
  EXPECT_NE(refusal(gzip_of(damaged)).find("after a"), std::string::npos) << refusal(damaged);
}

TEST_F(UnpackTest, BombsAreRefusedBeforeTheyUnfold) {
  order_.limits.ratio_floor_bytes = 1 << 20;
  Tar zeros;
  zeros.file("zeros", std::string(64 << 20, '\0'));
  EXPECT_NE(refusal(zeros.gzip()).find("zeros unpacks to more than 200 times its size"),
            std::string::npos);
  EXPECT_EQ(last_reason_, "archive_too_large");
  EXPECT_LT(fs::file_size(place_ + "/root/zeros"), 4U << 20);

  order_.limits.ratio_floor_bytes = 1 << 30;
  EXPECT_EQ(refusal(zeros.gzip()), "");  // small enough: zeros are harmless

  order_.limits.total_bytes = 10 << 20;
  EXPECT_NE(refusal(zeros.gzip()).find("with zeros it unpacks to more than 10 MiB"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(place_ + "/root/zeros"));

  Tar lies;
  lies.add({.name = "huge", .bytes = "x", .size = 0777'7777'7777});
  EXPECT_NE(refusal(lies.gzip()).find("with huge it unpacks"), std::string::npos);
}

TEST_F(UnpackTest, LimitsOnCountPathTimeDiskAndCancel) {
  Tar many;
  for (int i = 0; i < 20; ++i) many.file("f" + std::to_string(i), "x");
  order_.limits.entries = 19;
  EXPECT_NE(refusal(many.gzip()).find("more than 19 files"), std::string::npos);
  order_.limits.entries = 20;
  EXPECT_EQ(refusal(many.gzip()), "");

  Tar deep;
  std::string path;
  for (int i = 0; i < 40; ++i) path += "d/";
  deep.file(path + "f", "x");
  order_.limits.depth = 40;
  EXPECT_NE(refusal(deep.gzip()).find("more than 40 folders deep"), std::string::npos);
  order_.limits.depth = 41;
  EXPECT_EQ(refusal(deep.gzip()), "");
  order_.limits.path_bytes = 80;
  EXPECT_NE(refusal(deep.gzip()).find("longer than 80 bytes"), std::string::npos);

  order_.limits.time = Seconds(-1);
  EXPECT_NE(refusal(many.gzip()).find("seconds to unpack"), std::string::npos);
  order_.limits.time = Seconds(60);
  order_.limits.reserve_bytes = ~0ULL / 2;
  EXPECT_EQ(take(many.gzip()).error().reason, "disk_full");
  order_.limits.reserve_bytes = 0;
  std::stop_source stop;
  stop.request_stop();
  order_.stop = stop.get_token();
  EXPECT_EQ(take(many.gzip()).error().reason, "cancelled");
  fs::remove(order_.archive);
  order_.folder = place_ + "/other";
  EXPECT_EQ(unpack(order_).error().reason, "source_gone");
}

}  // namespace
}  // namespace gantry
