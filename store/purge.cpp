#include "store/purge.hpp"

namespace gantry {
namespace {

// Runs `statement`, which deletes at most a batch, until it finds less. `left` counts down.
template <class... Values>
bool delete_in_batches(pqxx::connection& connection, const HistoryLimits& limits, int& left,
                       const char* statement, const Values&... values) {
  for (; left > 0; --left) {
    pqxx::work work(connection);
    const auto deleted = work.exec_params(statement, values..., limits.batch).affected_rows();
    work.commit();
    if (deleted < static_cast<std::size_t>(limits.batch)) return true;
  }
  return false;
}

// The order of commits is nearly that of time, so only the oldest rows are looked at.
constexpr const char* kDeleteOldEvents =
    "delete from events where (xid, seq) in (select xid, seq from events order by xid, seq "
    "limit $2::bigint) and at < $1::timestamptz";

constexpr const char* kFirstEventTooMany =
    "select xid::text, seq::text from events order by events.xid desc, events.seq desc "
    "offset $1::bigint limit 1";

constexpr const char* kDeleteEventsUpTo =
    "delete from events where (xid, seq) in (select xid, seq from events where (xid, seq) <= "
    "($1::xid8, $2::bigint) order by xid, seq limit $3::bigint)";

constexpr const char* kDeleteOldKeys =
    "delete from idempotency_keys where (token_id, key) in (select token_id, key from "
    "idempotency_keys where created_at <= $1::timestamptz limit $2::bigint for update skip locked)";

}  // namespace

Purged purge_history(pqxx::connection& connection, TimePoint now, const HistoryLimits& limits) {
  int left = limits.batches_max;
  bool all = delete_in_batches(connection, limits, left, kDeleteOldEvents,
                               format_time(now - limits.events_kept));
  const auto first =
      pqxx::nontransaction(connection).exec_params(kFirstEventTooMany, limits.events_max);
  if (!first.empty())
    all &= delete_in_batches(connection, limits, left, kDeleteEventsUpTo,
                             std::string(first[0][0].c_str()), std::string(first[0][1].c_str()));
  all &= delete_in_batches(connection, limits, left, kDeleteOldKeys,
                           format_time(now - kIdempotencyKept));
  return all ? Purged::all : Purged::some;
}

}  // namespace gantry
