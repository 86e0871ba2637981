#include "store/edits.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {

Result<Project> PgTransaction::create_project(const Name& name) {
  return verb([&]() -> Result<Project> {
    const ProjectId id = ProjectId::make(store_.clock().now());
    const Project project = project_from(work_->exec_params1(
        std::string("insert into projects (id, name, created_at, updated_at) values ($1, $2, $3, "
                    "$3) returning ") +
            kProjectColumns,
        id.str(), name.str(), now()));
    edit(
        id, id.str(), record("project.created", {.project_id = id}, name.str()),
        [project](ProjectSnapshot& snapshot) { snapshot.project = project; },
        Edit::Kind::create_project);
    const auto environment = create_environment(id, *Name::parse("production"));
    if (!environment) return environment.error();
    // Who creates a project owns it.
    const auto token = TokenId::parse(actor_.token_id);
    const auto by = token ? store_.memory().token(*token) : std::nullopt;
    if (by && !by->user_id.empty())
      put_member({.user_id = by->user_id, .project_id = id, .role = Role::owner});
    return project;
  });
}

Result<Project> PgTransaction::rename_project(const ProjectId& id, const Name& name,
                                              IfMatch if_match) {
  return verb([&]() -> Result<Project> {
    GANTRY_TRY(lock_row("projects", id.str(), "project", if_match));
    const Project project = project_from(work_->exec_params1(
        std::string("update projects set name = $2, version = version + 1, updated_at = $3 where "
                    "id = $1 returning ") +
            kProjectColumns,
        id.str(), name.str(), now()));
    edit(id, id.str(), record("project.renamed", {.project_id = id}, name.str()),
         [project](ProjectSnapshot& snapshot) { snapshot.project = project; });
    return project;
  });
}

Result<> PgTransaction::delete_project(const ProjectId& id, IfMatch if_match) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(lock_row("projects", id.str(), "project", if_match));
    notify_all_below("s.project_id", id.str());
    notify_others(id.str());  // also of its tokens, when nothing is in it
    mark_volumes("project_id = $1", id.str());
    const auto gone =
        work_->exec_params1("delete from projects where id = $1 returning name", id.str());
    edit(id, id.str(), record("project.deleted", {.project_id = id}, gone[0].c_str()), nullptr,
         Edit::Kind::delete_project);
    return done();
  });
}

}  // namespace gantry
