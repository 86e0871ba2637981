#include <array>
#include <cerrno>
#include <filesystem>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/source_path.hpp"
#include "runtime/build/files.hpp"
#include "runtime/build/sha256.hpp"
#include "runtime/build/sources.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPart = ".part";

// The archives that somebody writes now, by file. One set for all: two Sources on one folder may
// not meet either.
class Writers {
 public:
  bool enter(const std::string& file) {
    const std::scoped_lock lock(mutex_);
    return files_.insert(file).second;
  }
  void leave(const std::string& file) {
    const std::scoped_lock lock(mutex_);
    files_.erase(file);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> files_;
};
Writers& writers() {
  static Writers all;
  return all;
}

// Its turn at an archive: ends with the object.
class Turn {
 public:
  explicit Turn(std::string file) : file_(std::move(file)) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { writers().leave(file_); }

 private:
  std::string file_;
};

std::optional<std::uint64_t> size_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(info.st_size);
}

Error bad_digest() {
  return invalid("", "invalid_digest",
                 "expected a digest such as sha256: and 64 lower-case hexadecimal digits");
}

class FileUpload final : public Sources::Upload {
 public:
  FileUpload(const SourceOptions& options, std::string file, std::string_view digest,
             std::unique_ptr<Turn> turn)
      : options_(options),
        file_(std::move(file)),
        hex_(digest.substr(digest.find(':') + 1)),
        turn_(std::move(turn)) {}

