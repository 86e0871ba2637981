// A build's context: what is sent, in which order, with which owner, mode and time.
#include <filesystem>
#include <fstream>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "proto/id.hpp"
#include "runtime/build/context.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<std::string>;

struct Sent {
  std::string text, link;
  unsigned mode = 0;
  std::int64_t uid = 0, mtime = 0;
};

class BuildContextTest : public ::testing::Test {
 protected:
  BuildContextTest() { fs::create_directories(options_.folder); }
  ~BuildContextTest() override { fs::remove_all(options_.folder); }

  void file(const std::string& path, const std::string& text) {
    const fs::path whole = options_.folder + "/" + path;
    fs::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << text;
  }
  Paths paths(const std::string& rules) {
    options_.ignore = *DockerIgnore::parse(rules);
    auto context = BuildContext::open(options_);
    return context->paths();
  }
  // The whole tar, and the longest piece that it came in.
  std::string tar() {
    auto context = BuildContext::open(options_);
    std::string all;
    while (true) {
      const auto piece = context->next();
      EXPECT_TRUE(piece.ok());
      if (!piece || piece->empty()) return all;
      longest_ = std::max(longest_, piece->size());
      all += *piece;
    }
  }
  static std::map<std::string, Sent> read(const std::string& bytes) {
    std::map<std::string, Sent> sent;
    archive* reader = archive_read_new();
    archive_read_support_format_tar(reader);
    archive_read_open_memory(reader, bytes.data(), bytes.size());
    archive_entry* entry = nullptr;
    while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
      Sent& one = sent[archive_entry_pathname(entry)];
      one.mode = archive_entry_perm(entry);
      one.uid = archive_entry_uid(entry);
      one.mtime = archive_entry_mtime(entry);
      if (archive_entry_symlink(entry) != nullptr) one.link = archive_entry_symlink(entry);
      one.text.resize(static_cast<std::size_t>(archive_entry_size(entry)));
      archive_read_data(reader, one.text.data(), one.text.size());
    }
    archive_read_free(reader);
    return sent;
  }

  ContextOptions options_{
      .folder = ::testing::TempDir() + "gantry-context-" + new_ulid(system_clock().now()),
      .always = {},
      .extra = {},
      .ignore = {}};
  std::size_t longest_ = 0;
};

TEST_F(BuildContextTest, LeavesOutWhatIsIgnored) {
  for (const auto* path : {"Dockerfile", ".dockerignore", "a.go", "a/b.go", "a-b", "lib/x/y.go",
                           "node_modules/m/index.js"})
    file(path, "x");
  fs::create_directories(options_.folder + "/empty");
  EXPECT_EQ(paths(""), (Paths{".dockerignore", "Dockerfile", "a/", "a/b.go", "a-b", "a.go",
                              "empty/", "lib/", "lib/x/", "lib/x/y.go", "node_modules/",
                              "node_modules/m/", "node_modules/m/index.js"}));
  EXPECT_EQ(paths("node_modules\nempty\n*.go"),
            (Paths{".dockerignore", "Dockerfile", "a/", "a/b.go", "a-b", "lib/", "lib/x/",
                   "lib/x/y.go"}));
  EXPECT_EQ(paths("*\n!lib/x"), (Paths{"lib/", "lib/x/", "lib/x/y.go"}));
  EXPECT_EQ(paths("**\n!**/b.go"), (Paths{"a/", "a/b.go"}));
  options_.always = {"Dockerfile", ".dockerignore", "lib/x/y.go"};
  EXPECT_EQ(paths("*"), (Paths{".dockerignore", "Dockerfile", "lib/", "lib/x/", "lib/x/y.go"}));
}

TEST_F(BuildContextTest, TheTarSaysWhatIsThere) {
  file("bin/run", "#!/bin/sh");
  fs::permissions(options_.folder + "/bin/run", fs::perms(0755));
  fs::create_symlink("run", options_.folder + "/bin/link");
  const std::string lengthy = std::string(90, 'd') + "/" + std::string(90, 'f') + "-größe\xff";
  file(lengthy, "deep");
  file("Dockerfile", "of the folder");
  file("zero", "");
  const timespec times[2] = {{1'600'000'000, 5}, {1'600'000'000, 5}};
  ::utimensat(AT_FDCWD, (options_.folder + "/bin/run").c_str(), times, 0);
  options_.extra = {{"Dockerfile", "FROM x"}, {"none", ""}};
  const auto sent = read(tar());
  EXPECT_EQ(sent.at("bin/run").text, "#!/bin/sh");
  EXPECT_EQ(sent.at("bin/run").mode, 0755U);
  EXPECT_EQ(sent.at("bin/run").uid, 0);
  EXPECT_EQ(sent.at("bin/run").mtime, 1'600'000'000);
  EXPECT_EQ(sent.at("bin/link").link, "run");
  EXPECT_EQ(sent.at(lengthy).text, "deep");
  EXPECT_EQ(sent.at("Dockerfile").text, "FROM x");
  EXPECT_EQ(sent.at("none").text, "");
  EXPECT_EQ(sent.size(), 8U);
}

TEST_F(BuildContextTest, ComesInPiecesAndTheSameTwice) {
  std::string big;
  for (int i = 0; i < 3'000'000; ++i)
    big += static_cast<char>(static_cast<unsigned>(i) * 7919U >> 5U);
  file("big", big);
  file("small", "x");
  const std::string bytes = tar();
  EXPECT_LT(longest_, 256U * 1024);
  EXPECT_EQ(read(bytes).at("big").text, big);
  EXPECT_EQ(bytes, tar());
}

TEST_F(BuildContextTest, AFileThatShrinksIsAnErrorAndNoBrokenTar) {
  file("big", std::string(1 << 20, 'x'));
  auto context = BuildContext::open(options_);
  ASSERT_TRUE(context->next().ok());
  fs::resize_file(options_.folder + "/big", 100);
  Result<std::string> piece = std::string("x");
  while (piece.ok() && !piece->empty()) piece = context->next();
  ASSERT_FALSE(piece.ok());
  EXPECT_EQ(piece.error().code, Code::unavailable);
}

}  // namespace
}  // namespace gantry
