// The files of a directory that an upload takes, in the order of their names. Links are followed
// as long as they stay inside the root.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/left_out.hpp"

namespace gantry::cli {

struct TreeOrder {
  std::string root;            // absolute, without links in it
  std::string below = {};      // only this directory of it ("services/api")
  bool below_is_root = false;  // its paths begin at `below`
  GitIgnore gitignore = GitIgnore::counts;
  std::function<void(std::uint64_t files)> on_file = {};
};

struct TreeEntry {
  std::string path;  // in the archive, without "./"
  std::string file;  // on the disk
  bool is_directory = false;
  unsigned mode = 0;             // the nine permission bits
  std::int64_t modified_at = 0;  // seconds since 1970
};

struct TreeNote {
  std::string path;
  std::string why;
};

struct Tree {
  std::vector<TreeEntry> entries = {};  // a directory before what is in it
  std::uint64_t files = 0;
  std::vector<TreeNote> left_out = {};     // by a rule
  std::vector<TreeNote> passed_over = {};  // what no archive can hold: pipes, sockets, devices
};

// Throws Failure: a file that cannot be read, a link that leads nowhere, out of the root or in a
// circle, more than kTreeEntriesMax entries.
inline constexpr std::size_t kTreeEntriesMax = 200'000;
Tree read_tree(const TreeOrder&);

}  // namespace gantry::cli
