#include "store/migrate.hpp"

#include <charconv>
#include <map>

#include "store/secrets.hpp"

namespace gantry {
namespace embedded {
extern const std::vector<std::pair<std::string_view, std::string_view>> migrations;
}  // namespace embedded

namespace {

int number_of(std::string_view file) {
  int number = 0;
  std::from_chars(file.data(), file.data() + file.size(), number);
  return number;
}

std::map<int, std::string> applied_migrations(pqxx::connection& connection) {
  pqxx::work work(connection);
  work.exec(
      "create table if not exists schema_migrations (number integer primary key, name text not "
      "null, checksum text not null, applied_at timestamptz not null default now())");
  std::map<int, std::string> applied;
  for (const auto& row : work.exec("select number, checksum from schema_migrations"))
    applied.emplace(row[0].as<int>(), row[1].c_str());
  work.commit();
  return applied;
}

Error altered(std::string_view file) {
  return {Code::conflict, "migration_altered",
          "the database was migrated with another text of " + std::string(file) +
              ": use the program that migrated it, or restore a backup"};
}

Error newer(int found, int known) {
  return {Code::conflict, "database_newer",
          "the database is at migration " + std::to_string(found) + ", this program knows only " +
              std::to_string(known) + ": use a newer program, or restore a backup"};
}

}  // namespace

const Migrations& own_migrations() { return embedded::migrations; }

Result<> migrate(pqxx::connection& connection, const Migrations& migrations) {
  const auto applied = applied_migrations(connection);
  const int known = migrations.empty() ? 0 : number_of(migrations.back().first);
  if (!applied.empty() && applied.rbegin()->first > known)
    return newer(applied.rbegin()->first, known);
  for (const auto& [file, sql] : migrations) {
    const int number = number_of(file);
    const std::string checksum = hex(hash_of(sql));
    if (const auto found = applied.find(number); found != applied.end()) {
      if (found->second != checksum) return altered(file);
      continue;
    }
    pqxx::work work(connection);
    work.exec("set local statement_timeout = 0; set local lock_timeout = 0");
    work.exec(std::string(sql));
    work.exec_params0("insert into schema_migrations (number, name, checksum) values ($1, $2, $3)",
                      number, std::string(file), checksum);
    work.commit();
  }
  return done();
}

}  // namespace gantry
