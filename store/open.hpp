// Opens the store: reaches the database, migrates it, proves the key file, reads everything into
// memory. Owned by daemon/, which calls it once at start; the only header of store/ that others
// include.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "proto/store.hpp"
#include "proto/time.hpp"

namespace gantry {

struct StoreOptions {
  std::string database;  // conninfo or postgresql:// URL
  std::string key_file;  // 32 bytes; made when absent and the database is new
  int connections = 8;   // transactions at once; a further one waits, then gets Code::unavailable
  int subnet_count = 4096;  // environments at most, one /24 each
  const Clock* clock = &system_clock();

  // First start: the administrator's token, shown this once (only its hash is kept). Called before
  // the commit that makes it valid, so that a secret which could not be kept is never the only one:
  // an error ends the start, and the next start makes another token.
  std::function<Result<>(const std::string& secret)> on_first_token;
};

// Errors (for a person at start): unavailable "database_unreachable"; conflict "database_newer",
// "migration_altered", "key_file_missing", "key_file_differs", "key_file_invalid".
Result<std::unique_ptr<Store>> open_store(const StoreOptions&);

}  // namespace gantry
