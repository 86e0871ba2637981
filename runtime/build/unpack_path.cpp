#include "runtime/build/unpack_path.hpp"

#include "runtime/build/files.hpp"

namespace gantry {
namespace {

constexpr std::size_t kNameBytes = 255;  // of one part: what file systems take

// The parts between slashes, in their order, empty ones included.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool says_nothing(std::string_view part) { return part.empty() || part == "."; }

}  // namespace

Error refused_entry(std::string_view name, const std::string& why) {
  return {Code::invalid, "archive_refused", "the archive is refused: " + shown(name) + " " + why};
}

std::string joined(const PathParts& parts) {
  std::string path;
  for (const auto& part : parts) path += (path.empty() ? "" : "/") + part;
  return path;
}

Result<PathParts> entry_parts(std::string_view name, const PathLimits& limits) {
  if (name.empty())
    return Error{Code::invalid, "archive_refused",
                 "the archive is refused: it holds an entry without a name"};
  if (name.front() == '/')
    return refused_entry(name, "is an absolute path: pack with paths from the source's root");
  if (name.size() > limits.bytes)
    return refused_entry(name, "is longer than " + std::to_string(limits.bytes) + " bytes");
  PathParts parts;
  for (const auto part : split(name)) {
    if (says_nothing(part)) continue;
    if (part == "..") return refused_entry(name, "leads out of the archive with \"..\"");
    if (part.size() > kNameBytes)
      return refused_entry(name, "has a part of more than 255 bytes, which no disk takes");
    parts.emplace_back(part);
  }
  if (parts.size() > limits.depth)
    return refused_entry(name, "is more than " + std::to_string(limits.depth) + " folders deep");
  return parts;
}

Result<> check_link_target(const PathParts& link, std::string_view target) {
  const auto leads_out = [&] {
    return refused_entry(joined(link),
                         "is a symbolic link to " + shown(target) +
                             ", outside of the source: leave it out (.gitignore, .railwayignore) "
                             "or let it point to a file in the source");
  };
  if (target.empty()) return refused_entry(joined(link), "is a symbolic link to nothing");
  if (target.front() == '/') return leads_out();
  std::size_t depth = link.size() - 1;
  for (const auto part : split(target)) {
    if (says_nothing(part)) continue;
    if (part != "..") {
      ++depth;
    } else if (depth-- == 0) {
      return leads_out();
    }
  }
  return done();
}

}  // namespace gantry
