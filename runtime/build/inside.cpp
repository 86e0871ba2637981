#include "runtime/build/inside.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "runtime/build/files.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

// Where it really is; nothing when that is not below `root`.
std::optional<fs::path> place_of(const std::string& root, std::string_view path) {
  std::error_code failed;
  const std::string top = fs::canonical(root, failed);
  if (failed) return std::nullopt;
  const std::string place = fs::canonical(fs::path(top) / path, failed);
  if (failed || (place != top && !place.starts_with(top + "/"))) return std::nullopt;
  return place;
}

}  // namespace

bool has_file(const std::string& root, std::string_view path) {
  std::error_code failed;
  const auto place = place_of(root, path);
  return place && fs::is_regular_file(*place, failed);
}

bool has_folder(const std::string& root, std::string_view path) {
  std::error_code failed;
  const auto place = place_of(root, path);
  return place && fs::is_directory(*place, failed);
}

bool is_link(const std::string& root, std::string_view path) {
  std::error_code failed;
  return fs::is_symlink(fs::symlink_status(fs::path(root) / path, failed));
}

Result<std::optional<std::string>> read_inside(const std::string& root, std::string_view path,
                                               std::size_t limit) {
  if (!has_file(root, path)) return std::optional<std::string>();
  auto text = read_whole(*place_of(root, path), limit);
  if (text) return std::optional<std::string>(*std::move(text));
  if (text.error().reason != "too_large") return text.error();
  return Error{Code::invalid, "file_too_large",
               shown(path) + " has more than " + std::to_string(limit) + " bytes"};
}

std::string contents_line(const std::string& folder) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed))
    names.push_back(shown(it->path().filename().string()) + (it->is_directory(failed) ? "/" : ""));
  std::sort(names.begin(), names.end());
  std::string line;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    line += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kShown) line += " and " + std::to_string(names.size() - kShown) + " more";
  return line.empty() ? "nothing" : line;
}

}  // namespace gantry
