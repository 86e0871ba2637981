// A source tree as the detector sees it: names and the beginnings of files. Paths are relative,
// with
// "/" between their parts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry {

class SourceTree {
 public:
  virtual ~SourceTree() = default;
  virtual bool has_file(std::string_view path) const = 0;
  virtual bool has_directory(std::string_view path) const = 0;
  // At most its first MiB, without a byte-order mark; nothing for what is no file.
  virtual std::optional<std::string> read(std::string_view path) const = 0;
  // Names in a directory ("" is the root), sorted.
  virtual std::vector<std::string> names(std::string_view directory) const = 0;
};

// A directory on disk. Links that lead out of it are not there.
std::unique_ptr<SourceTree> make_disk_tree(const std::string& folder);

// The first of these files that is there; empty: none.
std::string first_file(const SourceTree&, std::initializer_list<std::string_view> paths);

}  // namespace gantry
