#include "store/edits.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

Place place(const Environment& environment) {
  return {.project_id = environment.project_id, .environment_id = environment.id.str()};
}

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
                   "all networks of the configured range are taken: delete an environment or "
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
    const Environment environment = environment_from(work_->exec_params1(
        std::string("update environments set name = $2, version = version + 1, updated_at = $3 "
                    "where id = $1 returning ") +
            kEnvironmentColumns,
        id.str(), name.str(), now()));
    edit(environment.project_id, id.str(),
         record("environment.renamed", place(environment), name.str()),
         [environment](ProjectSnapshot& project) { edits::put_environment(project, environment); });
    return environment;
  });
}

Result<> PgTransaction::delete_environment(const EnvironmentId& id, IfMatch if_match) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(lock_row("environments", id.str(), "environment", if_match));
    notify_all_below("i.environment_id", id.str());
    notify_others(id.str());  // also of its tokens, when nothing is in it
    mark_volumes("environment_id = $1", id.str());
    const Environment gone = environment_from(work_->exec_params1(
        std::string("delete from environments where id = $1 returning ") + kEnvironmentColumns,
        id.str()));
    edit(gone.project_id, id.str(), record("environment.deleted", place(gone), gone.name.str()),
         [id](ProjectSnapshot& project) { edits::drop_environment(project, id); });
    return done();
  });
}

}  // namespace gantry
