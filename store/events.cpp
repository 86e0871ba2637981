// Events are read in the order of commits, (xid, seq), and only below the oldest transaction that
// is still running: whatever commits later has a higher place, so that a reader who goes on from a
// cursor misses nothing.

#include "store/rows.hpp"
#include "store/statements.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

constexpr const char* kSettled = "xid < pg_snapshot_xmin(pg_current_snapshot())";

// Adds " and column = $n" for a filter that is set.
void narrow(std::string& sql, std::vector<std::string>& values, const char* column,
            const std::string& value) {
  if (value.empty()) return;
  values.push_back(value);
  sql += std::string(" and ") + column + " = $" + std::to_string(values.size());
}

// '{"a","b"}' of ids, which need no escapes.
std::string array_of(const std::vector<std::string>& ids) {
  std::string array = "{";
  for (const std::string& id : ids) array += (array.size() > 1 ? ",\"" : "\"") + id + '"';
  return array + "}";
}

void narrow(std::string& sql, std::vector<std::string>& values, const People::Reach& reach) {
  const auto any = [&](const std::vector<std::string>& ids) {
    values.push_back(array_of(ids));
    return " = any($" + std::to_string(values.size()) + "::text[])";
  };
  sql += " and (project_id" + any(reach.projects);
  if (!reach.parts.empty())
    sql += " or project_id" + any(reach.parts) + " and (environment_id = '' or environment_id" +
           any(reach.environments) + ")";
  sql += ")";
}

}  // namespace

Result<> PgTransaction::put_event(const Event& event) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(check_lease());
    const Place place{event.project_id, event.environment_id, event.service_id, event.instance_id};
    record(event.type, place, event.message, event.deployment_id, event.replica_id);
    return done();
  });
}

Result<> PgStore::record_event(const Event& event) {
  return alone(*this, [&](PgTransaction& work) { return work.put_event(event); });
}

Result<std::vector<Event>> PgStore::events(const EventFilter& filter, const std::string& after,
                                           int limit) {
  return events_within(filter, std::nullopt, after, limit);
}

Result<std::vector<Event>> PgStore::events_within(const EventFilter& filter,
                                                  const std::optional<People::Reach>& reach,
                                                  const std::string& after, int limit) {
  const auto position = parse_cursor(after);
  if (!position) return position.error();
  std::vector<std::string> values{position->xid, std::to_string(position->seq),
                                  std::to_string(limit)};
  std::string sql = std::string("select ") + kEventColumns +
                    " from events where (events.xid, seq) > ($1::xid8, $2::bigint) and events." +
                    kSettled;
  narrow(sql, values, "project_id", filter.project_id.str());
  narrow(sql, values, "service_id", filter.service_id);
  narrow(sql, values, "environment_id", filter.environment_id);
  narrow(sql, values, "deployment_id", filter.deployment_id);
  if (!filter.within_environment_id.empty()) {
    values.push_back(filter.within_environment_id);
    sql += " and environment_id in ('', $" + std::to_string(values.size()) + ")";
  }
  if (reach) narrow(sql, values, *reach);
  sql += " order by events.xid, seq limit $3::bigint";
  return with_connection(pool_, [&](pqxx::connection& connection) -> Result<std::vector<Event>> {
    pqxx::nontransaction work(connection);
    std::vector<Event> found;
    for (const auto& row : work.exec_params(sql, pqxx::prepare::make_dynamic_params(values)))
      found.push_back(event_from(row));
    return found;
  });
}

Result<std::string> PgStore::latest_cursor() {
  return with_connection(pool_, [&](pqxx::connection& connection) -> Result<std::string> {
    pqxx::nontransaction work(connection);
    const auto rows =
        work.exec(std::string("select events.xid::text, seq from events where events.") + kSettled +
                  " order by events.xid desc, seq desc limit 1");
    if (rows.empty()) return cursor_of({});
    return cursor_of({rows[0][0].c_str(), rows[0][1].as<std::int64_t>()});
  });
}

}  // namespace gantry
