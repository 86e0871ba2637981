// Files in volumes that somebody filled in bad faith: whatever lies in one, nothing outside of it
// is read, written or removed.
#include "runtime/volume_files.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry {
namespace {

namespace fs = std::filesystem;

class RuntimeVolumeFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/gantry-volume-XXXXXX";
    base_ = ::mkdtemp(name);
    root_ = base_ + "/volume";
    fs::create_directories(root_ + "/folder");
    write(base_ + "/secret", "outside");
    write(root_ + "/hello.txt", "hello");
    files_ = make_volume_files([this](const VolumeId&) -> Result<std::string> { return root_; });
  }
  void TearDown() override { fs::remove_all(base_); }

  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  static std::string text_of(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  // What is fetched, or the reason why not.
  std::string fetch(const std::string& path) {
    const auto file = files_->download(id_, path);
    if (!file) return "?" + file.error().reason;
    std::string all;
    for (;;) {
      const auto bytes = (*file)->read();
      if (!bytes) return "?" + bytes.error().reason;
      if (bytes->empty()) return all;
      all += *bytes;
    }
  }
  std::string put(const std::string& path, const std::string& text) {
    auto upload = files_->upload(id_, path);
    if (!upload) return "?" + upload.error().reason;
    if (const auto written = (*upload)->write(text); !written) return "?" + written.error().reason;
    const auto bytes = (*upload)->finish();
    return bytes ? std::to_string(*bytes) : "?" + bytes.error().reason;
  }
  std::string remove(const std::string& path) {
    const auto removed = files_->remove(id_, path);
    return removed ? "" : "?" + removed.error().reason;
  }
  std::string names(const std::string& path) {
    const auto entries = files_->list(id_, path);
    if (!entries) return "?" + entries.error().reason;
    std::string out;
    for (const VolumeEntry& entry : *entries)
      out += (out.empty() ? "" : " ") + entry.name + ":" + std::string(name(entry.type));
    return out;
  }

  const VolumeId id_ = VolumeId::make(TimePoint());
  std::string base_, root_;
  std::unique_ptr<VolumeFiles> files_;
};

