// gitignore rules, as git reads them (gitignore(5)). Pure. Paths are relative to the tree's root,
// with "/" between their parts and none at their ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry {

struct IgnoreRule {
  std::string text;  // as it was written
  int line = 0;
  bool negated = false;
  bool directories_only = false;
  bool anchored = false;           // to the directory of its file
  std::vector<std::string> parts;  // globs between the slashes; "**" any number of directories
};

// The rules of one file, that stand in the directory `base` ("" or "a/b").
class IgnoreRules {
 public:
  // A byte-order mark, CR before a line's end, comments and blank lines are passed over.
  static IgnoreRules parse(std::string_view text, std::string base = "");

  // The rule that decides: the last that matches this path itself. Null: none does. Whether a
  // directory above is ignored is for who walks the tree.
  const IgnoreRule* decide(std::string_view path, bool is_directory) const;
  bool empty() const { return rules_.empty(); }

 private:
  std::string base_;
  std::vector<IgnoreRule> rules_;
};

// Those of `paths` that watch patterns name: gitignore rules from the root in which a match
// includes, also everything below a directory, and "!" takes out what an earlier one had included.
std::vector<std::string> watched(const std::vector<std::string>& patterns,
                                 const std::vector<std::string>& paths);

// One part of a path against one part of a pattern: "*", "?", "[a-z]", "\\" before a character.
bool glob_matches(std::string_view pattern, std::string_view name);

}  // namespace gantry
