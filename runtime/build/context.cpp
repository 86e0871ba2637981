#include "runtime/build/context.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/build/files.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::int64_t kExtraTime = 315532800;  // 1980-01-01: what every archive format can say

struct FreeEntry {
  void operator()(archive_entry* it) const { archive_entry_free(it); }
};

Error packing_failed(const std::string& path) {
  return {Code::unavailable, "io_failed", "cannot send " + shown(path) + " to the build"};
}

// By parts, so that what is in a directory follows it at once.
std::vector<std::string> children(const std::string& folder, std::error_code& failed) {
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed))
    names.push_back(it->path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

struct BuildContext::Writer {
  Writer() : tar(archive_write_new()) {
    // GNU: names are bytes, of any length.
    archive_write_set_format_gnutar(tar);
    archive_write_set_bytes_per_block(tar, 0);
    archive_write_open2(tar, this, nullptr, take, nullptr, nullptr);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { archive_write_free(tar); }

  static la_ssize_t take(archive*, void* self, const void* bytes, std::size_t count) {
    static_cast<Writer*>(self)->out.append(static_cast<const char*>(bytes), count);
    return static_cast<la_ssize_t>(count);
  }

  archive* tar;
  std::string out;
  File file;  // the one that is being sent
  std::string path;
  std::uint64_t left = 0;
  bool closed = false;
};

BuildContext::BuildContext(ContextOptions options)
    : options_(std::move(options)), writer_(std::make_unique<Writer>()) {}
BuildContext::BuildContext(BuildContext&&) noexcept = default;
BuildContext& BuildContext::operator=(BuildContext&&) noexcept = default;
BuildContext::~BuildContext() = default;

Result<BuildContext> BuildContext::open(ContextOptions options) {
  BuildContext context(std::move(options));
  bool anything = false;
  GANTRY_TRY(context.list("", {}, anything));
  for (const auto& [path, text] : context.options_.extra) context.items_.push_back({path, false});
  return context;
}

std::vector<std::string> BuildContext::paths() const {
  std::vector<std::string> paths;
  for (const auto& item : items_) paths.push_back(item.path + (item.directory ? "/" : ""));
  return paths;
}

// Whatever is wanted below `folder` ("" or "a/b/"). An ignored directory comes only with something
// in it that is wanted.
Result<> BuildContext::list(const std::string& folder, const std::vector<bool>& rules,
                            bool& anything) {
  std::error_code failed;
  for (const auto& name : children(options_.folder + "/" + folder, failed)) {
    const std::string path = folder + name;
    if (options_.extra.contains(path)) continue;
    struct stat info {};
    if (::lstat((options_.folder + "/" + path).c_str(), &info) != 0)
      return io_error("cannot read " + shown(path), errno);
    const auto verdict = options_.ignore.judge(path, rules);
    if (!S_ISDIR(info.st_mode)) {
      const bool wanted = !verdict.ignored || options_.always.contains(path);
      if (wanted) items_.push_back({path, false});
      anything = anything || wanted;
      continue;
    }
    const auto inside = options_.always.lower_bound(path + "/");
    const bool has_always = inside != options_.always.end() && inside->starts_with(path + "/");
    if (verdict.ignored && !options_.ignore.has_exceptions() && !has_always) continue;
    const std::size_t place = items_.size();
    items_.push_back({path, true});
    bool wanted = !verdict.ignored;
    GANTRY_TRY(list(path + "/", verdict.rules, wanted));
    if (!wanted) items_.resize(place);
    anything = anything || wanted;
  }
  if (failed) return io_error("cannot read the source", failed.value());
  return done();
}

Result<> BuildContext::begin(const Item& item) {
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), item.path.c_str());
  archive_entry_set_mtime(entry.get(), kExtraTime, 0);
  archive_entry_set_mode(entry.get(), AE_IFREG | 0644);
  const auto extra = options_.extra.find(item.path);
  std::string_view text;
  if (extra != options_.extra.end()) {
    text = extra->second;
    archive_entry_set_size(entry.get(), static_cast<std::int64_t>(text.size()));
  } else {
    const std::string path = options_.folder + "/" + item.path;
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return packing_failed(item.path);
    archive_entry_set_mtime(entry.get(), info.st_mtim.tv_sec, 0);
    archive_entry_set_mode(entry.get(), info.st_mode);
    if (S_ISLNK(info.st_mode)) {
      std::error_code failed;
      archive_entry_set_symlink(entry.get(), fs::read_symlink(path, failed).c_str());
    }
    if (S_ISREG(info.st_mode)) {
      archive_entry_set_size(entry.get(), info.st_size);
      writer_->file = File(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
      if (!writer_->file) return packing_failed(item.path);
      writer_->left = static_cast<std::uint64_t>(info.st_size);
    }
  }
  writer_->path = item.path;
  if (archive_write_header(writer_->tar, entry.get()) < ARCHIVE_WARN)
    return packing_failed(item.path);
  if (!text.empty() && archive_write_data(writer_->tar, text.data(), text.size()) < 0)
    return packing_failed(item.path);
  return done();
}

Result<std::string> BuildContext::next() {
  Writer& writer = *writer_;
  std::array<char, kPiece> bytes{};
  while (writer.out.size() < kPiece && !writer.closed) {
    if (writer.left > 0) {
      const ssize_t count = ::read(writer.file.get(), bytes.data(),
                                   std::min<std::uint64_t>(bytes.size(), writer.left));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return packing_failed(writer.path);
      writer.left -= static_cast<std::uint64_t>(count);
      if (archive_write_data(writer.tar, bytes.data(), static_cast<std::size_t>(count)) != count)
        return packing_failed(writer.path);
    } else if (at_ < items_.size()) {
      GANTRY_TRY(begin(items_[at_++]));
    } else {
      writer.file = File();
      writer.closed = true;
      if (archive_write_close(writer.tar) != ARCHIVE_OK) return packing_failed("the end");
    }
  }
  return std::exchange(writer.out, {});
}

}  // namespace gantry
