// What an archive held, kept when the archive itself is gone: with the manifests of two archives,
// watch patterns can say whether anything that matters has changed.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

struct ManifestEntry {
  std::string path;         // from the root: "apps/api/main.go"
  unsigned mode = 0;        // permission bits
  std::string sum;          // SHA-256 of the contents in hexadecimal; of a link: empty
  std::string link_target;  // of a symbolic link
  bool operator==(const ManifestEntry&) const = default;
};
// Files and symbolic links, by path. Directories come and go with what is in them.
using Manifest = std::vector<ManifestEntry>;

// A line an entry; any byte may be in a name. parse_manifest gives nothing for what is no whole
// manifest of this version.
std::string manifest_text(const Manifest&);
Result<Manifest> parse_manifest(std::string_view text);

// Paths that one of them has and the other has not, or not with the same contents. Of the modes
// only the owner's right to execute counts: all others are the packer's umask.
std::vector<std::string> changed_paths(const Manifest& before, const Manifest& now);

// Whether both seem to be of one repository: half of the smaller one is in the other as it is.
bool same_repository(const Manifest&, const Manifest&);

// Reads a whole folder. Blocking. Conflict "cancelled" when it was stopped.
Result<Manifest> read_manifest(const std::string& folder, const std::stop_token&);

// Beside an archive "<hex>.tar.gz": "<hex>.manifest".
std::string manifest_file(std::string_view archive_file);

}  // namespace gantry
