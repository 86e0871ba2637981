// The backups of a daemon, put together from its parts.
#pragma once

#include <memory>

#include "daemon/config.hpp"
#include "runtime/backup/runner.hpp"

namespace gantry {

struct BackupParts {
  Store& store;
  Exec& exec;
  Workbench& workbench;
  std::function<const TemplateService*(std::string_view)> made_from;
  BackupLedger& ledger;
  Volumes* volumes = nullptr;
};

// Not started yet. Errors: those of the key file.
Result<std::unique_ptr<BackupRunner>> make_backups(const Config&, const BackupParts&);

}  // namespace gantry
