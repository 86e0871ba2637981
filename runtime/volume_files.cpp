#include "runtime/volume_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/build/files.hpp"

namespace gantry {
namespace {

constexpr std::size_t kPathMax = 4000;
constexpr std::size_t kNameMax = 255;
constexpr std::size_t kEntriesMax = 10000;
constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr int kDepthMax = 100;  // each level holds two descriptors
constexpr int kAttempts = 100;  // while somebody renames folders under the path

Error failed(const std::string& path, int number) {
  const std::string what = shown(path);
  switch (number) {
    case ENOENT:
      return {Code::not_found, "file_not_found", "there is no " + what + " in the volume"};
    case ENOTDIR:
      return {Code::conflict, "not_a_directory", "a part of " + what + " is no directory"};
    case EISDIR:
      return {Code::conflict, "is_directory", what + " is a directory"};
    case ENOTEMPTY:
    case EEXIST:
      return {Code::conflict, "not_empty", what + " is a directory that is not empty"};
    case ELOOP:
      return {Code::conflict, "too_many_links", what + " leads through too many links"};
    case ENAMETOOLONG:
      return {Code::invalid, "invalid_path", "a part of " + what + " is too long"};
    default:
      return io_error("cannot reach " + what + " in the volume", number);
  }
}

Result<> check_path(std::string_view path) {
  const auto bad = [](const char* detail) {
    return Error{Code::invalid, "invalid_path", detail, {{"?path", "invalid_path", detail}}};
  };
  if (path.empty() || path.front() != '/')
    return bad("expected a path from the volume's root, such as /data/file");
  if (path.size() > kPathMax) return bad("a path has at most 4000 bytes");
  if (path.find('\0') != std::string_view::npos) return bad("a path cannot contain NUL");
  return done();
}

// Below `root` whatever the path says; links count as if `root` were "/".
Result<File> open_inside(const File& root, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how);
    if (fd >= 0) return File(static_cast<int>(fd));
    if (errno != EAGAIN || attempt == kAttempts) return failed(path, errno);
  }
}

// What open_inside() found with O_PATH, opened for good: by then it is known that it is no device
// and no pipe.
Result<File> reopen(const File& found, int flags, const std::string& path) {
  const std::string link = "/proc/self/fd/" + std::to_string(found.get());
  File file(::open(link.c_str(), flags | O_CLOEXEC));
  if (!file) return failed(path, errno);
  return file;
}

struct Target {
  File folder;
  std::string name;
};

VolumeEntry::Type type_of(mode_t mode) {
  if (S_ISREG(mode)) return VolumeEntry::Type::file;
  if (S_ISDIR(mode)) return VolumeEntry::Type::directory;
  if (S_ISLNK(mode)) return VolumeEntry::Type::link;
  return VolumeEntry::Type::other;
}

TimePoint time_of(const timespec& at) {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::seconds(at.tv_sec) +
                                                        std::chrono::nanoseconds(at.tv_nsec)));
}

// Reads the names of an open folder.
class Folder {
 public:
  explicit Folder(const File& file)
      : stream_(::fdopendir(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0))) {}
  ~Folder() {
    if (stream_ != nullptr) ::closedir(stream_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  // Empty at the end.
  std::string next() {
    for (const dirent* entry = nullptr;
         stream_ != nullptr && (entry = ::readdir(stream_)) != nullptr;) {
      std::string name = entry->d_name;
      if (name != "." && name != "..") return name;
    }
    return {};
  }

 private:
  DIR* stream_;
};

class OpenFile final : public VolumeFiles::Download {
 public:
  OpenFile(File file, std::uint64_t size) : file_(std::move(file)), size_(size), left_(size) {}
  std::uint64_t size() const override { return size_; }
  // What was written behind its end meanwhile is no part of it.
  Result<std::string> read() override {
    std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(left_, kPieceBytes)), '\0');
    for (;;) {
      const ssize_t count = ::read(file_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return io_error("cannot read the file", errno);
      bytes.resize(static_cast<std::size_t>(count));
      left_ -= static_cast<std::uint64_t>(count);
      return bytes;
    }
  }

 private:
  const File file_;
  const std::uint64_t size_;
  std::uint64_t left_;
};

