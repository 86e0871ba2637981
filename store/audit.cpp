// The audit log in PostgreSQL. What people cause by events, the database itself adds (see
// migrations/); here are the lines that have no event, and the readers.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/audit_queue.hpp"
#include "store/audit_removal.hpp"
#include "store/audit_rows.hpp"
#include "store/open_ledger.hpp"
#include "store/pg_store.hpp"
#include "store/rows.hpp"

namespace gantry {
namespace {

constexpr std::chrono::milliseconds kPause{500};  // between two writes: they go in batches
constexpr std::chrono::hours kLook{1};            // for lines that have been kept long enough

void insert(pqxx::work& work, const AuditEntry& one) {
  work.exec_params0(
      "insert into audit (at, outcome, action, token_id, token_name, user_id, user_name, "
      "request_id, project_id, environment_id, service_id, deployment_id, message) values ($1, $2, "
      "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
      format_time(one.at), std::string(one.refused ? "REFUSED" : "DONE"), one.action, one.token_id,
      one.token_name, one.user_id, one.user_name, one.request_id, one.project_id,
      one.environment_id, one.service_id, one.deployment_id, one.message);
}

class PgAudit final : public Audit {
 public:
  PgAudit(PgStore& store, int keep_days)
      : store_(store), writer_([this](const std::stop_token& stop) { work(stop); }) {
    if (keep_days > 0)
      remover_ = std::jthread(
          [this, keep_days](const std::stop_token& stop) { remove_old(keep_days, stop); });
  }
  ~PgAudit() override {
    remover_.request_stop();
    writer_.request_stop();
    woken_.notify_all();
    if (remover_.joinable()) remover_.join();
    writer_.join();
    (void)flush();
  }

  void note(AuditEntry entry) override {
    queue_.add(std::move(entry));
    { const std::scoped_lock lock(waiting_); }  // its writer waits, or looks again
    woken_.notify_one();
  }
  Result<std::vector<AuditEntry>> read(const AuditFilter&, std::int64_t before, int limit) override;

 private:
  void work(const std::stop_token&);
  void remove_old(int keep_days, const std::stop_token&);
  Result<> flush();

  PgStore& store_;
  AuditQueue queue_;
  std::mutex flushing_;  // lines keep their order
  std::mutex waiting_;
  std::condition_variable_any woken_;
  std::jthread writer_, remover_;  // last: they use the others
};

void PgAudit::work(const std::stop_token& stop) {
  std::unique_lock lock(waiting_);
  while (!stop.stop_requested()) {
    woken_.wait(lock, stop, [&] { return !queue_.empty(); });
    lock.unlock();
    (void)flush();  // what failed waits for the next round
    lock.lock();
    woken_.wait_for(lock, stop, kPause, [] { return false; });
  }
}

// A day at a time, each in a transaction of its own: what is stopped midway goes on there.
void PgAudit::remove_old(int keep_days, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    const auto before =
        std::chrono::floor<std::chrono::days>(store_.clock().now()) - std::chrono::days(keep_days);
    auto removed = remove_oldest_day(store_.pool(), before);
    if (removed && *removed) continue;
    if (!removed && removed.error().code != Code::unavailable)
      note({.at = store_.clock().now(),
            .refused = true,
            .action = "audit.not_removed",
            .message = removed.error().detail});
    never.wait_for(lock, stop, kLook, [] { return false; });
  }
}

Result<> PgAudit::flush() {
  const std::scoped_lock lock(flushing_);
  auto entries = queue_.take(store_.clock().now());
  if (entries.empty()) return done();
  const auto written =
      with_connection(store_.pool(), [&](pqxx::connection& connection) -> Result<> {
        pqxx::work work(connection);
        for (const AuditEntry& each : entries) insert(work, each);
        work.commit();
        return done();
      });
  if (!written) queue_.give_back(std::move(entries));
  return written;
}

Result<std::vector<AuditEntry>> PgAudit::read(const AuditFilter& filter, std::int64_t before,
                                              int limit) {
  GANTRY_TRY(flush());
  std::vector<std::string> values{std::to_string(before), std::to_string(limit)};
  std::string sql = std::string(kSelectAudit) + " where ($1::bigint = 0 or seq < $1::bigint)";
  const auto narrow = [&](const std::string& condition, const std::string& value) {
    values.push_back(value);
    sql += " and " + condition + std::to_string(values.size());
  };
  if (!filter.project_id.empty()) narrow("project_id <> '' and project_id = $", filter.project_id);
  if (filter.since) narrow("at >= $", format_time(*filter.since));
  if (filter.until) narrow("at < $", format_time(*filter.until));
  sql += " order by seq desc limit $2::bigint";
  return with_connection(
      store_.pool(), [&](pqxx::connection& connection) -> Result<std::vector<AuditEntry>> {
        pqxx::nontransaction work(connection);
        std::vector<AuditEntry> found;
        for (const auto& row : work.exec_params(sql, pqxx::prepare::make_dynamic_params(values)))
          found.push_back(audit_entry_from(row));
        return found;
      });
}

}  // namespace

std::unique_ptr<Audit> open_audit(Store& store, int keep_days) {
  return std::make_unique<PgAudit>(dynamic_cast<PgStore&>(store), keep_days);
}

}  // namespace gantry
