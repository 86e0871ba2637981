// A directory as one archive: tar (pax) packed with gzip, written to a temporary file and never
// held in memory. The same files give the same bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/file.hpp"
#include "cli/tree.hpp"

namespace gantry::cli {

struct Archive {
  File file;           // has no name any more: it goes with this
  std::string digest;  // "sha256:<64 hex>" of its bytes
  std::uint64_t bytes = 0;
};

struct PackProgress {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // written so far
};

// Throws Failure: a file that cannot be read or that is being changed all the time, no room.
Archive pack(const Tree&, const std::function<void(const PackProgress&)>& on_progress);

// Thrown inside and by pack(): a file got shorter or went away since the tree was read. To read
// the tree again may help.
struct Changed {
  std::string path;
};

// read_tree and pack, again when files change under them.
struct Packed {
  Tree tree;
  Archive archive;
};
Packed pack_directory(const TreeOrder&,
                      const std::function<void(const PackProgress&)>& on_progress);

// Files that look like secrets for a developer's machine: .env, .env.local and the like.
std::vector<std::string> secret_files(const Tree&);

}  // namespace gantry::cli
