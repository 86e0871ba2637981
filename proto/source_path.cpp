#include "proto/source_path.hpp"

#include <algorithm>

namespace gantry {
namespace {

constexpr std::size_t kBytesMax = 2048;

}  // namespace

std::optional<std::string> source_path(std::string_view text) {
  if (text.size() > kBytesMax) return std::nullopt;
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return std::nullopt;
  std::string out;
  while (!text.empty()) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::string_view part = text.substr(0, slash);
    text.remove_prefix(std::min(slash + 1, text.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return std::nullopt;
    out = join_source_path(out, part);
  }
  return out;
}

std::string join_source_path(std::string_view directory, std::string_view path) {
  std::string out(directory);
  if (!directory.empty() && !path.empty()) out += '/';
  return out += path;
}

bool is_digest(std::string_view text) {
  constexpr std::string_view prefix = "sha256:";
  return text.size() == prefix.size() + 64 && text.substr(0, prefix.size()) == prefix &&
         text.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
}

}  // namespace gantry
