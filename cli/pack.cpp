#include "cli/pack.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#include "cli/failure.hpp"
#include "cli/session.hpp"
#include "proto/name.hpp"
#include "proto/utf8_names.hpp"

namespace gantry::cli {
namespace {

constexpr int kAttempts = 3;
constexpr std::size_t kBlock = 256 * 1024;

std::string temporary_folder() {
  const char* const wanted = environ_value("TMPDIR");
  if (wanted != nullptr && *wanted != '\0') return wanted;
  return ::access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp";
}

Failure no_room(const std::string& folder, int why) {
  return {"cannot write the archive in " + folder + ": " + std::strerror(why), "no_room",
          "TMPDIR names another directory for it"};
}

File open_temporary(const std::string& folder) {
  std::string path = folder + "/gantry-upload-XXXXXX";
  File file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) throw no_room(folder, errno);
  ::unlink(path.c_str());
  return file;
}

// The file that grows, and the digest of what is in it.
class Sink {
 public:
  Sink() : folder_(temporary_folder()), file_(open_temporary(folder_)) {
    if (sodium_init() < 0) throw Failure{"libsodium does not start", "internal", ""};
    crypto_hash_sha256_init(&state_);
  }

  bool write(const unsigned char* bytes, std::size_t count) {
    crypto_hash_sha256_update(&state_, bytes, count);
    for (std::size_t at = 0; at < count;) {
      const ssize_t wrote = ::write(file_.get(), bytes + at, count - at);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) {
        trouble_ = wrote < 0 ? errno : ENOSPC;
        return false;
      }
      at += static_cast<std::size_t>(wrote);
    }
    bytes_ += count;
    return true;
  }

  std::uint64_t bytes() const { return bytes_; }
  [[noreturn]] void fail(archive* tar) const {
    if (trouble_ != 0) throw no_room(folder_, trouble_);
    const char* said = archive_error_string(tar);
    throw Failure{std::string("cannot pack: ") + (said == nullptr ? "unknown" : said), "internal",
                  ""};
  }

  Archive finish() {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state_, hash);
    char hex[crypto_hash_sha256_BYTES * 2 + 1];
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    return {.file = std::move(file_), .digest = std::string("sha256:") + hex, .bytes = bytes_};
  }

 private:
  std::string folder_;
  File file_;
  crypto_hash_sha256_state state_{};
  std::uint64_t bytes_ = 0;
  int trouble_ = 0;
};

la_ssize_t on_packed(archive*, void* user, const void* bytes, std::size_t count) {
  Sink& sink = *static_cast<Sink*>(user);
  return sink.write(static_cast<const unsigned char*>(bytes), count)
             ? static_cast<la_ssize_t>(count)
             : -1;
}

struct FreeWriter {
  void operator()(archive* it) const { archive_write_free(it); }
};
struct FreeEntry {
  void operator()(archive_entry* it) const { archive_entry_free(it); }
};

class Packer {
 public:
  Packer() : tar_(archive_write_new()), entry_(archive_entry_new()), buffer_(kBlock) {
    archive_write_set_format_pax_restricted(tar_.get());
    archive_write_add_filter_gzip(tar_.get());
    archive_write_set_filter_option(tar_.get(), "gzip", "timestamp", nullptr);
    archive_write_set_bytes_in_last_block(tar_.get(), 1);
    if (archive_write_open(tar_.get(), &sink_, nullptr, on_packed, nullptr) != ARCHIVE_OK)
      sink_.fail(tar_.get());
  }

  std::uint64_t bytes() const { return sink_.bytes(); }

  void add(const TreeEntry& wanted) {
    if (!is_utf8(wanted.path))
      throw Failure{"the name of " + wanted.path + " is not UTF-8", "bad_name",
                    "rename it, or name it in .gantryignore"};
    if (wanted.is_directory) return write_header(wanted, 0);
    const File file(::open(wanted.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file && errno == ENOENT) throw Changed{wanted.path};
    if (!file)
      throw Failure{"cannot read " + wanted.path + ": " + std::strerror(errno), "unreadable_file",
                    "make it readable, or name it in .gantryignore"};
    struct stat info {};
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) throw Changed{wanted.path};
    write_header(wanted, info.st_size);
    write_contents(wanted, file.get(), info.st_size);
  }

