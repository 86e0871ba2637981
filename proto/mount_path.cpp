#include "proto/mount_path.hpp"

#include <algorithm>

namespace gantry {
namespace {

constexpr std::size_t kLongest = 1024;
constexpr std::string_view kKernels[] = {"/proc", "/sys", "/dev"};

}  // namespace

Result<std::string> parse_mount_path(std::string_view text, std::string_view pointer) {
  const auto bad = [&](std::string detail) {
    return invalid(std::string(pointer), "invalid_mount_path", std::move(detail));
  };
  if (text.empty() || text.front() != '/')
    return bad("expected an absolute path inside the container, such as /data");
  if (text.size() > kLongest) return bad("a mount path has at most 1024 characters");
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return bad("a mount path cannot contain control characters");
  std::string path;
  while (!text.empty()) {
    text.remove_prefix(1);  // the slash
    const auto segment = text.substr(0, text.find('/'));
    if (segment == "." || segment == "..")
      return bad("write the path without \"" + std::string(segment) + "\", such as /data");
    if (!segment.empty()) path += "/" + std::string(segment);
    text.remove_prefix(segment.size());
  }
  if (path.empty())
    return bad("a volume at / would hide the whole image: choose a directory, such as /data");
  for (const std::string_view kernel : kKernels)
    if (path == kernel || path.starts_with(std::string(kernel) + "/"))
      return bad(std::string(kernel) + " is the kernel's: choose another directory, such as /data");
  return path;
}

}  // namespace gantry
