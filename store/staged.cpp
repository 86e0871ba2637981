#include "proto/id.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

std::string identity(const EnvironmentId& environment, const std::string& path) {
  return "staged/" + environment.str() + "/" + path;
}

}  // namespace

Result<std::vector<StagedChange>> PgTransaction::staged(const EnvironmentId& environment) {
  return verb([&]() -> Result<std::vector<StagedChange>> {
    std::vector<StagedChange> changes;
    for (const auto& row :
         work_->exec_params("select id, path, value, token_id, created_at from staged_changes "
                            "where environment_id = $1 order by path for update",
                            environment.str())) {
      StagedChange change{.id = row["id"].c_str(),
                          .path = row["path"].c_str(),
                          .value = {},
                          .token_id = row["token_id"].c_str(),
                          .created_at = time_from(row["created_at"])};
      const auto opened =
          store_.secrets().open(bytes_from(row["value"]), identity(environment, change.path));
      if (!opened) return opened.error();
      if (opened->starts_with('+')) change.value = opened->substr(1);
      changes.push_back(std::move(change));
    }
    return changes;
  });
}

Result<std::vector<StagedChange>> PgTransaction::stage(const EnvironmentId& environment,
                                                       std::vector<StagedChange> changes) {
  return verb([&]() -> Result<std::vector<StagedChange>> {
    const auto place = place_of(environment);
    if (!place) return place.error();
    for (StagedChange& change : changes) {
      change.id = "stg_" + new_ulid(store_.clock().now());
      change.token_id = actor_.token_id;
      const std::string text = change.value ? "+" + *change.value : "-";
      const auto sealed = bytea(store_.secrets().seal(text, identity(environment, change.path)));
      const auto row = work_->exec_params1(
          "insert into staged_changes (id, environment_id, path, value, token_id, created_at) "
          "values ($1, $2, $3, $4, $5, $6) on conflict (environment_id, path) do update set "
          "id = excluded.id, value = excluded.value, token_id = excluded.token_id, "
          "created_at = excluded.created_at returning created_at",
          change.id, environment.str(), change.path, sealed, change.token_id, now());
      change.created_at = time_from(row[0]);
      record("environment.staged", *place, change.path);
    }
    return changes;
  });
}

Result<int> PgTransaction::unstage(const EnvironmentId& environment, const std::string& id) {
  return verb([&]() -> Result<int> {
    const auto gone = work_->exec_params(
        "delete from staged_changes where environment_id = $1 and ($2 = '' or id = $2)",
        environment.str(), id);
    return static_cast<int>(gone.affected_rows());
  });
}

Result<> PgTransaction::rehearse(const std::function<Result<>()>& body) {
  const auto begun = verb([&]() -> Result<> {
    work_->exec0("savepoint rehearsal");
    return done();
  });
  if (!begun) return begun;
  const std::size_t edits = edits_.size();
  const auto changed = changed_;
  const std::uint64_t xid = xid_;
  auto result = body();
  try {
    work_->exec0("rollback to savepoint rehearsal");
    failed_.reset();  // a statement that failed is undone with the rest
  } catch (const std::exception&) {
    failed_ = translate_exception();
    return *failed_;
  }
  edits_.erase(edits_.begin() + static_cast<std::ptrdiff_t>(edits), edits_.end());
  changed_ = changed;
  xid_ = xid;
  return result;
}

}  // namespace gantry
