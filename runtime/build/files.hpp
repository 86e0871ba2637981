// What the builder needs of the file system: descriptors that close themselves, whole writes.
// Blocking; thread-safe as long as no two threads share an object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "proto/result.hpp"

namespace gantry {

class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// `what` is a clause without its end: "cannot write the archive". ENOSPC and EDQUOT: exhausted
// "disk_full"; all others may pass: unavailable "io_failed".
Error io_error(const std::string& what, int number);

Result<> write_all(int fd, std::string_view bytes, const std::string& what);

// At most `limit` bytes; more: exhausted "too_large". No such file: not_found.
Result<std::string> read_whole(const std::string& path, std::size_t limit);

void sync_folder(const std::string& path);

// What an ordinary user may still write there; 0 when it cannot be told.
std::uint64_t free_bytes(const std::string& path);

// A name out of an archive as it may stand in a message: no control characters, not endless.
std::string shown(std::string_view name);

}  // namespace gantry
