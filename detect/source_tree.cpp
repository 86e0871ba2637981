#include "detect/source_tree.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadMax = 1024 * 1024;

class DiskTree final : public SourceTree {
 public:
  explicit DiskTree(const std::string& folder) {
    std::error_code error;
    root_ = fs::canonical(folder, error);
  }

  bool has_file(std::string_view path) const override {
    std::error_code error;
    const auto at = inside(path);
    return at && fs::is_regular_file(*at, error);
  }
  bool has_directory(std::string_view path) const override {
    std::error_code error;
    const auto at = inside(path);
    return at && fs::is_directory(*at, error);
  }
  std::optional<std::string> read(std::string_view path) const override {
    if (!has_file(path)) return std::nullopt;
    std::ifstream in(*inside(path), std::ios::binary);
    std::string text(kReadMax, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
    return text;
  }
  std::vector<std::string> names(std::string_view directory) const override {
    std::vector<std::string> found;
    std::error_code error;
    const auto at = inside(directory);
    if (!at) return found;
    for (fs::directory_iterator it(*at, error), end; !error && it != end; it.increment(error))
      found.push_back(it->path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  std::optional<fs::path> inside(std::string_view path) const {
    std::error_code error;
    const fs::path at = fs::canonical(root_ / fs::path(path), error);
    if (error) return std::nullopt;
    const auto [end, unused] = std::mismatch(root_.begin(), root_.end(), at.begin(), at.end());
    return end == root_.end() ? std::optional(at) : std::nullopt;
  }

  fs::path root_;
};

}  // namespace

std::unique_ptr<SourceTree> make_disk_tree(const std::string& folder) {
  return std::make_unique<DiskTree>(folder);
}

std::string first_file(const SourceTree& tree, std::initializer_list<std::string_view> paths) {
  for (const std::string_view path : paths)
    if (tree.has_file(path)) return std::string(path);
  return {};
}

}  // namespace gantry
