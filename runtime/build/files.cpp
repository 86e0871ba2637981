#include "runtime/build/files.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace gantry {

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Error io_error(const std::string& what, int number) {
  if (number == ENOSPC || number == EDQUOT)
    return {Code::exhausted, "disk_full", what + ": the server's disk is full; free some space"};
  if (number == ENOENT) return {Code::not_found, "not_found", what + ": there is no such file"};
  return {Code::unavailable, "io_failed", what + ": " + std::strerror(number)};
}

Result<> write_all(int fd, std::string_view bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error(what, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return done();
}

Result<std::string> read_whole(const std::string& path, std::size_t limit) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return io_error("cannot open " + shown(path), errno);
  std::string text;
  std::array<char, 16384> part{};
  while (true) {
    const ssize_t count = ::read(file.get(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("cannot read " + shown(path), errno);
    if (count == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(count));
    if (text.size() > limit)
      return Error{Code::exhausted, "too_large",
                   shown(path) + " has more than " + std::to_string(limit) + " bytes"};
  }
}

void sync_folder(const std::string& path) {
  const File folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
}

std::uint64_t free_bytes(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

std::string shown(std::string_view name) {
  constexpr std::size_t kLongest = 200;
  std::string text;
  for (const char c : name.substr(0, kLongest))
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (name.size() > kLongest) text += "...";
  return text;
}

}  // namespace gantry