// Has no name until it is whole: whatever breaks off leaves nothing in the volume.
class Arriving final : public VolumeFiles::Upload {
 public:
  Arriving(Target target, File file) : target_(std::move(target)), file_(std::move(file)) {}

  Result<> write(std::string_view bytes) override {
    GANTRY_TRY(write_all(file_.get(), bytes, kWhat));
    bytes_ += bytes.size();
    return done();
  }

  Result<std::uint64_t> finish() override {
    GANTRY_TRY(take_over());
    if (::fsync(file_.get()) != 0) return io_error(kWhat, errno);
    const std::string beside = ".gantry-upload-" + new_ulid(system_clock().now());
    const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
    const int folder = target_.folder.get();
    if (::linkat(AT_FDCWD, self.c_str(), folder, beside.c_str(), AT_SYMLINK_FOLLOW) != 0)
      return io_error(kWhat, errno);
    if (::renameat(folder, beside.c_str(), folder, target_.name.c_str()) != 0) {
      const int number = errno;
      ::unlinkat(folder, beside.c_str(), 0);
      return failed(target_.name, number);
    }
    ::fsync(folder);
    return bytes_;
  }

 private:
  static constexpr const char* kWhat = "cannot write the file";

  // The program that reads it runs as somebody: as whoever has the file now, else the folder.
  Result<> take_over() {
    struct stat owner {};
    mode_t mode = 0644;
    const int folder = target_.folder.get();
    if (::fstatat(folder, target_.name.c_str(), &owner, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(owner.st_mode))
      mode = owner.st_mode & 07777;
    else if (::fstat(folder, &owner) != 0)
      return io_error(kWhat, errno);
    if (::fchown(file_.get(), owner.st_uid, owner.st_gid) != 0 && errno != EPERM)
      return io_error(kWhat, errno);
    if (::fchmod(file_.get(), mode) != 0) return io_error(kWhat, errno);
    return done();
  }

  const Target target_;
  const File file_;
  std::uint64_t bytes_ = 0;
};

class FolderFiles final : public VolumeFiles {
 public:
  explicit FolderFiles(VolumeFolder folder_of) : folder_of_(std::move(folder_of)) {}

