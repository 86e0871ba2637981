// A folder as one archive: tar packed with gzip, without what git keeps for itself. The same files
// give the same bytes. Blocking; thread-safe.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "runtime/build/sources.hpp"

namespace gantry {

struct FolderArchive {
  std::string file;
  std::string digest;  // "sha256:<64 hex>" of its bytes
  std::uint64_t bytes = 0;
};

// Writes `file`. Links stay links; everything else that is no file and no folder is left out. Disk
// full: exhausted "disk_full".
Result<FolderArchive> pack_folder(const std::string& folder, const std::string& file,
                                  const std::stop_token&);

// Hands it over, unless it is there already.
Result<> keep_archive(Sources&, const ProjectId&, const FolderArchive&);

// Paths of files that only point to their contents (Git LFS), ascending; at most `most` of them.
std::vector<std::string> lfs_pointers(const std::string& folder, std::size_t most);

}  // namespace gantry
