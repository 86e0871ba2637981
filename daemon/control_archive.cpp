#include "daemon/control_archive.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/backup/vault.hpp"

namespace gantry {
namespace {

constexpr std::string_view kPlain{"GTYCTL\0\1", 8}, kSealed{"GTYCTL\0\2", 8};
constexpr std::size_t kSalt = 16, kNameMax = 64, kRead = 256 * 1024;
constexpr const char* kLabel = "control plane";

Error file_failure(const std::string& path) {
  return {Code::unavailable, "file_failed", path + ": " + std::strerror(errno)};
}
Error no_backup(const std::string& detail) { return {Code::conflict, "not_a_backup", detail}; }

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class FdSink final : public ByteSink {
 public:
  FdSink(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Result<> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return file_failure(path_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return done();
  }
  Result<> finish() override { return ::fsync(fd_) == 0 ? done() : Result<>(file_failure(path_)); }

 private:
  const int fd_;
  const std::string path_;
};

class FdSource final : public ByteSource {
 public:
  FdSource(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Result<std::string> read() override {
    std::string piece(kRead, '\0');
    const ssize_t got = ::read(fd_, piece.data(), piece.size());
    if (got < 0) return file_failure(path_);
    piece.resize(static_cast<std::size_t>(got));
    return piece;
  }

 private:
  const int fd_;
  const std::string path_;
};

// Exactly `size` bytes at a time, from pieces of any size.
class Reader {
 public:
  explicit Reader(ByteSource& source) : source_(source) {}
  Result<std::string> take(std::size_t size) {
    while (buffer_.size() < size) {
      auto piece = source_.read();
      if (!piece) return piece;
      if (piece->empty()) return no_backup("the archive is cut off");
      buffer_ += *piece;
    }
    std::string out = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }
  Result<bool> at_end() {
    if (!buffer_.empty()) return false;
    auto piece = source_.read();
    if (!piece) return piece.error();
    buffer_ = *std::move(piece);
    return buffer_.empty();
  }

 private:
  ByteSource& source_;
  std::string buffer_;
};

// A file's head: its name and its size, each as text of fixed width.
std::string head_of(const std::string& name, std::int64_t size) {
  std::string head = name;
  head.resize(kNameMax, '\0');
  return head + fmt::format("{:020}", size);
}

Result<> append_file(ByteSink& out, const ArchivedFile& file) {
  const Fd in(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (in.get() < 0 || ::fstat(in.get(), &info) != 0) return file_failure(file.path);
  GANTRY_TRY(out.write(head_of(file.name, info.st_size)));
  FdSource source(in.get(), file.path);
  std::int64_t bytes = 0;
  while (true) {
    const auto piece = source.read();
    if (!piece) return piece.error();
    if (piece->empty()) break;
    bytes += static_cast<std::int64_t>(piece->size());
    GANTRY_TRY(out.write(*piece));
  }
  if (bytes == info.st_size) return done();
  return Error{Code::unavailable, "file_failed", file.path + " changed while it was read"};
}

Result<> take_file(Reader& reader, const std::string& folder,
                   const std::vector<std::string>& wanted) {
  auto name = reader.take(kNameMax);
  if (!name) return name.error();
  name->erase(std::find(name->begin(), name->end(), '\0'), name->end());
  const auto digits = reader.take(20);
  if (!digits) return digits.error();
  if (std::find(wanted.begin(), wanted.end(), *name) == wanted.end() ||
      digits->find_first_not_of("0123456789") != std::string::npos ||
      *digits > "00999999999999999999")
    return no_backup("the archive has a part that does not belong there");
  const std::string path = folder + "/" + *name;
  const Fd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (out.get() < 0) return file_failure(path);
  FdSink sink(out.get(), path);
  for (std::int64_t left = std::stoll(*digits); left > 0;) {
    const auto piece = reader.take(static_cast<std::size_t>(std::min<std::int64_t>(left, kRead)));
    if (!piece) return piece.error();
    GANTRY_TRY(sink.write(*piece));
    left -= static_cast<std::int64_t>(piece->size());
  }
  return sink.finish();
}

std::string new_salt() {
  std::random_device random;
  std::string salt(kSalt, '\0');
  for (char& c : salt) c = static_cast<char>(random());
  return salt;
}

}  // namespace

Result<> write_control_archive(const std::string& path, const std::vector<ArchivedFile>& files,
                               const std::optional<std::string>& passphrase) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return file_failure(path);
  FdSink raw(file.get(), path);
  const std::string salt = new_salt();
  std::unique_ptr<ByteSink> sealed;
  GANTRY_TRY(raw.write(passphrase ? kSealed : kPlain));
  if (passphrase) {
    GANTRY_TRY(raw.write(salt));
    const auto key = VaultKey::of_passphrase(*passphrase, salt);
    if (!key) return key.error();
    sealed = seal_into(*key, kLabel, raw);
  }
  ByteSink& out = sealed ? *sealed : raw;
  GANTRY_TRY(out.write(fmt::format("{:020}", files.size())));
  for (const ArchivedFile& each : files) GANTRY_TRY(append_file(out, each));
  return out.finish();
}

Result<> read_control_archive(const std::string& path, const std::string& folder,
                              const std::vector<std::string>& wanted,
                              const std::optional<std::string>& passphrase) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return file_failure(path);
  char magic[8 + kSalt] = {};
  const ssize_t head = ::pread(file.get(), magic, sizeof magic, 0);
  const std::string_view start(magic, head < 8 ? 0 : 8);
  if (start != kPlain && start != kSealed) return no_backup(path + " is no backup of Gantry");
  const bool closed = start == kSealed;
  if (closed && !passphrase)
    return Error{Code::conflict, "wrong_passphrase", path + " opens with its passphrase only"};
  ::lseek(file.get(), static_cast<off_t>(closed ? 8 + kSalt : 8), SEEK_SET);
  FdSource raw(file.get(), path);
  std::unique_ptr<ByteSource> plain;
  if (closed) {
    const auto key = VaultKey::of_passphrase(*passphrase, std::string_view(magic + 8, kSalt));
    if (!key) return key.error();
    plain = open_from(*key, kLabel, raw);
  }
  Reader reader(plain ? *plain : static_cast<ByteSource&>(raw));
  const auto count = reader.take(20);
  if (!count && count.error().reason == "wrong_key")
    return Error{Code::conflict, "wrong_passphrase", path + " was sealed with another passphrase"};
  if (!count) return count.error();
  for (int left = std::atoi(count->c_str()); left > 0; --left)
    GANTRY_TRY(take_file(reader, folder, wanted));
  const auto end = reader.at_end();
  if (!end) return end.error();
  return *end ? done() : Result<>(no_backup("something follows the archive's end"));
}

}  // namespace gantry