  // Opens the part and sums up what it has; the digest counts from its first byte.
  Result<> open() {
    part_ = File(::open(part_path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!part_) return io_error(kWhat, errno);
    std::array<char, 65536> bytes{};
    while (true) {
      const ssize_t count = ::read(part_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return io_error("cannot read the archive", errno);
      if (count == 0) return done();
      sum_.add({bytes.data(), static_cast<std::size_t>(count)});
      received_ += static_cast<std::uint64_t>(count);
    }
  }

  Result<> write(std::string_view bytes) override {
    if (finished_) return Error{Code::conflict, "offset_mismatch", "this upload has ended"};
    if (bytes.size() > options_.archive_bytes - received_) {
      const auto megabytes = std::to_string(options_.archive_bytes / (1024 * 1024));
      throw_away();
      return Error{Code::exhausted, "source_too_large",
                   "the archive has more than " + megabytes +
                       " MiB: leave out what the build does not need (.gitignore, "
                       ".railwayignore)"};
    }
    unchecked_ += bytes.size();
    if (unchecked_ >= kCheckBytes || received_ == 0) {
      unchecked_ = 0;
      if (free_bytes(options_.directory) < options_.reserve_bytes + bytes.size())
        return io_error(kWhat, ENOSPC);
    }
    GANTRY_TRY(write_all(part_.get(), bytes, kWhat));
    sum_.add(bytes);
    received_ += bytes.size();
    return done();
  }

  Result<SourceState> finish() override {
    if (finished_) return Error{Code::conflict, "offset_mismatch", "this upload has ended"};
    finished_ = true;
    if (sum_.hex() != hex_) {
      throw_away();
      return Error{Code::invalid, "digest_mismatch",
                   "what was received has another digest than the address: it was thrown away, "
                   "upload it again from the beginning"};
    }
    if (::fsync(part_.get()) != 0) return io_error(kWhat, errno);
    if (::rename(part_path().c_str(), file_.c_str()) != 0) return io_error(kWhat, errno);
    sync_folder(fs::path(file_).parent_path());
    return SourceState{received_, true};
  }

  std::uint64_t received() const { return received_; }

 private:
  static constexpr const char* kWhat = "cannot write the archive";
  static constexpr std::uint64_t kCheckBytes = 8ULL * 1024 * 1024;

  std::string part_path() const { return file_ + std::string(kPart); }
  void throw_away() {
    finished_ = true;
    ::unlink(part_path().c_str());
  }

  const SourceOptions options_;
  const std::string file_;
  const std::string hex_;
  File part_;
  Sha256 sum_;
  std::uint64_t received_ = 0;
  std::uint64_t unchecked_ = 0;  // written since the disk's room was looked at
  bool finished_ = false;
  std::unique_ptr<Turn> turn_;  // last: given back when the part is closed
};

class FileSources final : public Sources {
 public:
  explicit FileSources(SourceOptions options) : options_(std::move(options)) {}

  Result<SourceState> state(const ProjectId& project, std::string_view digest) override {
    if (!is_digest(digest) || project.empty()) return bad_digest();
    const std::string file = source_file(options_.directory, project, digest);
    if (const auto size = size_of(file)) {
      ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
      return SourceState{*size, true};
    }
    if (const auto size = size_of(file + std::string(kPart))) return SourceState{*size, false};
    return gantry::not_found("archive " + std::string(digest) + ": upload it");
  }

  Result<std::unique_ptr<Upload>> upload(const ProjectId& project, std::string_view digest,
                                         std::uint64_t offset) override {
    if (!is_digest(digest) || project.empty()) return bad_digest();
    const std::string file = source_file(options_.directory, project, digest);
    if (!writers().enter(file))
      return Error{Code::conflict, "upload_in_progress",
                   "somebody else is uploading this archive now: ask for its state in a second"};
    auto turn = std::make_unique<Turn>(file);
    if (size_of(file))
      return Error{Code::conflict, "offset_mismatch", "the archive is complete already"};
    std::error_code failed;
    fs::create_directories(fs::path(file).parent_path(), failed);
    if (failed) return io_error("cannot make a folder for the archive", failed.value());
    auto upload = std::make_unique<FileUpload>(options_, file, digest, std::move(turn));
    const std::uint64_t have = size_of(file + std::string(kPart)).value_or(0);
    if (have == offset) GANTRY_TRY(upload->open());
    if (have != offset || upload->received() != offset)
      return Error{Code::conflict, "offset_mismatch",
                   std::to_string(have) + " bytes have been received: go on from there"};
    return std::unique_ptr<Upload>(std::move(upload));
  }

 private:
  const SourceOptions options_;
};

}  // namespace

std::unique_ptr<Sources> make_sources(const SourceOptions& options) {
  return std::make_unique<FileSources>(options);
}

std::string source_file(const std::string& directory, const ProjectId& project,
                        std::string_view digest) {
  return directory + "/" + project.str() + "/" + std::string(digest.substr(digest.find(':') + 1)) +
         ".tar.gz";
}

namespace {

// Of "<hex>.tar.gz" and what lies beside it: the archive.
std::string archive_of(const fs::path& path) {
  const std::string name = path.filename();
  return path.parent_path() / (name.substr(0, name.find('.')) + ".tar.gz");
}

TimePoint written_at(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return TimePoint::max();
  return TimePoint(Seconds(info.st_mtim.tv_sec));
}

}  // namespace

int sweep_sources(const std::string& directory, const SourceSweep& sweep) {
  std::error_code failed;
  std::set<std::string> doomed;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator it(directory, failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it.depth() > 1) it.disable_recursion_pending();
    if (it.depth() == 1 && it->is_regular_file(failed)) files.push_back(it->path());
  }
  for (const auto& file : files) {
    const bool complete = file == archive_of(file);
    const auto age = sweep.now - written_at(file);
    if (complete && age > sweep.archive_age && !sweep.needed.contains(file)) doomed.insert(file);
  }
  int removed = 0;
  for (const auto& file : files) {
    const std::string archive = archive_of(file);
    const bool part = file.extension() == kPart || file.extension() == ".new";
    const bool orphan = archive != file && !part && !fs::exists(archive, failed);
    const bool old = sweep.now - written_at(file) > sweep.part_age;
    if (doomed.contains(archive) ? !part : old && (part || orphan))
      removed += fs::remove(file, failed) ? 1 : 0;
  }
  return removed;
}

}  // namespace gantry
