#include "runtime/build/unpack.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/build/files.hpp"
#include "runtime/build/unpack_path.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kCheckBytes = 16ULL * 1024 * 1024;

struct CloseArchive {
  void operator()(archive* it) const { archive_read_free(it); }
};

Error too_large(const std::string& what) {
  return {Code::invalid, "archive_too_large", "the archive is refused: " + what};
}

Error io_failed(std::string_view name, int number) {
  return io_error("cannot unpack " + shown(name), number);
}

class Unpacker {
 public:
  explicit Unpacker(const UnpackOrder& order)
      : order_(order), limits_(order.limits), deadline_(order.clock->now() + limits_.time) {}

  Result<Unpacked> run() {
    GANTRY_TRY(open());
    while (true) {
      archive_entry* entry = nullptr;
      const int got = archive_read_next_header(archive_.get(), &entry);
      if (got == ARCHIVE_EOF) break;
      // "Retry" would go on behind an entry that is damaged, and leave it out without a word.
      if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return broken();
      GANTRY_TRY(take(entry));
    }
    if (result_.entries == 0)
      return Error{Code::invalid, "archive_broken", "the archive is empty: there is no file in it"};
    GANTRY_TRY(check_links());
    for (auto it = folder_times_.rbegin(); it != folder_times_.rend(); ++it)
      ::utimensat(root_.get(), it->first.c_str(), it->second.data(), AT_SYMLINK_NOFOLLOW);
    return result_;
  }

 private:
  using Times = std::array<timespec, 2>;

