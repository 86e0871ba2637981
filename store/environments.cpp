#include "store/edits.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

Place place(const Environment& environment) {
  return {.project_id = environment.project_id, .environment_id = environment.id.str()};
}

Error not_deleted() { return {Code::conflict, "not_deleted", "the environment is not deleted"}; }

}  // namespace

Result<Environment> PgTransaction::create_environment(const ProjectId& project_id,
                                                      const Name& name) {
  return verb([&]() -> Result<Environment> {
    // One at a time, so that two do not reach for the same subnet.
    work_->exec("select pg_advisory_xact_lock(hashtext('gantry/subnets'))");
    const auto free = work_->exec_params1(
        "select min(n) from generate_series(0, $1::integer - 1) n "
        "where not exists (select 1 from environments where subnet_index = n)",
        store_.subnet_count());
    if (free[0].is_null())
      return Error{Code::exhausted, "network_pool_exhausted",
                   "all networks of the configured range are taken, deleted environments hold "
                   "theirs until their grace is over: purge one, delete one for good, or "
                   "configure a larger range"};
    const EnvironmentId id = EnvironmentId::make(store_.clock().now());
    const Environment environment = environment_from(work_->exec_params1(
        std::string("insert into environments (id, project_id, name, subnet_index, created_at, "
                    "updated_at) values ($1, $2, $3, $4, $5, $5) returning ") +
            kEnvironmentColumns,
        id.str(), project_id.str(), name.str(), free[0].as<int>(), now()));
    edit(project_id, id.str(), record("environment.created", place(environment), name.str()),
         [environment](ProjectSnapshot& project) { edits::put_environment(project, environment); });
    return environment;
  });
}

Result<Environment> PgTransaction::rename_environment(const EnvironmentId& id, const Name& name,
                                                      IfMatch if_match) {
  return verb([&]() -> Result<Environment> {
    GANTRY_TRY(lock_row("environments", id.str(), "environment", if_match));
    return change_environment(id, "name = " + work_->quote(name.str()), "environment.renamed");
  });
}

// `change`: of columns, without the stamp's.
Result<Environment> PgTransaction::change_environment(const EnvironmentId& id,
                                                      const std::string& change,
                                                      std::string_view event) {
  const Environment environment = environment_from(work_->exec_params1(
      "update environments set " + change +
          ", version = version + 1, updated_at = $2 where id = $1 returning " + kEnvironmentColumns,
      id.str(), now()));
  edit(environment.project_id, id.str(), record(event, place(environment), environment.name.str()),
       [environment](ProjectSnapshot& project) { edits::put_environment(project, environment); });
  return environment;
}

Result<Environment> PgTransaction::protect_environment(const EnvironmentId& id,
                                                       const Protection& protection,
                                                       IfMatch if_match) {
  return verb([&]() -> Result<Environment> {
    GANTRY_TRY(lock_row("environments", id.str(), "environment", if_match));
    const auto word = [](bool value) { return std::string(value ? "true" : "false"); };
    return change_environment(id,
                              "guarded = " + word(protection.guarded) +
                                  ", needs_approval = " + word(protection.needs_approval),
                              "environment.protected");
  });
}

Result<> PgTransaction::delete_environment(const EnvironmentId& id, IfMatch if_match) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(lock_row("environments", id.str(), "environment", if_match));
    if (deleted_at(id)) return not_found("environment " + id.str());
    notify_all_below("i.environment_id", id.str());
    notify_others(id.str());  // also of its tokens, when nothing is in it
    const auto gone = change_environment(id, "deleted_at = $2", "environment.deleted");
    return gone ? done() : Result<>(gone.error());
  });
}

Result<Environment> PgTransaction::restore_environment(const EnvironmentId& id) {
  return verb([&]() -> Result<Environment> {
    GANTRY_TRY(lock_row("environments", id.str(), "environment", {}));
    if (!deleted_at(id)) return not_deleted();
    notify_all_below("i.environment_id", id.str());
    notify_others(id.str());
    return change_environment(id, "deleted_at = null", "environment.restored");
  });
}

Result<> PgTransaction::purge_environment(const EnvironmentId& id,
                                          std::optional<TimePoint> deleted_before) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(lock_row("environments", id.str(), "environment", {}));
    const auto deleted = deleted_at(id);
    if (deleted_before && (!deleted || *deleted >= *deleted_before)) return not_deleted();
    notify_all_below("i.environment_id", id.str());
    notify_others(id.str());
    mark_volumes("environment_id = $1", id.str());
    const Environment gone = environment_from(work_->exec_params1(
        std::string("delete from environments where id = $1 returning ") + kEnvironmentColumns,
        id.str()));
    edit(gone.project_id, id.str(), record("environment.purged", place(gone), gone.name.str()),
         [id](ProjectSnapshot& project) { edits::drop_environment(project, id); });
    return done();
  });
}

std::optional<TimePoint> PgTransaction::deleted_at(const EnvironmentId& id) {
  const auto row =
      work_->exec_params1("select deleted_at from environments where id = $1", id.str());
  return row[0].is_null() ? std::nullopt : std::optional(time_from(row[0]));
}

}  // namespace gantry
