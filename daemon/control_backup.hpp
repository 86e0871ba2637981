// Gantry's own backup: its database, its key file and its configuration in one archive, and the way
// back. Run on the server's host by a person (gantryd --backup FILE), beside a daemon or without
// one. Blocking.
#pragma once

#include <string>

#include "daemon/config.hpp"
#include "proto/time.hpp"

namespace gantry {

struct ControlBackupOptions {
  std::string config_file;      // as it was read; empty: defaults
  std::string passphrase_file;  // empty: the archive is protected by its mode 0600 alone
};

// Whole or not at all. An existing file is not replaced: conflict "file_exists". The archive is
// read again, and the dump listed, before the file gets its name.
Result<> back_up_control_plane(const Config&, const std::string& file, const ControlBackupOptions&);

// Into a data directory without database and key, and no daemon on it. Errors: conflict
// "data_dir_in_use", "wrong_passphrase", "not_a_backup". Leaves the mark kRestoredMark in the data
// directory: while it is there, containers that the database does not know are left alone.
Result<> restore_control_plane(const Config&, const std::string& file, const ControlBackupOptions&);

// "<data_dir>/restored": its text is the time of the restore. Removing it, or a week, ends the
// hold.
inline constexpr const char* kRestoredMark = "/restored";
// How long unknown containers are left alone: `usual`, unless the mark says longer.
Duration orphan_grace_of(const Config&, TimePoint now);
// A person has looked: the mark goes. There is none: succeeds.
Result<> confirm_restore(const Config&);

}  // namespace gantry
