// The backups of a daemon, put together from its parts.
#pragma once

#include <memory>

#include "daemon/config.hpp"
#include "proto/template.hpp"
#include "runtime/backup/alerts.hpp"
#include "runtime/backup/runner.hpp"
#include "runtime/backup/workbench.hpp"

namespace gantry {

// They outlive the backups.
struct BackupParts {
  Store& store;
  Exec& exec;
  Volumes* volumes = nullptr;
  std::shared_ptr<const Templates> templates;
};

// The runner uses those above it and goes first.
struct DaemonBackups {
  std::unique_ptr<BackupLedger> ledger;
  std::unique_ptr<Workbench> workbench;
  std::unique_ptr<BackupRunner> runner;
  std::unique_ptr<AlertLedger> alert_ledger;
  std::unique_ptr<Alerts> alerts;  // null: no webhook is configured
};

// Not started yet. REQUIRES: a store of open_store(). Errors: those of the key file.
Result<DaemonBackups> make_backups(const Config&, const BackupParts&);

}  // namespace gantry
