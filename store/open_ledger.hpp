// Opens the ledgers of backups and alerts on the store's own connections. Owned by daemon/; the
// store outlives it.
#pragma once

#include <memory>

#include "proto/alert_ledger.hpp"
#include "proto/backup_ledger.hpp"

namespace gantry {

// REQUIRES: a store of open_store()
std::unique_ptr<BackupLedger> open_backup_ledger(Store&);
std::unique_ptr<AlertLedger> open_alert_ledger(Store&);

}  // namespace gantry
