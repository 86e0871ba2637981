// Brings the database's schema to this program's: numbered files, each in a transaction, recorded
// with its checksum.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include "proto/result.hpp"

namespace gantry {

using Migrations = std::vector<std::pair<std::string_view, std::string_view>>;  // file name, SQL

// The program's own.
const Migrations& own_migrations();

// REQUIRES: the caller holds the start lock. Code::conflict "database_newer" when the database
// knows a migration that is not among these; "migration_altered" when one of them was applied with
// another text.
Result<> migrate(pqxx::connection&, const Migrations&);

}  // namespace gantry
