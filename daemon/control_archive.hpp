// The archive of a control-plane backup: a tar of a few files, sealed with a passphrase when there
// is one. Blocking.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

struct ArchivedFile {
  std::string name;  // in the archive: "database.dump"
  std::string path;  // on the disk
};

// To `path`, mode 0600, which must not exist; synced.
Result<> write_control_archive(const std::string& path, const std::vector<ArchivedFile>&,
                               const std::optional<std::string>& passphrase);
// Its files below `folder`, each 0600. Only the names of `wanted` are taken. Errors: conflict
// "not_a_backup", "wrong_passphrase", "backup_altered".
Result<> read_control_archive(const std::string& path, const std::string& folder,
                              const std::vector<std::string>& wanted,
                              const std::optional<std::string>& passphrase);

}  // namespace gantry
