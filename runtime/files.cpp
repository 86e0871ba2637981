#include "runtime/files.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry {

Error file_error(const std::string& what, const std::string& path) {
  const Code code = errno == ENOENT ? Code::not_found : Code::unavailable;
  return {code, "file_failed", "cannot " + what + " " + path + ": " + std::strerror(errno)};
}

namespace {

enum class Sync { yes, no };

Result<> write_file(const std::string& path, std::string_view text, Sync sync) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return file_error("open", path);
  std::size_t written = 0;
  while (written < text.size()) {
    const auto n = ::write(fd, text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const Error error = file_error("write", path);
      ::close(fd);
      return error;
    }
    written += static_cast<std::size_t>(n);
  }
  const bool synced = sync == Sync::no || ::fdatasync(fd) == 0;
  const Error error = file_error("sync", path);
  ::close(fd);
  if (!synced) return error;
  return done();
}

}  // namespace

Result<> write_beside(const std::string& path, std::string_view text) {
  return write_file(path, text, Sync::yes);
}

Result<> replace_made_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  GANTRY_TRY(write_file(beside, text, Sync::no));
  if (::rename(beside.c_str(), path.c_str()) != 0) return file_error("rename", beside);
  return done();
}

Result<> rename_over(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return file_error("rename", from);
  const std::string folder = std::filesystem::path(to).parent_path();
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return file_error("open", folder);
  const bool synced = ::fsync(fd) == 0;
  const Error error = file_error("sync", folder);
  ::close(fd);
  if (!synced) return error;
  return done();
}

Result<> replace_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  GANTRY_TRY(write_beside(beside, text));
  return rename_over(beside, path);
}

Result<std::string> read_whole(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return file_error("open", path);
  std::string text;
  char buffer[65536];
  for (;;) {
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const Error error = file_error("read", path);
      ::close(fd);
      if (n < 0) return error;
      return text;
    }
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

Result<> make_directory(const std::string& path, unsigned mode) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    return Error{Code::unavailable, "file_failed", "cannot make " + path + ": " + error.message()};
  if (::chmod(path.c_str(), mode) != 0) return file_error("set the mode of", path);
  return done();
}

}  // namespace gantry
