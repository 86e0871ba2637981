#include "store/open.hpp"

#include "store/migrate.hpp"
#include "store/pg_store.hpp"
#include "store/rows.hpp"
#include "store/tokens.hpp"

namespace gantry {
namespace {

constexpr const char* kKnownText = "gantry key check";
constexpr const char* kKeyIdentity = "installation/key_check";

struct Installed {
  InstallationId id;
  Secrets secrets;
};

// One program at a time migrates and installs; the lock goes with its connection.
void take_start_lock(pqxx::connection& connection) {
  pqxx::nontransaction work(connection);
  work.exec("set statement_timeout = '600s'; set lock_timeout = 0");
  work.exec("select pg_advisory_lock(hashtextextended('gantry/start', 0))");
}

Result<Installed> prove_key(const pqxx::row& row, const std::string& key_file) {
  auto secrets = read_key_file(key_file);
  if (!secrets && secrets.error().code == Code::not_found)
    return Error{Code::conflict, "key_file_missing",
                 "the database holds secrets encrypted with a key file, and " + key_file +
                     " does not exist: restore it from a backup"};
  if (!secrets) return secrets.error();
  const auto opened = secrets->open(bytes_from(row["key_check"]), kKeyIdentity);
  if (!opened || *opened != kKnownText)
    return Error{Code::conflict, "key_file_differs",
                 "the key file " + key_file +
                     " is not the one that this database's secrets were encrypted with"};
  return Installed{*InstallationId::parse(row["id"].c_str()), *secrets};
}

Result<Installed> install(pqxx::work& work, const StoreOptions& options) {
  auto secrets = read_key_file(options.key_file);
  if (!secrets && secrets.error().code == Code::not_found)
    secrets = create_key_file(options.key_file);
  if (!secrets) return secrets.error();
  const TimePoint now = options.clock->now();
  const InstallationId id = InstallationId::make(now);
  work.exec_params0("insert into installation (id, key_check, created_at) values ($1, $2, $3)",
                    id.str(), bytea(secrets->seal(kKnownText, kKeyIdentity)), format_time(now));
  const std::string secret = create_first_token(work, now);
  if (options.on_first_token) GANTRY_TRY(options.on_first_token(secret));
  work.commit();
  return Installed{id, *secrets};
}

Result<Installed> prepare(const StoreOptions& options) {
  return translated([&]() -> Result<Installed> {
    const auto connection = connect(options.database);
    take_start_lock(*connection);
    GANTRY_TRY(migrate(*connection, own_migrations()));
    pqxx::work work(*connection);
    const auto rows = work.exec("select id, key_check from installation");
    if (!rows.empty()) return prove_key(rows[0], options.key_file);
    return install(work, options);
  });
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const StoreOptions& options) {
  const auto installed = prepare(options);
  if (!installed) return installed.error();
  auto store = std::make_unique<PgStore>(options, installed->secrets, installed->id);
  store->start_listening();
  GANTRY_TRY(store->reload());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace gantry