  Result<> open() {
    file_ = File(::open(order_.archive.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_ && errno == ENOENT)
      return Error{Code::not_found, "source_gone",
                   "the archive is not there any more: deploy the directory again"};
    if (!file_) return io_error("cannot open the archive", errno);
    std::error_code failed;
    fs::create_directories(fs::path(order_.folder).parent_path(), failed);
    if (failed || ::mkdir(order_.folder.c_str(), 0700) != 0)
      return io_error("cannot make a folder for the source", failed ? failed.value() : errno);
    root_ = File(::open(order_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root_) return io_error("cannot open the source's folder", errno);
    archive_.reset(archive_read_new());
    archive_read_support_filter_gzip(archive_.get());
    archive_read_support_filter_zstd(archive_.get());
    archive_read_support_format_tar(archive_.get());
    archive_read_support_format_empty(archive_.get());
    if (archive_read_open_fd(archive_.get(), file_.get(), 65536) != ARCHIVE_OK) return broken();
    return done();
  }

  Error broken() const {
    const char* said = archive_error_string(archive_.get());
    std::string why = said == nullptr ? "unreadable" : said;
    std::transform(why.begin(), why.end(), why.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (why.find("truncated") != std::string::npos)
      return {Code::invalid, "archive_truncated",
              "the archive ends in the middle" + (current_.empty() ? "" : " of " + current_) +
                  ": upload it again"};
    return {Code::invalid, "archive_broken",
            "the archive cannot be read" + (current_.empty() ? "" : " after " + current_) + " (" +
                shown(why) + "): upload a tar packed with gzip"};
  }

  // Between any two steps: is there time, may it go on.
  Result<> check() const {
    if (order_.stop.stop_requested())
      return Error{Code::conflict, "cancelled", "the deployment was cancelled"};
    if (order_.clock->now() > deadline_)
      return too_large("it takes longer than " + std::to_string(limits_.time.count()) +
                       " seconds to unpack");
    return done();
  }

  Result<> take(archive_entry* entry) {
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr) return refused_entry("an entry", "has a name that cannot be read");
    current_ = shown(name);
    GANTRY_TRY(check());
    if (++result_.entries > limits_.entries)
      return too_large("it has more than " + std::to_string(limits_.entries) + " files");
    const auto parts = entry_parts(name, {limits_.path_bytes, limits_.depth});
    if (!parts) return parts.error();
    if (const char* target = archive_entry_hardlink(entry)) return hard_link(*parts, target, entry);
    switch (archive_entry_filetype(entry)) {
      case AE_IFREG:
        return regular(*parts, entry);
      case AE_IFDIR:
        return directory(*parts, entry);
      case AE_IFLNK:
        return symbolic_link(*parts, entry);
      case AE_IFIFO:
        return refused_entry(name, "is a named pipe: leave it out");
      case AE_IFSOCK:
        return refused_entry(name, "is a socket: leave it out");
      case AE_IFCHR:
      case AE_IFBLK:
        return refused_entry(name, "is a device: leave it out");
    }
    return refused_entry(name, "is neither file, directory nor link: leave it out");
  }

  // The folder that holds parts[count], made where it is missing; no link is followed.
  Result<int> folder_of(const PathParts& parts, std::size_t count) {
    const PathParts wanted(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(count));
    if (count == 0) return root_.get();
    if (folder_ && wanted == folder_parts_) return folder_.get();
    File at(::dup(root_.get()));
    for (const auto& part : wanted) {
      if (::mkdirat(at.get(), part.c_str(), 0755) != 0 && errno != EEXIST)
        return io_failed(current_, errno);
      File next(::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next && (errno == ELOOP || errno == ENOTDIR))
        return refused_entry(joined(parts), "lies behind " + shown(part) +
                                                ", which is not a directory in this archive");
      if (!next) return io_failed(current_, errno);
      at = std::move(next);
    }
    folder_ = std::move(at);
    folder_parts_ = wanted;
    return folder_.get();
  }

  // An entry that comes twice replaces the first, as tar does; a directory stays one.
  Result<> clear(int folder, const PathParts& parts) const {
    struct stat info {};
    if (::fstatat(folder, parts.back().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return done();
    if (S_ISDIR(info.st_mode))
      return refused_entry(joined(parts), "is there twice, as a directory and as a file");
    if (::unlinkat(folder, parts.back().c_str(), 0) != 0) return io_failed(current_, errno);
    return done();
  }

  static Times times_of(archive_entry* entry) {
    // What the year 1970 and a computer of this century can say.
    const auto seconds = std::clamp<time_t>(archive_entry_mtime(entry), 0, 0x1'ffff'ffff);
    const timespec at{seconds, archive_entry_mtime_nsec(entry)};
    return {at, at};
  }

  Result<> directory(const PathParts& parts, archive_entry* entry) {
    if (parts.empty()) return done();
    if (archive_entry_size(entry) > 0)
      return refused_entry(joined(parts), "is a directory with contents of a file");
    const auto parent = folder_of(parts, parts.size() - 1);
    if (!parent) return parent.error();
    if (::mkdirat(*parent, parts.back().c_str(), 0755) != 0) {
      struct stat info {};
      if (errno != EEXIST) return io_failed(current_, errno);
      if (::fstatat(*parent, parts.back().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
          !S_ISDIR(info.st_mode))
        return refused_entry(joined(parts), "is there twice, as a directory and as a file");
    }
    ::fchmodat(*parent, parts.back().c_str(), (archive_entry_perm(entry) & 0777U) | 0700U, 0);
    folder_times_.emplace_back(joined(parts), times_of(entry));
    return done();
  }

  Result<> regular(const PathParts& parts, archive_entry* entry) {
    if (parts.empty()) return refused_entry(".", "is a file in the place of the source's root");
    const auto parent = folder_of(parts, parts.size() - 1);
    if (!parent) return parent.error();
    GANTRY_TRY(clear(*parent, parts));
    GANTRY_TRY(make_room(parts, archive_entry_size(entry)));
    const File file(::openat(*parent, parts.back().c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return io_failed(current_, errno);
    GANTRY_TRY(contents(file.get(), archive_entry_size(entry)));
    if (::fchmod(file.get(), (archive_entry_perm(entry) & 0777U) | 0600U) != 0)
      return io_failed(current_, errno);
    ::futimens(file.get(), times_of(entry).data());
    return done();
  }

  // Before a byte of it is written: a file of holes counts as long as it says.
  Result<> make_room(const PathParts& parts, std::int64_t size) {
    if (size < 0) return refused_entry(joined(parts), "says that it is shorter than nothing");
    const auto bytes = static_cast<std::uint64_t>(size);
    if (bytes > limits_.total_bytes - result_.bytes)
      return too_large("with " + shown(joined(parts)) + " it unpacks to more than " +
                       std::to_string(limits_.total_bytes / (1024 * 1024)) + " MiB");
    unchecked_ += bytes + 4096;
    if (unchecked_ >= kCheckBytes || result_.entries == 1) {
      unchecked_ = 0;
      if (free_bytes(order_.folder) < limits_.reserve_bytes + bytes)
        return io_failed(current_, ENOSPC);
    }
    return done();
  }

  Result<> check_ratio() const {
    const auto packed = static_cast<std::uint64_t>(archive_filter_bytes(archive_.get(), -1));
    if (result_.bytes <= limits_.ratio_floor_bytes || result_.bytes / limits_.ratio <= packed)
      return done();
    return too_large(current_ + " unpacks to more than " + std::to_string(limits_.ratio) +
                     " times its size, as only a bomb does");
  }

  Result<> contents(int file, std::int64_t size) {
    std::int64_t end = 0;
    while (true) {
      const void* bytes = nullptr;
      std::size_t count = 0;
      std::int64_t offset = 0;
      const int got = archive_read_data_block(archive_.get(), &bytes, &count, &offset);
      if (got == ARCHIVE_EOF) break;
      if (got == ARCHIVE_FATAL || got == ARCHIVE_FAILED) return broken();
      GANTRY_TRY(check());
      if (offset < end || offset + static_cast<std::int64_t>(count) > size)
        return refused_entry(current_, "holds more than it says");
      if (offset != end && ::lseek(file, offset, SEEK_SET) < 0) return io_failed(current_, errno);
      const std::string_view block(static_cast<const char*>(bytes), count);
      GANTRY_TRY(write_all(file, block, "cannot unpack " + current_));
      result_.bytes += static_cast<std::uint64_t>(offset - end) + count;
      end = offset + static_cast<std::int64_t>(count);
      GANTRY_TRY(check_ratio());
    }
    result_.bytes += static_cast<std::uint64_t>(size - end);
    if (end < size && ::ftruncate(file, size) != 0) return io_failed(current_, errno);
    return done();
  }

  Result<> symbolic_link(const PathParts& parts, archive_entry* entry) {
    const char* target = archive_entry_symlink(entry);
    if (parts.empty() || target == nullptr)
      return refused_entry(current_, "is a symbolic link to a name that cannot be read");
    GANTRY_TRY(check_link_target(parts, target));
    const auto parent = folder_of(parts, parts.size() - 1);
    if (!parent) return parent.error();
    GANTRY_TRY(clear(*parent, parts));
    if (::symlinkat(target, *parent, parts.back().c_str()) != 0) return io_failed(current_, errno);
    const Times times = times_of(entry);
    ::utimensat(*parent, parts.back().c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
    links_.push_back(joined(parts));
    return done();
  }

  Result<> hard_link(const PathParts& parts, const std::string& target, archive_entry* entry) {
    if (parts.empty() || archive_entry_size(entry) > 0)
      return refused_entry(current_, "is a hard link with contents of its own");
    const auto of = entry_parts(target, {limits_.path_bytes, limits_.depth});
    if (!of || of->empty())
      return refused_entry(current_,
                           "is a hard link to " + shown(target) + ", outside of the archive");
    if (*of == parts) return done();
    const auto target_folder = folder_of(*of, of->size() - 1);
    if (!target_folder) return target_folder.error();
    const File kept(::dup(*target_folder));
    struct stat info {};
    if (::fstatat(kept.get(), of->back().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode))
      return refused_entry(current_, "is a hard link to " + shown(target) +
                                         ", which is no file that came before it");
    const auto parent = folder_of(parts, parts.size() - 1);
    if (!parent) return parent.error();
    GANTRY_TRY(clear(*parent, parts));
    if (::linkat(kept.get(), of->back().c_str(), *parent, parts.back().c_str(), 0) != 0)
      return io_failed(current_, errno);
    return done();
  }

  // A link's text may stay inside and the link lead out all the same, by way of another link.
  Result<> check_links() const {
    std::error_code failed;
    const std::string root = fs::canonical(order_.folder, failed).string();
    for (const auto& link : links_) {
      GANTRY_TRY(check());
      const std::string leads_to = fs::weakly_canonical(fs::path(root) / link, failed).string();
      if (failed) continue;  // in a circle: it leads nowhere
      if (leads_to != root && !leads_to.starts_with(root + "/"))
        return refused_entry(link,
                             "is a symbolic link that leads out of the source by way of "
                             "another one: leave it out");
    }
    return done();
  }

  const UnpackOrder& order_;
  const UnpackLimits limits_;
  const TimePoint deadline_;
  File file_;
  File root_;
  std::unique_ptr<archive, CloseArchive> archive_;
  File folder_;  // the last one, and its parts: entries come folder by folder
  PathParts folder_parts_;
  std::vector<std::string> links_;
  std::vector<std::pair<std::string, Times>> folder_times_;
  std::string current_;
  std::uint64_t unchecked_ = 0;
  Unpacked result_;
};

}  // namespace

Result<Unpacked> unpack(const UnpackOrder& order) { return Unpacker(order).run(); }

}  // namespace gantry
