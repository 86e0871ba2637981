// Opens the ledger of backups on the store's own connections. Owned by daemon/; the store outlives
// it.
#pragma once

#include <memory>

#include "proto/backup_ledger.hpp"

namespace gantry {

// REQUIRES: a store of open_store()
std::unique_ptr<BackupLedger> open_backup_ledger(Store&);

}  // namespace gantry
