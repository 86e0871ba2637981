#include "store/pg_store.hpp"

#include "store/load.hpp"
#include "store/purge.hpp"
#include "store/tokens.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

constexpr std::chrono::hours kPurgeInterval{1};
constexpr std::chrono::minutes kUsesInterval{1};

}  // namespace

PgStore::PgStore(const StoreOptions& options, Secrets secrets, InstallationId installation)
    : options_(options),
      secrets_(std::move(secrets)),
      installation_(std::move(installation)),
      pool_(options.database, options.connections),
      listener_(options.database, {.is_own = [this](int pid) { return pool_.is_own(pid); },
                                   .reload = [this] { return reload().ok(); },
                                   .changed =
                                       [this](const std::set<InstanceId>& changed) {
                                         tell_changes(changed);
                                         tell_events();
                                       },
                                   .missed =
                                       [this] {
                                         std::set<InstanceId> all;
                                         for (const auto& project : projects())
                                           for (const auto& [id, view] : project->instances)
                                             all.insert(id);
                                         tell_changes(all);
                                         tell_events();
                                       }}) {}

PgStore::~PgStore() = default;

Result<std::unique_ptr<PgTransaction>> PgStore::begin_transaction(const Actor& actor) {
  for (;;) {
    auto lease = pool_.take();
    if (!lease) return lease.error();
    const bool fresh = lease->fresh;
    try {
      return std::make_unique<PgTransaction>(*this, *std::move(lease), actor);
    } catch (const pqxx::broken_connection&) {
      if (fresh) return database_unreachable();
      pool_.drop_idle();  // the database was restarted: the others are broken as well
    } catch (const std::exception&) {
      return translate_exception();
    }
  }
}

Result<std::unique_ptr<Transaction>> PgStore::begin(const Actor& actor) {
  auto transaction = begin_transaction(actor);
  if (!transaction) return transaction.error();
  return std::unique_ptr<Transaction>(*std::move(transaction));
}

ProjectPtr PgStore::project(std::string_view id_or_name) const {
  return memory_.project(id_or_name);
}
ProjectPtr PgStore::project_of(const InstanceId& id) const { return memory_.project_of(id); }
std::vector<ProjectPtr> PgStore::projects() const { return memory_.projects(); }

Result<> PgStore::ping() {
  return with_connection(pool_, [](pqxx::connection& connection) -> Result<> {
    pqxx::nontransaction(connection).exec("select 1");
    return done();
  });
}

Result<> PgStore::reload() {
  const std::scoped_lock lock(reloading_);
  write_uses_when_due();
  memory_.begin_load();
  auto state = with_connection(
      pool_, [&](pqxx::connection& connection) { return load_state(connection, secrets_); });
  if (!state) {
    memory_.abandon_load();
    return state.error();
  }
  memory_.replace(*std::move(state));
  purge_when_due();
  return done();
}

// A failure is no failure of the reload: the next one tries again.
void PgStore::purge_when_due() {
  const TimePoint now = clock().now();
  if (now < purge_at_) return;
  const auto purged = with_connection(pool_, [&](pqxx::connection& connection) -> Result<Purged> {
    return purge_history(connection, now);
  });
  if (purged && *purged == Purged::all) purge_at_ = now + kPurgeInterval;
}

// Nothing is lost when it fails: memory remembers, and the next reload tries again.
void PgStore::write_uses_when_due() {
  const TimePoint now = clock().now();
  if (now < uses_at_) return;
  const auto used = memory_.used_tokens();
  if (used.empty()) return;
  const auto written = with_connection(
      pool_, [&](pqxx::connection& connection) { return write_token_uses(connection, used); });
  if (written) uses_at_ = now + kUsesInterval;
}

void PgStore::publish(std::uint64_t xid, const std::vector<Edit>& edits,
                      const std::set<InstanceId>& changed) {
  if (!edits.empty()) memory_.publish(xid, edits);
  tell_changes(changed);
  if (xid != 0) tell_events();
}

void PgStore::tell_changes(const std::set<InstanceId>& changed) {
  const std::shared_lock lock(listening_);
  for (const InstanceId& id : changed)
    for (const auto& listener : on_change_) listener(id);
}

void PgStore::tell_events() {
  const std::shared_lock lock(listening_);
  for (const auto& listener : on_event_) listener();
}

void PgStore::on_change(Listener listener) {
  const std::unique_lock lock(listening_);
  on_change_.push_back(std::move(listener));
}

void PgStore::on_event(std::function<void()> listener) {
  const std::unique_lock lock(listening_);
  on_event_.push_back(std::move(listener));
}

}  // namespace gantry
