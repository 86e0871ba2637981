#include "runtime/build/manifest.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/build/files.hpp"
#include "runtime/build/sha256.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "manifest 1\n";
constexpr std::string_view kLastLine = "end\n";

// No tab, no newline: those part the fields and the lines.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) > 0x1f && c != '%') {
      out += c;
      continue;
    }
    out += '%';
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4U];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15U];
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i] + 1, &text[i] + 3, byte, 16).ec == std::errc()) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Cuts `text` at the first `end`, which is dropped.
std::string_view cut(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const auto field = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return field;
}

Error no_manifest() { return {Code::invalid, "manifest_broken", "this is no whole manifest"}; }

bool same(const ManifestEntry& a, const ManifestEntry& b) {
  constexpr unsigned kExecute = 0100;
  return a.sum == b.sum && a.link_target == b.link_target &&
         (a.mode & kExecute) == (b.mode & kExecute);
}

Result<std::string> sum_of(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return io_error("cannot read " + shown(path), errno);
  std::array<char, 65536> bytes{};
  Sha256 sum;
  while (true) {
    const ssize_t count = ::read(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("cannot read " + shown(path), errno);
    if (count == 0) return sum.hex();
    sum.add({bytes.data(), static_cast<std::size_t>(count)});
  }
}

}  // namespace

std::string manifest_text(const Manifest& manifest) {
  std::string text(kFirstLine);
  for (const auto& entry : manifest) {
    std::array<char, 16> mode{};
    const auto end = std::to_chars(mode.data(), mode.data() + mode.size(), entry.mode, 8);
    text.append(mode.data(), end.ptr);
    text +=
        '\t' + entry.sum + '\t' + escaped(entry.path) + '\t' + escaped(entry.link_target) + '\n';
  }
  return text += kLastLine;
}

Result<Manifest> parse_manifest(std::string_view text) {
  if (!text.starts_with(kFirstLine) || !text.ends_with(kLastLine)) return no_manifest();
  text = text.substr(kFirstLine.size(), text.size() - kFirstLine.size() - kLastLine.size());
  Manifest manifest;
  while (!text.empty()) {
    auto line = cut(text, '\n');
    ManifestEntry entry;
    const auto mode = cut(line, '\t');
    if (std::from_chars(mode.data(), mode.data() + mode.size(), entry.mode, 8).ec != std::errc())
      return no_manifest();
    entry.sum = cut(line, '\t');
    entry.path = unescaped(cut(line, '\t'));
    entry.link_target = unescaped(line);
    if (entry.path.empty()) return no_manifest();
    manifest.push_back(std::move(entry));
  }
  return manifest;
}

std::vector<std::string> changed_paths(const Manifest& before, const Manifest& now) {
  std::vector<std::string> paths;
  auto a = before.begin();
  auto b = now.begin();
  while (a != before.end() || b != now.end()) {
    if (b == now.end() || (a != before.end() && a->path < b->path)) {
      paths.push_back((a++)->path);
    } else if (a == before.end() || b->path < a->path) {
      paths.push_back((b++)->path);
    } else {
      if (!same(*a, *b)) paths.push_back(a->path);
      ++a, ++b;
    }
  }
  return paths;
}

bool same_repository(const Manifest& one, const Manifest& other) {
  std::size_t shared = 0;
  for (auto a = one.begin(), b = other.begin(); a != one.end() && b != other.end();) {
    if (a->path == b->path) {
      shared += same(*a, *b) ? 1 : 0;
      ++a, ++b;
    } else {
      ++(a->path < b->path ? a : b);
    }
  }
  return shared > 0 && 2 * shared >= std::min(one.size(), other.size());
}

Result<Manifest> read_manifest(const std::string& folder, const std::stop_token& stop) {
  Manifest manifest;
  std::error_code failed;
  for (fs::recursive_directory_iterator it(folder, failed), end; !failed && it != end;
       it.increment(failed)) {
    if (stop.stop_requested())
      return Error{Code::conflict, "cancelled", "the deployment was cancelled"};
    const std::string path = it->path();
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return io_error("cannot read " + shown(path), errno);
    if (S_ISDIR(info.st_mode)) continue;
    ManifestEntry entry;
    entry.path = path.substr(folder.size() + 1);
    entry.mode = info.st_mode & 0777U;
    if (S_ISLNK(info.st_mode)) {
      entry.link_target = fs::read_symlink(path, failed);
    } else {
      auto sum = sum_of(path);
      if (!sum) return sum.error();
      entry.sum = *std::move(sum);
    }
    manifest.push_back(std::move(entry));
  }
  if (failed) return io_error("cannot read the source", failed.value());
  std::sort(manifest.begin(), manifest.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return manifest;
}

std::string manifest_file(std::string_view archive_file) {
  constexpr std::string_view kEnding = ".tar.gz";
  return std::string(archive_file.substr(0, archive_file.size() - kEnding.size())) + ".manifest";
}

}  // namespace gantry
