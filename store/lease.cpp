// Which daemon acts. The database's clock says when a lease ends, so that two hosts need not agree
// on the time.
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

Error lease_lost() {
  return {Code::conflict, "lease_lost",
          "this daemon does not hold the lease of the installation: another one acts now"};
}

Lease lease_from(const pqxx::row& row) {
  return {.holder = row["holder"].c_str(),
          .term = row["term"].as<std::int64_t>(),
          .expires_at = time_from(row["expires_at"])};
}

Error lease_held(pqxx::connection& connection) {
  pqxx::nontransaction work(connection);
  const Lease other = lease_from(work.exec1("select holder, term, expires_at from lease"));
  return {Code::conflict, "lease_held",
          "the daemon " + other.holder + " acts for this installation until " +
              format_time(other.expires_at)};
}

}  // namespace

// A holder that comes again keeps its term: nobody acted in between. The writes of the one before
// hold the row shared, so a new term begins when the last of them is through.
Result<Lease> PgStore::hold_lease(const std::string& holder, Seconds ttl) {
  return with_connection(pool_, [&](pqxx::connection& connection) -> Result<Lease> {
    pqxx::result rows;
    {
      pqxx::work work(connection);
      rows = work.exec_params(
          "update lease set term = case when holder = $1 then term else term + 1 end, holder = $1, "
          "expires_at = clock_timestamp() + make_interval(secs => $2) "
          "where holder = $1 or expires_at <= clock_timestamp() "
          "returning holder, term, expires_at",
          holder, static_cast<int>(ttl.count()));
      work.commit();
    }
    if (rows.empty()) {
      term_ = 0;
      return lease_held(connection);
    }
    const Lease lease = lease_from(rows[0]);
    term_ = lease.term;
    return lease;
  });
}

Result<> PgStore::release_lease(const std::string& holder) {
  term_ = 0;
  return with_connection(pool_, [&](pqxx::connection& connection) -> Result<> {
    pqxx::work work(connection);
    work.exec_params("update lease set holder = '', expires_at = 'epoch' where holder = $1",
                     holder);
    work.commit();
    return done();
  });
}

Result<> PgTransaction::check_lease() {
  const std::int64_t term = store_.term();
  if (term == 0) return lease_lost();
  const auto rows = work_->exec_params("select 1 from lease where term = $1 for share", term);
  return rows.empty() ? Result<>(lease_lost()) : done();
}

}  // namespace gantry