  Archive finish() {
    if (archive_write_close(tar_.get()) != ARCHIVE_OK) sink_.fail(tar_.get());
    return sink_.finish();
  }

 private:
  void write_header(const TreeEntry& wanted, std::int64_t size) {
    archive_entry* const entry = archive_entry_clear(entry_.get());
    archive_entry_set_pathname(entry, ("./" + wanted.path).c_str());
    archive_entry_set_filetype(entry, wanted.is_directory ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, wanted.mode);
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    archive_entry_set_mtime(entry, wanted.modified_at, 0);
    archive_entry_set_size(entry, size);
    if (archive_write_header(tar_.get(), entry) < ARCHIVE_WARN) sink_.fail(tar_.get());
  }

  // Exactly `size` bytes: what a file gets while it is read is for the next upload.
  void write_contents(const TreeEntry& wanted, int file, std::int64_t size) {
    for (std::int64_t left = size; left > 0;) {
      const auto room = std::min<std::size_t>(buffer_.size(), static_cast<std::size_t>(left));
      const ssize_t got = ::read(file, buffer_.data(), room);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0)
        throw Failure{"cannot read " + wanted.path + ": " + std::strerror(errno), "unreadable_file",
                      "is the disk well?"};
      if (got == 0) throw Changed{wanted.path};
      if (archive_write_data(tar_.get(), buffer_.data(), static_cast<std::size_t>(got)) != got)
        sink_.fail(tar_.get());
      left -= got;
    }
  }

  NamesAreUtf8 names_are_utf8_;
  Sink sink_;  // outlives the writer, whose end may write to it
  std::unique_ptr<archive, FreeWriter> tar_;
  std::unique_ptr<archive_entry, FreeEntry> entry_;
  std::vector<char> buffer_;
};

}  // namespace

Archive pack(const Tree& tree, const std::function<void(const PackProgress&)>& on_progress) {
  Packer packer;
  PackProgress progress;
  for (const TreeEntry& entry : tree.entries) {
    packer.add(entry);
    if (entry.is_directory) continue;
    ++progress.files;
    progress.bytes = packer.bytes();
    if (on_progress) on_progress(progress);
  }
  return packer.finish();
}

Packed pack_directory(const TreeOrder& order,
                      const std::function<void(const PackProgress&)>& on_progress) {
  for (int attempt = 1;; ++attempt) {
    Tree tree = read_tree(order);
    if (tree.files == 0)
      throw Failure{"there is nothing to upload in " + order.root +
                        (order.below.empty() ? "" : "/" + order.below),
                    "nothing_to_upload",
                    tree.left_out.empty() ? "is it the right directory?"
                                          : "--verbose shows what was left out and why"};
    try {
      Archive archive = pack(tree, on_progress);
      return {std::move(tree), std::move(archive)};
    } catch (const Changed& changed) {
      if (attempt == kAttempts)
        throw Failure{changed.path + " changes while it is read", "file_changes",
                      "wait until nothing writes there, or name it in .gantryignore"};
    }
  }
}

std::vector<std::string> secret_files(const Tree& tree) {
  std::vector<std::string> found;
  for (const TreeEntry& entry : tree.entries) {
    const std::string name = entry.path.substr(entry.path.rfind('/') + 1);
    if (entry.is_directory || (name != ".env" && name.rfind(".env.", 0) != 0)) continue;
    const std::string kind = name.substr(std::min<std::size_t>(5, name.size()));
    const bool harmless = kind == "example" || kind == "sample" || kind == "template" ||
                          kind == "dist" || kind == "defaults";
    if (!harmless) found.push_back(entry.path);
  }
  return found;
}

}  // namespace gantry::cli
