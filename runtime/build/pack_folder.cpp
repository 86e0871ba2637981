#include "runtime/build/pack_folder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "proto/name.hpp"
#include "proto/utf8_names.hpp"
#include "runtime/build/files.hpp"
#include "runtime/build/sha256.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhat = "cannot pack the repository";
constexpr std::size_t kBlock = 256 * 1024;
constexpr std::uintmax_t kPointerBytes = 1024;

// Paths from the folder, ascending: an archive of the same files has the same bytes.
Result<std::vector<std::string>> paths_of(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code failed;
  for (fs::recursive_directory_iterator it(folder, failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it->path().filename() == ".git") {
      it.disable_recursion_pending();
      continue;
    }
    const auto status = it->symlink_status(failed);
    if (fs::is_regular_file(status) || fs::is_directory(status) || fs::is_symlink(status))
      paths.push_back(it->path().lexically_relative(folder));
  }
  if (failed) return io_error(kWhat, failed.value());
  std::sort(paths.begin(), paths.end());
  return paths;
}

struct FreeWriter {
  void operator()(archive* it) const { archive_write_free(it); }
};
struct FreeEntry {
  void operator()(archive_entry* it) const { archive_entry_free(it); }
};

struct Sink {
  File file;
  Sha256 sum;
  int trouble = 0;
};

la_ssize_t on_packed(archive*, void* user, const void* bytes, std::size_t count) {
  Sink& sink = *static_cast<Sink*>(user);
  const std::string_view text(static_cast<const char*>(bytes), count);
  sink.sum.add(text);
  if (const auto written = write_all(sink.file.get(), text, kWhat); written)
    return static_cast<la_ssize_t>(count);
  sink.trouble = errno == 0 ? EIO : errno;
  return -1;
}

class Packer {
 public:
  explicit Packer(File file)
      : tar_(archive_write_new()), entry_(archive_entry_new()), buffer_(kBlock) {
    sink_.file = std::move(file);
    archive_write_set_format_pax_restricted(tar_.get());
    archive_write_add_filter_gzip(tar_.get());
    archive_write_set_filter_option(tar_.get(), "gzip", "timestamp", nullptr);
    archive_write_set_bytes_in_last_block(tar_.get(), 1);
    archive_write_open(tar_.get(), &sink_, nullptr, on_packed, nullptr);
  }

  Result<> add(const std::string& folder, const std::string& path) {
    const std::string whole = folder + "/" + path;
    struct stat info {};
    if (::lstat(whole.c_str(), &info) != 0) return io_error(kWhat, errno);
    archive_entry* const entry = archive_entry_clear(entry_.get());
    archive_entry_set_pathname(entry, ("./" + path).c_str());
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    archive_entry_set_mtime(entry, 0, 0);
    if (S_ISLNK(info.st_mode)) return add_link(entry, whole);
    const bool folder_itself = S_ISDIR(info.st_mode);
    const bool runs = (info.st_mode & S_IXUSR) != 0;
    archive_entry_set_filetype(entry, folder_itself ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, folder_itself || runs ? 0755 : 0644);
    archive_entry_set_size(entry, folder_itself ? 0 : info.st_size);
    if (archive_write_header(tar_.get(), entry) < ARCHIVE_WARN) return failed();
    return folder_itself ? done() : add_contents(whole, info.st_size);
  }

  Result<Sha256> finish() {
    if (archive_write_close(tar_.get()) != ARCHIVE_OK) return failed().error();
    return sink_.sum;
  }

 private:
  Result<> add_link(archive_entry* entry, const std::string& whole) {
    std::error_code trouble;
    const auto target = fs::read_symlink(whole, trouble);
    if (trouble) return io_error(kWhat, trouble.value());
    archive_entry_set_filetype(entry, AE_IFLNK);
    archive_entry_set_perm(entry, 0777);
    archive_entry_set_symlink(entry, target.c_str());
    return archive_write_header(tar_.get(), entry) < ARCHIVE_WARN ? failed() : done();
  }

