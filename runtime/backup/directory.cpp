// Backups in a directory.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/backup/destination.hpp"
#include "runtime/files.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = 256 * 1024;
// In the name of what is being written: no object's.
constexpr std::string_view kPartial = ".partial-";

Error failure(const std::string& what, const std::string& path, int number) {
  const bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;
  return {full ? Code::exhausted : Code::unavailable,
          full ? "destination_full" : "destination_unavailable",
          what + " " + path + ": " + std::strerror(number)};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int close() {
    const int result = fd_ < 0 ? 0 : ::close(fd_);
    fd_ = -1;
    return result;
  }

 private:
  int fd_;
};

class FileSink final : public ByteSink {
 public:
  FileSink(int fd, std::string temporary, std::string path)
      : file_(fd), temporary_(std::move(temporary)), path_(std::move(path)) {}
  ~FileSink() override {
    if (!finished_) ::unlink(temporary_.c_str());
  }

  Result<> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failure("cannot write", temporary_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return done();
  }
  Result<> finish() override {
    if (::fsync(file_.get()) != 0) return failure("cannot sync", temporary_, errno);
    // The re-read then comes from the disk and not from memory.
    (void)::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
    if (file_.close() != 0) return failure("cannot close", temporary_, errno);
    GANTRY_TRY(rename_over(temporary_, path_));
    finished_ = true;
    return done();
  }

 private:
  Descriptor file_;
  const std::string temporary_, path_;
  bool finished_ = false;
};

class FileSource final : public ByteSource {
 public:
  FileSource(int fd, std::string path) : file_(fd), path_(std::move(path)) {}
  Result<std::string> read() override {
    std::string piece(kReadBytes, '\0');
    while (true) {
      const ssize_t got = ::read(file_.get(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failure("cannot read", path_, errno);
      piece.resize(static_cast<std::size_t>(got));
      return piece;
    }
  }

 private:
  Descriptor file_;
  const std::string path_;
};

class DirectoryDestination final : public Destination {
 public:
  explicit DirectoryDestination(std::string root) : root_(std::move(root)) {}

  Result<std::unique_ptr<ByteSink>> put(const std::string& key) override {
    const auto path = path_of(key);
    if (!path) return path.error();
    std::error_code error;
    fs::create_directories(fs::path(*path).parent_path(), error);
    if (error) return failure("cannot make the folder of", *path, error.value());
    const std::string temporary = *path + std::string(kPartial) + std::to_string(::getpid());
    const int fd =
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return failure("cannot make", temporary, errno);
    return std::unique_ptr<ByteSink>(std::make_unique<FileSink>(fd, temporary, *path));
  }
  Result<std::unique_ptr<ByteSource>> get(const std::string& key) override {
    const auto path = path_of(key);
    if (!path) return path.error();
    const int fd = ::open(path->c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) return not_found("object " + key);
    if (fd < 0) return failure("cannot open", *path, errno);
    return std::unique_ptr<ByteSource>(std::make_unique<FileSource>(fd, *path));
  }
  Result<std::optional<std::int64_t>> size(const std::string& key) override {
    const auto path = path_of(key);
    if (!path) return path.error();
    struct stat found {};
    if (::lstat(path->c_str(), &found) != 0) {
      if (errno == ENOENT) return std::optional<std::int64_t>();
      return failure("cannot look at", *path, errno);
    }
    if (!S_ISREG(found.st_mode)) return std::optional<std::int64_t>();
    return std::optional<std::int64_t>(found.st_size);
  }
  Result<std::vector<StoredObject>> list(const std::string& prefix) override {
    std::vector<StoredObject> found;
    std::error_code error;
    fs::recursive_directory_iterator at(root_, error);
    for (const fs::recursive_directory_iterator end; !error && at != end; at.increment(error)) {
      const std::string key = at->path().lexically_relative(root_).string();
      std::error_code gone;
      if (!at->is_regular_file(gone) || !key.starts_with(prefix) ||
          key.find(kPartial) != std::string::npos)
        continue;
      found.push_back({key, static_cast<std::int64_t>(at->file_size(gone))});
    }
    if (error) return failure("cannot list", root_, error.value());
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
    return found;
  }
  Result<> remove(const std::string& key) override {
    const auto path = path_of(key);
    if (!path) return path.error();
    remove_partials(*path);
    if (::unlink(path->c_str()) == 0 || errno == ENOENT) return done();
    return failure("cannot remove", *path, errno);
  }

 private:
  Result<std::string> path_of(const std::string& key) const {
    if (!valid_object_key(key)) return invalid("/key", "invalid_key", "not a key of a backup");
    return root_ + "/" + key;
  }

  // What a daemon that was killed left of it.
  static void remove_partials(const std::string& path) {
    std::error_code error;
    const std::string start = fs::path(path).filename().string() + std::string(kPartial);
    for (const auto& one : fs::directory_iterator(fs::path(path).parent_path(), error))
      if (one.path().filename().string().starts_with(start)) fs::remove(one.path(), error);
  }

  const std::string root_;
};

}  // namespace

bool valid_object_key(std::string_view key) {
  if (key.empty() || key.size() > 512 || key.front() == '/' || key.back() == '/') return false;
  std::string_view rest = key;
  while (true) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    if (part.empty() || part.front() == '.' || part.find(kPartial) != std::string_view::npos)
      return false;
    if (part.size() == rest.size()) break;
    rest.remove_prefix(part.size() + 1);
  }
  return std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  });
}

Result<std::unique_ptr<Destination>> make_directory_destination(const std::string& path) {
  if (!path.starts_with('/'))
    return invalid("/path", "invalid_path", "expected an absolute path of a directory");
  GANTRY_TRY(make_directory(path, 0700));
  return std::unique_ptr<Destination>(std::make_unique<DirectoryDestination>(path));
}

}  // namespace gantry
