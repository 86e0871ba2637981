// Opens what is kept beside the store, on the store's own connections: the ledgers of backups
// and alerts, people, the audit log. Owned by daemon/; the store outlives them.
#pragma once

#include <memory>

#include "proto/alert_ledger.hpp"
#include "proto/audit.hpp"
#include "proto/backup_ledger.hpp"
#include "proto/people.hpp"

namespace gantry {

// REQUIRES: a store of open_store()
std::unique_ptr<BackupLedger> open_backup_ledger(Store&);
// REQUIRES: the same
std::unique_ptr<People> open_people(Store&);
// `keep_days`: lines older than so many whole days (UTC) are removed; 0: none ever is.
// REQUIRES: the same
std::unique_ptr<Audit> open_audit(Store&, int keep_days = 0);
// REQUIRES: the same
std::unique_ptr<AlertLedger> open_alert_ledger(Store&);

}  // namespace gantry