  Result<std::vector<VolumeEntry>> list(const VolumeId& id, std::string_view path) override {
    const auto found = find(id, path, O_PATH | O_DIRECTORY);
    if (!found) return found.error();
    const auto folder = reopen(*found, O_RDONLY | O_DIRECTORY, std::string(path));
    if (!folder) return folder.error();
    std::vector<VolumeEntry> entries;
    Folder names(*folder);
    for (std::string name = names.next(); !name.empty(); name = names.next()) {
      struct stat info {};
      if (::fstatat(folder->get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (entries.size() == kEntriesMax)
        return Error{Code::exhausted, "too_many_files",
                     shown(path) + " holds more than 10000 files: look at it inside the container"};
      entries.push_back({.name = std::move(name),
                         .type = type_of(info.st_mode),
                         .size = info.st_size,
                         .mode = info.st_mode & 07777,
                         .modified = time_of(info.st_mtim)});
    }
    std::sort(entries.begin(), entries.end(),
              [](const VolumeEntry& a, const VolumeEntry& b) { return a.name < b.name; });
    return entries;
  }

  Result<std::unique_ptr<Download>> download(const VolumeId& id, std::string_view path) override {
    const auto found = find(id, path, O_PATH);
    if (!found) return found.error();
    struct stat info {};
    if (::fstat(found->get(), &info) != 0) return failed(std::string(path), errno);
    if (S_ISDIR(info.st_mode)) return failed(std::string(path), EISDIR);
    if (!S_ISREG(info.st_mode))
      return Error{Code::conflict, "not_a_file", shown(path) + " is a pipe, a socket or a device"};
    auto file = reopen(*found, O_RDONLY, std::string(path));
    if (!file) return file.error();
    return std::unique_ptr<Download>(
        std::make_unique<OpenFile>(*std::move(file), static_cast<std::uint64_t>(info.st_size)));
  }

  Result<std::unique_ptr<Upload>> upload(const VolumeId& id, std::string_view path) override {
    auto target = find_target(id, path);
    if (!target) return target.error();
    struct stat info {};
    if (::fstatat(target->folder.get(), target->name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(info.st_mode))
      return failed(std::string(path), EISDIR);
    File file(::openat(target->folder.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    if (!file) return io_error("cannot write into the folder of " + shown(path), errno);
    return std::unique_ptr<Upload>(std::make_unique<Arriving>(*std::move(target), std::move(file)));
  }

  Result<> remove(const VolumeId& id, std::string_view path) override {
    const auto target = find_target(id, path);
    if (!target) return target.error();
    const int folder = target->folder.get();
    if (::unlinkat(folder, target->name.c_str(), 0) == 0) return done();
    if (errno != EISDIR) return failed(std::string(path), errno);
    if (::unlinkat(folder, target->name.c_str(), AT_REMOVEDIR) == 0) return done();
    return failed(std::string(path), errno);
  }

 private:
  Result<File> root_of(const VolumeId& id) {
    const auto folder = folder_of_(id);
    if (!folder) return folder.error();
    File root(::open(folder->c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root)
      return Error{Code::unavailable, "volume_unreachable",
                   "the volume's files cannot be reached: gantryd has to run on the engine's "
                   "machine, as root (" +
                       std::string(std::strerror(errno)) + ")"};
    return root;
  }

  Result<File> find(const VolumeId& id, std::string_view path, std::uint64_t flags) {
    GANTRY_TRY(check_path(path));
    const auto root = root_of(id);
    if (!root) return root.error();
    return open_inside(*root, std::string(path), flags);
  }

  // The folder that the path's last part is in.
  Result<Target> find_target(const VolumeId& id, std::string_view path) {
    GANTRY_TRY(check_path(path));
    std::string_view rest = path;
    while (rest.ends_with('/')) rest.remove_suffix(1);
    const auto slash = rest.rfind('/');
    const std::string name(slash == std::string_view::npos ? "" : rest.substr(slash + 1));
    if (name.empty() || name == "." || name == ".." || name.size() > kNameMax)
      return invalid("?path", "invalid_path", "expected a path that ends with a file's name");
    const auto found = find(id, std::string(rest.substr(0, slash + 1)), O_PATH | O_DIRECTORY);
    if (!found) return found.error();
    auto folder = reopen(*found, O_RDONLY | O_DIRECTORY, std::string(path));
    if (!folder) return folder.error();
    return Target{*std::move(folder), name};
  }

  const VolumeFolder folder_of_;
};

using Inode = std::pair<dev_t, ino_t>;

Result<std::int64_t> add_up(const File& folder, dev_t device, std::set<Inode>& linked, int depth,
                            const std::stop_token& stop) {
  std::int64_t bytes = 0;
  Folder names(folder);
  for (std::string name = names.next(); !name.empty(); name = names.next()) {
    if (stop.stop_requested()) return Error{Code::unavailable, "interrupted", "it was told to end"};
    struct stat info {};
    if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (info.st_dev != device) continue;
    if (!S_ISDIR(info.st_mode) && info.st_nlink > 1 &&
        !linked.emplace(info.st_dev, info.st_ino).second)
      continue;
    bytes += static_cast<std::int64_t>(info.st_blocks) * 512;
    if (!S_ISDIR(info.st_mode) || depth == kDepthMax) continue;
    const File below(
        ::openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below) continue;  // it is gone meanwhile
    const auto inner = add_up(below, device, linked, depth + 1, stop);
    if (!inner) return inner;
    bytes += *inner;
  }
  return bytes;
}

}  // namespace

std::string_view name(VolumeEntry::Type type) {
  switch (type) {
    case VolumeEntry::Type::file:
      return "file";
    case VolumeEntry::Type::directory:
      return "directory";
    case VolumeEntry::Type::link:
      return "link";
    case VolumeEntry::Type::other:
      return "other";
  }
  return "other";
}

std::unique_ptr<VolumeFiles> make_volume_files(VolumeFolder folder_of) {
  return std::make_unique<FolderFiles>(std::move(folder_of));
}

Result<std::int64_t> bytes_below(const std::string& path, const std::stop_token& stop) {
  const File folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat info {};
  if (!folder || ::fstat(folder.get(), &info) != 0)
    return io_error("cannot read " + shown(path), errno);
  std::set<Inode> linked;
  return add_up(folder, info.st_dev, linked, 0, stop);
}

}  // namespace gantry
