#include "store/edits.hpp"
#include "store/rows.hpp"
#include "store/statements.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

const std::string& owner(const Place& place) {
  return place.instance_id.empty() ? place.environment_id : place.instance_id;
}

// The rows of one owner's variable; parameters: owner, name.
std::string where(const Place& place) {
  return place.instance_id.empty()
             ? " where environment_id = $1 and instance_id is null and name = $2"
             : " where instance_id = $1 and name = $2";
}

std::string row_key(const Place& place, std::string_view name) {
  return owner(place) + "/" + std::string(name);
}

}  // namespace

Result<> PgTransaction::lock_variable(const Place& place, std::string_view name, IfMatch if_match) {
  const auto rows =
      work_->exec_params("select version from variables" + where(place) + " for update",
                         owner(place), std::string(name));
  if (rows.empty() && if_match)
    return Error{Code::stale, "version_mismatch",
                 "there is no variable " + std::string(name) + " any more"};
  if (rows.empty()) return not_found("variable " + std::string(name));
  const auto version = rows[0][0].as<std::int64_t>();
  if (if_match && *if_match != version) return stale(version);
  return done();
}

template <class F>
pqxx::row PgTransaction::run_and_commit(F&& statement) {
  try {
    pqxx::nontransaction work(**lease_);
    auto row = statement(work);
    done_ = true;
    return row;
  } catch (const pqxx::broken_connection& failure) {
    store_.suspect();
    throw pqxx::in_doubt_error(failure.what());
  }
}

Result<Variable> PgTransaction::put(const Place& place, std::string_view name,
                                    std::string_view value, IfMatch if_match) {
  if (if_match) GANTRY_TRY(lock_variable(place, name, if_match));
  const std::string key(name);
  const TimePoint time = store_.clock().now();
  const std::string sealed = store_.secrets().seal(value, variable_identity(owner(place), name));
  const auto statement = [&](pqxx::transaction_base& work) {
    return place.instance_id.empty()
               ? work.exec_prepared1(kPutSharedVariable, place.environment_id, key, bytea(sealed),
                                     format_time(time), place.project_id.str(), actor_.token_id,
                                     actor_.request_id)
               : work.exec_prepared1(kPutVariable, place.environment_id, place.instance_id, key,
                                     bytea(sealed), format_time(time), place.project_id.str(),
                                     place.service_id, actor_.token_id, actor_.request_id);
  };
  const bool alone = only_one_verb_ && !work_.begun() && !done_;
  const auto row = alone ? run_and_commit(statement) : statement(*work_);
  Variable variable{.name = key,
                    .value = std::string(value),
                    .stamp = {.created_at = time_from(row["created_at"]),
                              .updated_at = time,
                              .version = row["version"].as<std::int64_t>()}};
  xid_ = row["xid"].as<std::uint64_t>();
  edit(place.project_id, row_key(place, name), row["seq"].as<std::int64_t>(),
       [id = owner(place), variable](ProjectSnapshot& project) {
         edits::put_variable(project, id, variable);
       });
  return variable;
}

Result<> PgTransaction::erase(const Place& place, std::string_view name, IfMatch if_match) {
  GANTRY_TRY(lock_variable(place, name, if_match));
  const std::string key(name);
  work_->exec_params0("delete from variables" + where(place), owner(place), key);
  edit(place.project_id, row_key(place, name), record("variable.deleted", place, key),
       [id = owner(place), key](ProjectSnapshot& project) {
         edits::drop_variable(project, id, key);
       });
  return done();
}

Result<Variable> PgTransaction::put_shared_variable(const EnvironmentId& id, std::string_view name,
                                                    std::string_view value, IfMatch if_match) {
  return verb([&]() -> Result<Variable> {
    const auto place = place_of(id);
    if (!place) return place.error();
    return put(*place, name, value, if_match);
  });
}

Result<Variable> PgTransaction::put_variable(const InstanceId& id, std::string_view name,
                                             std::string_view value, IfMatch if_match) {
  return verb([&]() -> Result<Variable> {
    const auto place = place_of(id);
    if (!place) return place.error();
    return put(*place, name, value, if_match);
  });
}

Result<> PgTransaction::delete_shared_variable(const EnvironmentId& id, std::string_view name,
                                               IfMatch if_match) {
  return verb([&]() -> Result<> {
    const auto place = place_of(id);
    if (!place) return place.error();
    return erase(*place, name, if_match);
  });
}

Result<> PgTransaction::delete_variable(const InstanceId& id, std::string_view name,
                                        IfMatch if_match) {
  return verb([&]() -> Result<> {
    const auto place = place_of(id);
    if (!place) return place.error();
    return erase(*place, name, if_match);
  });
}

}  // namespace gantry
