// What an upload leaves out, and by which rule: .gitignore and git's other files inside a work
// tree, .ignore, .railwayignore and .gantryignore. The strongest file that says something decides;
// of one kind the deepest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/ignore.hpp"

namespace gantry::cli {

enum class GitIgnore { counts, is_passed_over };  // of .gitignore files only

class LeftOut {
 public:
  // `root`: an absolute directory without links in it. Rules from above it count up to the top of
  // its git work tree.
  LeftOut(const std::string& root, GitIgnore);

  // Goes down into `path` (relative to the root), which is `directory` on the disk; back up.
  void enter(const std::string& path, const std::string& directory);
  void leave() { levels_.pop_back(); }

  // REQUIRES: its directory was entered. Why it stays out, as "always" or ".gitignore:3: *.log";
  // nothing: it is packed.
  std::optional<std::string> why(const std::string& path, bool is_directory) const;

 private:
  struct Rules {
    std::string file;  // as a person would name it
    IgnoreRules rules;
  };
  struct Level {
    std::string base;  // relative to the top
    bool is_work_tree = false;
    std::vector<Rules> own = {};     // .gantryignore, .railwayignore
    std::vector<Rules> plain = {};   // .ignore
    std::vector<Rules> git = {};     // .gitignore
    std::vector<Rules> beside = {};  // info/exclude, then the user's
  };
  using Kind = std::vector<Rules> Level::*;

  void add_level(const std::string& base, const std::string& directory);
  static void add_rules(std::vector<Rules>&, const std::string& base, const std::string& file,
                        const std::string& shown);
  const IgnoreRule* decide(Kind, std::size_t first_level, const std::string& path,
                           bool is_directory, std::string& file) const;

  const GitIgnore gitignore_;
  std::string prefix_;  // of the root below the top: "" or "services/"
  std::vector<Level> levels_;
};

}  // namespace gantry::cli
