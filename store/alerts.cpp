// The mark of the alerts in PostgreSQL: one row.
#include "store/open_ledger.hpp"
#include "store/pg_store.hpp"
#include "store/rows.hpp"

namespace gantry {
namespace {

class PgAlerts final : public AlertLedger {
 public:
  explicit PgAlerts(PgStore& store) : store_(store) {}

  Result<AlertMark> alert_mark() override {
    return with_connection(store_.pool(), [](pqxx::connection& connection) -> Result<AlertMark> {
      pqxx::nontransaction work(connection);
      AlertMark mark;
      for (const auto& row :
           work.exec("select cursor, array_to_string(raised, e'\\n') from alert_mark")) {
        mark.cursor = row[0].c_str();
        std::string_view lines = row[1].c_str();
        while (!lines.empty()) {
          const std::size_t end = std::min(lines.find('\n'), lines.size());
          mark.raised.emplace(lines.substr(0, end));
          lines.remove_prefix(std::min(end + 1, lines.size()));
        }
      }
      return mark;
    });
  }

  Result<> keep_alert_mark(const AlertMark& mark) override {
    std::string lines;
    for (const std::string& one : mark.raised) lines += (lines.empty() ? "" : "\n") + one;
    return with_connection(store_.pool(), [&](pqxx::connection& connection) -> Result<> {
      pqxx::work work(connection);
      work.exec_params0(
          "insert into alert_mark (cursor, raised) values ($1, string_to_array(nullif($2, ''), "
          "e'\\n')) on conflict (one) do update set cursor = excluded.cursor, raised = "
          "excluded.raised",
          mark.cursor, lines);
      work.commit();
      return done();
    });
  }

 private:
  PgStore& store_;
};

}  // namespace

std::unique_ptr<AlertLedger> open_alert_ledger(Store& store) {
  return std::make_unique<PgAlerts>(dynamic_cast<PgStore&>(store));
}

}  // namespace gantry