TEST_F(RuntimeVolumeFiles, AreListedFetchedBroughtAndRemoved) {
  EXPECT_EQ(names("/"), "folder:directory hello.txt:file");
  EXPECT_EQ(names("/folder"), "");
  EXPECT_EQ(names("/hello.txt"), "?not_a_directory");
  EXPECT_EQ(names("/nowhere"), "?file_not_found");
  EXPECT_EQ(fetch("/hello.txt"), "hello");
  EXPECT_EQ(fetch("/folder"), "?is_directory");
  EXPECT_EQ(fetch("/nowhere"), "?file_not_found");
  const std::string big(1'000'000, 'x');
  EXPECT_EQ(put("/folder/big", big), "1000000");
  EXPECT_EQ(fetch("/folder/big"), big);
  EXPECT_EQ(put("/folder/big", ""), "0");
  EXPECT_EQ(fetch("/folder/big"), "");
  EXPECT_EQ(put("/folder", "x"), "?is_directory");
  EXPECT_EQ(put("/nowhere/x", "x"), "?file_not_found");
  EXPECT_EQ(put("/hello.txt/x", "x"), "?not_a_directory");
  EXPECT_EQ(remove("/folder"), "?not_empty");
  EXPECT_EQ(remove("/folder/big"), "");
  EXPECT_EQ(remove("/folder"), "");
  EXPECT_EQ(remove("/folder"), "?file_not_found");
  EXPECT_EQ(names("/"), "hello.txt:file");
  const VolumeEntry entry = files_->list(id_, "/")->front();
  EXPECT_EQ(entry.size, 5);
  EXPECT_GT(entry.modified, TimePoint(Seconds(1'600'000'000)));
}

TEST_F(RuntimeVolumeFiles, APathHasToBeOne) {
  for (const std::string& path : {std::string(), std::string("hello.txt"), std::string("/a\0b", 4),
                                  "/" + std::string(5000, 'a'), "/" + std::string(300, 'a')}) {
    EXPECT_EQ(fetch(path), "?invalid_path") << path.substr(0, 20);
    EXPECT_EQ(put(path, "x"), "?invalid_path") << path.substr(0, 20);
    EXPECT_EQ(remove(path), "?invalid_path") << path.substr(0, 20);
  }
  for (const char* path : {"/", "//", "/..", "/folder/..", "/."}) {
    EXPECT_EQ(put(path, "x"), "?invalid_path") << path;
    EXPECT_EQ(remove(path), "?invalid_path") << path;
  }
}

TEST_F(RuntimeVolumeFiles, NothingLeadsOut) {
  fs::create_symlink(base_ + "/secret", root_ + "/absolute");
  fs::create_symlink("../secret", root_ + "/relative");
  fs::create_symlink("../../../../../../../.." + base_ + "/secret", root_ + "/folder/deep");
  fs::create_symlink("..", root_ + "/up");
  fs::create_symlink(base_, root_ + "/away");
  fs::create_symlink("/proc/self/root", root_ + "/magic");
  fs::create_symlink("loop", root_ + "/loop");
  for (const char* path :
       {"/absolute", "/relative", "/folder/deep", "/up/secret", "/away/secret", "/../secret",
        "/folder/../../secret", "/../../../../../../../etc/passwd", "/magic/etc/passwd"}) {
    EXPECT_EQ(fetch(path), "?file_not_found") << path;
    EXPECT_EQ(names(path), "?file_not_found") << path;
  }
  EXPECT_EQ(fetch("/loop"), "?too_many_links");
  EXPECT_EQ(names("/up"), names("/")) << "its own root is the end of the way up";
  EXPECT_EQ(put("/away/secret", "changed"), "?file_not_found");
  EXPECT_EQ(remove("/away/secret"), "?file_not_found");
  EXPECT_EQ(put("/up/new", "inside"), "6");
  EXPECT_EQ(text_of(root_ + "/new"), "inside");
  EXPECT_EQ(put("/absolute", "instead"), "7") << "the link itself is replaced";
  EXPECT_EQ(text_of(root_ + "/absolute"), "instead");
  EXPECT_EQ(remove("/relative"), "") << "the link itself is removed";
  EXPECT_EQ(text_of(base_ + "/secret"), "outside");
  EXPECT_FALSE(fs::exists(base_ + "/new"));
}

TEST_F(RuntimeVolumeFiles, ALinkInsideIsFollowedFromTheVolumesRoot) {
  fs::create_symlink("/hello.txt", root_ + "/folder/link");
  EXPECT_EQ(fetch("/folder/link"), "hello") << "as the program in the container sees it";
  EXPECT_EQ(names("/folder"), "link:link");
}

TEST_F(RuntimeVolumeFiles, PipesAndDevicesAreNotOpened) {
  ASSERT_EQ(::mkfifo((root_ + "/pipe").c_str(), 0644), 0);
  EXPECT_EQ(fetch("/pipe"), "?not_a_file") << "and nobody waits for its other end";
  if (::mknod((root_ + "/device").c_str(), S_IFCHR | 0666, 5 << 8) == 0) {
    EXPECT_EQ(fetch("/device"), "?not_a_file");
  }
  EXPECT_EQ(put("/pipe", "x"), "1") << "it is replaced, not written to";
  EXPECT_EQ(fetch("/pipe"), "x");
}

TEST_F(RuntimeVolumeFiles, AFileAppearsWholeOrNotAtAll) {
  auto upload = files_->upload(id_, "/hello.txt");
  ASSERT_TRUE(upload.ok());
  ASSERT_TRUE((*upload)->write("half").ok());
  EXPECT_EQ(fetch("/hello.txt"), "hello");
  EXPECT_EQ(names("/"), "folder:directory hello.txt:file") << "nothing beside it either";
  upload->reset();
  EXPECT_EQ(fetch("/hello.txt"), "hello");
  EXPECT_EQ(names("/"), "folder:directory hello.txt:file");
}

TEST_F(RuntimeVolumeFiles, AFileBelongsToWhoHasItsFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::chown((root_ + "/folder").c_str(), 1234, 2345), 0);
  EXPECT_EQ(put("/folder/new", "x"), "1");
  struct stat info {};
  ASSERT_EQ(::stat((root_ + "/folder/new").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 1234U);
  EXPECT_EQ(info.st_gid, 2345U);
  EXPECT_EQ(info.st_mode & 07777, 0644U);
  ASSERT_EQ(::chown((root_ + "/folder/new").c_str(), 77, 78), 0);
  ASSERT_EQ(::chmod((root_ + "/folder/new").c_str(), 0600), 0);
  EXPECT_EQ(put("/folder/new", "yy"), "2");
  ASSERT_EQ(::stat((root_ + "/folder/new").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 77U);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
}

TEST_F(RuntimeVolumeFiles, AFolderThatIsNotHereIsSaid) {
  root_ += "-elsewhere";
  EXPECT_EQ(names("/"), "?volume_unreachable");
}

TEST_F(RuntimeVolumeFiles, BytesAreAddedUpOnce) {
  write(root_ + "/folder/a", std::string(100'000, 'x'));
  fs::create_hard_link(root_ + "/folder/a", root_ + "/b");
  fs::create_symlink(base_, root_ + "/away");
  const auto bytes = bytes_below(root_, {});
  ASSERT_TRUE(bytes.ok());
  EXPECT_GE(*bytes, 100'000);
  EXPECT_LT(*bytes, 180'000);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(bytes_below(root_, stop.get_token()).error().reason, "interrupted");
}

}  // namespace
}  // namespace gantry
