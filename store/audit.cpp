// The audit log in PostgreSQL. What people cause by events, the database itself adds (see
// migrations/); here are the lines that have no event, and the readers.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/audit_queue.hpp"
#include "store/open_ledger.hpp"
#include "store/pg_store.hpp"
#include "store/rows.hpp"

namespace gantry {
namespace {

constexpr std::chrono::milliseconds kPause{500};  // between two writes: they go in batches
constexpr const char* kColumns =
    "seq, at, outcome, action, token_id, token_name, user_id, user_name, request_id, project_id, "
    "environment_id, service_id, deployment_id, message";

AuditEntry entry_from(const pqxx::row& row) {
  return {.seq = row["seq"].as<std::int64_t>(),
          .at = time_from(row["at"]),
          .refused = std::string_view(row["outcome"].c_str()) == "REFUSED",
          .action = row["action"].c_str(),
          .token_id = row["token_id"].c_str(),
          .token_name = row["token_name"].c_str(),
          .user_id = row["user_id"].c_str(),
          .user_name = row["user_name"].c_str(),
          .request_id = row["request_id"].c_str(),
          .project_id = row["project_id"].c_str(),
          .environment_id = row["environment_id"].c_str(),
          .service_id = row["service_id"].c_str(),
          .deployment_id = row["deployment_id"].c_str(),
          .message = row["message"].c_str()};
}

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
  explicit PgAudit(PgStore& store)
      : store_(store), writer_([this](const std::stop_token& stop) { work(stop); }) {}
  ~PgAudit() override {
    writer_.request_stop();
    woken_.notify_all();
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
  Result<> flush();

  PgStore& store_;
  AuditQueue queue_;
  std::mutex flushing_;  // lines keep their order
  std::mutex waiting_;
  std::condition_variable_any woken_;
  std::jthread writer_;  // last: it uses the others
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
  std::string sql =
      std::string("select ") + kColumns + " from audit where ($1::bigint = 0 or seq < $1::bigint)";
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
          found.push_back(entry_from(row));
        return found;
      });
}

}  // namespace

std::unique_ptr<Audit> open_audit(Store& store) {
  return std::make_unique<PgAudit>(dynamic_cast<PgStore&>(store));
}

}  // namespace gantry
