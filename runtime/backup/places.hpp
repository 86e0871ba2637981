// The destinations by name, opened when they are wanted. Any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proto/backup_ledger.hpp"
#include "runtime/backup/destination.hpp"

namespace gantry {

Result<std::unique_ptr<Destination>> open_destination(const BackupDestination&);

class BackupPlaces {
 public:
  // `local_path`: the directory "local", which is there without a row.
  BackupPlaces(BackupLedger& ledger, std::string local_path)
      : ledger_(ledger), local_path_(std::move(local_path)) {}

  // Of the name; empty: the preferred one. Code::not_found.
  Result<BackupDestination> find(const std::string& name);
  Result<std::shared_ptr<Destination>> open(const std::string& name);
  // With "local".
  Result<std::vector<BackupDestination>> all();

 private:
  BackupLedger& ledger_;
  const std::string local_path_;
};

}  // namespace gantry