  Result<> add_contents(const std::string& whole, std::int64_t size) {
    const File file(::open(whole.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return io_error(kWhat, errno);
    for (std::int64_t left = size; left > 0;) {
      const auto room = std::min<std::size_t>(buffer_.size(), static_cast<std::size_t>(left));
      const ssize_t got = ::read(file.get(), buffer_.data(), room);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return io_error(kWhat, got < 0 ? errno : EIO);
      if (archive_write_data(tar_.get(), buffer_.data(), static_cast<std::size_t>(got)) != got)
        return failed();
      left -= got;
    }
    return done();
  }

  Result<> failed() {
    if (sink_.trouble != 0) return io_error(kWhat, sink_.trouble);
    const char* said = archive_error_string(tar_.get());
    return Error{Code::unavailable, "io_failed",
                 std::string(kWhat) + ": " + (said == nullptr ? "unknown" : said)};
  }

  NamesAreUtf8 names_are_utf8_;
  Sink sink_;  // outlives the writer, whose end may write to it
  std::unique_ptr<archive, FreeWriter> tar_;
  std::unique_ptr<archive_entry, FreeEntry> entry_;
  std::vector<char> buffer_;
};

bool is_pointer(const fs::directory_entry& entry) {
  constexpr std::string_view mark = "version https://git-lfs.github.com/spec/";
  std::error_code failed;
  if (entry.is_symlink(failed) || !entry.is_regular_file(failed) ||
      entry.file_size(failed) > kPointerBytes)
    return false;
  std::ifstream file(entry.path(), std::ios::binary);
  std::array<char, mark.size()> head{};
  file.read(head.data(), head.size());
  return std::string_view(head.data(), static_cast<std::size_t>(file.gcount())) == mark;
}

}  // namespace

Result<FolderArchive> pack_folder(const std::string& folder, const std::string& file,
                                  const std::stop_token& stop) {
  auto paths = paths_of(folder);
  if (!paths) return paths.error();
  File out(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!out) return io_error(kWhat, errno);
  Packer packer(std::move(out));
  for (const std::string& path : *paths) {
    if (stop.stop_requested())
      return Error{Code::unavailable, "interrupted", "the daemon stops; it begins again with it"};
    if (!is_utf8(path))
      return Error{Code::invalid, "bad_name",
                   "the name of " + shown(path) + " in the repository is not UTF-8: rename it"};
    GANTRY_TRY(packer.add(folder, path));
  }
  auto sum = packer.finish();
  if (!sum) return sum.error();
  return FolderArchive{file, "sha256:" + sum->hex(), static_cast<std::uint64_t>(sum->bytes())};
}

Result<> keep_archive(Sources& sources, const ProjectId& project, const FolderArchive& archive) {
  const auto state = sources.state(project, archive.digest);
  if (state && state->complete) return done();
  if (!state && state.error().code != Code::not_found) return state.error();
  const std::uint64_t offset = state ? state->received_bytes : 0;
  auto upload = sources.upload(project, archive.digest, offset);
  if (!upload) return upload.error();
  std::ifstream in(archive.file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  std::vector<char> block(kBlock);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0)
    GANTRY_TRY((*upload)->write({block.data(), static_cast<std::size_t>(in.gcount())}));
  const auto finished = (*upload)->finish();
  return finished ? done() : Result<>(finished.error());
}

std::vector<std::string> lfs_pointers(const std::string& folder, std::size_t most) {
  std::vector<std::string> found;
  std::error_code failed;
  for (fs::recursive_directory_iterator it(folder, failed), end;
       !failed && it != end && found.size() < most; it.increment(failed)) {
    if (it->path().filename() == ".git")
      it.disable_recursion_pending();
    else if (is_pointer(*it))
      found.push_back(it->path().lexically_relative(folder));
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace gantry
