// The archive: what is in it, the same bytes each time, files that change underneath.
#include "cli/pack.hpp"

#include <clocale>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/failure.hpp"
#include "tests/cli/scratch.hpp"

namespace gantry::cli {
namespace {

struct Unpacked {
  std::vector<std::string> names;
  std::map<std::string, std::string> contents;
  std::map<std::string, unsigned> modes;
  std::map<std::string, long> times;
};

std::string bytes_of(const Archive& archive) {
  std::string bytes(archive.bytes, '\0');
  EXPECT_EQ(::pread(archive.file.get(), bytes.data(), bytes.size(), 0),
            static_cast<ssize_t>(bytes.size()));
  return bytes;
}

Unpacked unpack(const std::string& bytes) {
  Unpacked out;
  archive* const tar = archive_read_new();
  archive_read_support_filter_gzip(tar);
  archive_read_support_format_tar(tar);
  EXPECT_EQ(archive_read_open_memory(tar, bytes.data(), bytes.size()), ARCHIVE_OK);
  archive_entry* entry = nullptr;
  std::setlocale(LC_CTYPE, "C.UTF-8");  // libarchive gives names in it
  while (archive_read_next_header(tar, &entry) == ARCHIVE_OK) {
    const std::string path = archive_entry_pathname(entry);
    out.names.push_back(path);
    out.modes[path] = archive_entry_perm(entry);
    out.times[path] = archive_entry_mtime(entry);
    EXPECT_EQ(archive_entry_uid(entry), 0);
    EXPECT_EQ(archive_entry_gid(entry), 0);
    std::string text(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    EXPECT_EQ(archive_read_data(tar, text.data(), text.size()),
              static_cast<la_ssize_t>(text.size()));
    out.contents[path] = text;
  }
  std::setlocale(LC_CTYPE, "C");
  archive_read_free(tar);
  return out;
}

Packed pack_it(const Scratch& here) { return pack_directory({.root = here.path()}, {}); }

TEST(CliPack, HoldsWhatTheTreeHolds) {
  const Scratch here;
  here.write(".env", "A=1");
  here.write("src/i.js", "console.log(1)");
  here.write("src/n\xc3\xa4m\xc3\xa9 with a blank", "x");
  const std::string deep =
      std::string(60, 'd') + "/" + std::string(90, 'e') + "/" + std::string(120, 'f');
  here.write(deep, "deep");
  here.write("empty", "");
  here.make_directory("nothing/in/here");
  ASSERT_EQ(::chmod(here.at("src/i.js").c_str(), 0755), 0);
  const timespec times[2] = {{1'700'000'000, 5}, {1'700'000'000, 5}};
  ASSERT_EQ(::utimensat(AT_FDCWD, here.at("src/i.js").c_str(), times, 0), 0);

  const Packed packed = pack_it(here);
  EXPECT_EQ(packed.tree.files, 5u);
  const Unpacked got = unpack(bytes_of(packed.archive));
  const std::string long_dir = "./" + std::string(60, 'd') + "/";
  EXPECT_EQ(got.names, (std::vector<std::string>{
                           "./.env", long_dir, long_dir + std::string(90, 'e') + "/", "./" + deep,
                           "./empty", "./nothing/", "./nothing/in/", "./nothing/in/here/", "./src/",
                           "./src/i.js", "./src/n\xc3\xa4m\xc3\xa9 with a blank"}));
  EXPECT_EQ(got.contents.at("./src/i.js"), "console.log(1)");
  EXPECT_EQ(got.contents.at("./" + deep), "deep");
  EXPECT_EQ(got.modes.at("./src/i.js"), 0755u);
  EXPECT_EQ(got.times.at("./src/i.js"), 1'700'000'000);
}

TEST(CliPack, TheSameFilesGiveTheSameBytes) {
  const Scratch one, two;
  for (const Scratch* each : {&one, &two}) {
    // In another order, so that the directory's own order is another one.
    for (int i = 0; i < 40; ++i)
      each->write("f" + std::to_string(each == &one ? i : 39 - i), std::string(1000, 'x'));
    each->write("d/\xc3\xa4", "1");
    const timespec times[2] = {{1'600'000'000, each == &one ? 1 : 2}, {1'600'000'000, 7}};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(each->path()))
      ASSERT_EQ(::utimensat(AT_FDCWD, entry.path().c_str(), times, 0), 0);
  }
  const Packed first = pack_it(one), second = pack_it(two);
  EXPECT_EQ(first.archive.digest, second.archive.digest);
  EXPECT_EQ(bytes_of(first.archive), bytes_of(second.archive));
  EXPECT_EQ(bytes_of(first.archive).substr(4, 4), std::string(4, '\0')) << "gzip's own time";
  EXPECT_EQ(first.archive.digest.size(), 71u);
  EXPECT_EQ(first.archive.digest.rfind("sha256:", 0), 0u);
  two.write("d/\xc3\xa4", "2");
  EXPECT_NE(first.archive.digest, pack_it(two).archive.digest);
}

TEST(CliPack, NothingToUpload) {
  const Scratch here;
  here.write("node_modules/a", "1");
  here.make_directory("empty");
  try {
    pack_it(here);
    FAIL() << "packed nothing";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code, "nothing_to_upload");
    EXPECT_NE(failure.hint.find("--verbose"), std::string::npos);
  }
}

TEST(CliPack, AFileThatGrowsIsCutWhereItWas) {
  const Scratch here;
  here.write("a", "1");
  here.write("log", std::string(100, 'x'));
  const Tree tree = read_tree({.root = here.path()});
  here.write("log", std::string(300, 'y'));
  const Unpacked got = unpack(bytes_of(pack(tree, {})));
  EXPECT_EQ(got.contents.at("./log"), std::string(300, 'y'));  // as long as it was when opened
}

TEST(CliPack, AFileThatGoesAwayIsLookedForAgain) {
  const Scratch here;
  here.write("a", "1");
  here.write("b", "2");
  const Tree tree = read_tree({.root = here.path()});
  std::filesystem::remove(here.at("b"));
  EXPECT_THROW(pack(tree, {}), Changed);
  bool removed = false;
  here.write("b", "2");
  const Packed packed = pack_directory({.root = here.path()}, [&](const PackProgress& so_far) {
    if (so_far.files == 1 && !removed) removed = std::filesystem::remove(here.at("b"));
  });
  EXPECT_EQ(unpack(bytes_of(packed.archive)).names, std::vector<std::string>{"./a"});
}

TEST(CliPack, AFileThatChangesAllTheTimeIsNamed) {
  const Scratch here;
  here.write("a", "1");
  here.write("d/b", "2");
  const TreeOrder order{.root = here.path(), .on_file = [&](std::uint64_t count) {
                          if (count == 1) here.write("d/b", "2");  // back before d is read
                        }};
  try {
    pack_directory(order, [&](const PackProgress&) { std::filesystem::remove(here.at("d/b")); });
    FAIL() << "packed it";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code, "file_changes");
    EXPECT_NE(failure.message.find("d/b changes"), std::string::npos);
  }
}

TEST(CliPack, NoRoomForTheArchive) {
  const Scratch here;
  here.write("a", "1");
  ::setenv("TMPDIR", here.at("none").c_str(), 1);
  try {
    pack_it(here);
    FAIL() << "packed it";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code, "no_room");
  }
  ::unsetenv("TMPDIR");
}

TEST(CliPack, SecretFiles) {
  Tree tree;
  for (const char* path : {".env", "a/.env.local", ".env.example", ".envrc", "b/.env.sample",
                           "c/.environment", ".env.production"})
    tree.entries.push_back({.path = path, .file = ""});
  EXPECT_EQ(secret_files(tree),
            (std::vector<std::string>{".env", "a/.env.local", ".env.production"}));
}

}  // namespace
}  // namespace gantry::cli
