// Users and memberships: the verbs that change them.
#include "store/people_rows.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

std::optional<std::string> text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::string key_of(const Membership& one) {
  return "member/" + one.user_id.str() + "/" + one.project_id.str() + "/" +
         one.environment_id.str();
}

Place where_of(const Membership& one) {
  return {.project_id = one.project_id, .environment_id = one.environment_id.str()};
}

// The row of a membership; parameters: user, project, environment or null.
constexpr const char* kWhere =
    " where user_id = $1 and project_id = $2 and environment_id is not distinct from $3";

}  // namespace

void PgTransaction::edit_people(std::int64_t seq, const std::string& row,
                                std::function<void(PeopleTable&)> apply) {
  edits_.push_back({.project_id = {},
                    .row = row,
                    .seq = seq,
                    .apply = nullptr,
                    .kind = Edit::Kind::change,
                    .token = nullptr,
                    .people = std::move(apply)});
  notify_others(row);
}

Result<User> PgTransaction::create_user(const Name& name) {
  return verb([&]() -> Result<User> {
    const UserId id = UserId::make(store_.clock().now());
    const User user = user_from(work_->exec_params1(
        std::string("insert into users (id, name, created_at) values ($1, $2, $3) returning ") +
            kUserColumns,
        id.str(), name.str(), now()));
    edit_people(record("user.created", {}, user.name.str() + " (" + id.str() + ")"), id.str(),
                [user](PeopleTable& people) { people.put(user); });
    return user;
  });
}

Result<> PgTransaction::remove_user(const UserId& id) {
  return verb([&]() -> Result<> {
    const auto rows = work_->exec_params(
        std::string("select ") + kUserColumns + " from users where id = $1 for update", id.str());
    if (rows.empty()) return not_found("user " + id.str());
    const User user = user_from(rows[0]);
    const std::int64_t seq = record("user.removed", {}, user.name.str() + " (" + id.str() + ")");
    for (const auto& row : work_->exec_params(
             std::string("delete from tokens where user_id = $1 returning ") + kTokenColumns,
             id.str()))
      edit_token(seq, Edit::Kind::drop_token, {token_from(row), ""});
    work_->exec_params0("delete from users where id = $1", id.str());
    edit_people(seq, id.str(), [id](PeopleTable& people) { people.drop(id); });
    return done();
  });
}

// Of the whole project, or of that environment.
bool PgTransaction::owns(const UserId& user, const ProjectId& project,
                         const EnvironmentId& environment) {
  return !work_
              ->exec_params(
                  "select 1 from memberships where user_id = $1 and project_id = $2 and role = "
                  "'owner' and (environment_id is null or environment_id = $3) limit 1",
                  user.str(), project.str(), environment.str())
              .empty();
}

// The project's row is locked first: whoever lost the role a moment ago, also by another daemon's
// hand, gives nothing away any more.
Result<> PgTransaction::check_decides(const ProjectId& project, const EnvironmentId& environment) {
  GANTRY_TRY(lock_row("projects", project.str(), "project", {}));
  if (actor_.token_id.empty()) return done();
  const auto token =
      work_->exec_params("select user_id from tokens where id = $1", actor_.token_id);
  if (!token.empty()) {
    if (token[0][0].is_null()) return done();  // the operator's
    if (owns(*UserId::parse(token[0][0].c_str()), project, environment)) return done();
  }
  return Error{Code::forbidden, "role_required",
               "this needs the role owner, which was just taken from you: ask another owner"};
}

// With its project's row, so that two do not each leave the other as the last owner.
Result<Membership> PgTransaction::lock_membership(const Membership& wanted) {
  GANTRY_TRY(lock_row("projects", wanted.project_id.str(), "project", {}));
  const auto rows = work_->exec_params(
      std::string("select ") + kMembershipColumns + " from memberships" + kWhere + " for update",
      wanted.user_id.str(), wanted.project_id.str(), text_or_null(wanted.environment_id.str()));
  if (rows.empty())
    return not_found("membership of user " + wanted.user_id.str() +
                     (wanted.environment_id.empty() ? "" : " in that environment"));
  return membership_from(rows[0]);
}

Result<> PgTransaction::check_last_owner(const Membership& leaving) {
  if (leaving.role != Role::owner || !leaving.environment_id.empty()) return done();
  const auto others = work_->exec_params(
      "select 1 from memberships where project_id = $1 and environment_id is null and role = "
      "'owner' and user_id <> $2 limit 1",
      leaving.project_id.str(), leaving.user_id.str());
  if (!others.empty()) return done();
  return Error{Code::conflict, "last_owner",
               "this is the project's last owner: make somebody else an owner first"};
}

Membership PgTransaction::put_member(const Membership& wanted) {
  const Membership made = membership_from(work_->exec_params1(
      std::string("insert into memberships (user_id, project_id, environment_id, role, "
                  "created_at) values ($1, $2, $3, $4, $5) returning ") +
          kMembershipColumns,
      wanted.user_id.str(), wanted.project_id.str(), text_or_null(wanted.environment_id.str()),
      std::string(gantry::name(wanted.role)), now()));
  edit_people(record("member.added", where_of(made),
                     made.user_id.str() + " as " + std::string(gantry::name(made.role))),
              key_of(made), [made](PeopleTable& people) { people.put(made); });
  return made;
}

Membership PgTransaction::put_role(const Membership& wanted) {
  const Membership made = membership_from(work_->exec_params1(
      std::string("update memberships set role = $4") + kWhere + " returning " + kMembershipColumns,
      wanted.user_id.str(), wanted.project_id.str(), text_or_null(wanted.environment_id.str()),
      std::string(gantry::name(wanted.role))));
  edit_people(record("member.changed", where_of(made),
                     made.user_id.str() + " is " + std::string(gantry::name(made.role))),
              key_of(made), [made](PeopleTable& people) { people.put(made); });
  return made;
}

void PgTransaction::drop_member(const Membership& gone, std::string_view event) {
  work_->exec_params0(std::string("delete from memberships") + kWhere, gone.user_id.str(),
                      gone.project_id.str(), text_or_null(gone.environment_id.str()));
  edit_people(record(event, where_of(gone), gone.user_id.str()), key_of(gone),
              [gone](PeopleTable& people) { people.drop(gone); });
}

Result<Membership> PgTransaction::add_member(const Membership& wanted) {
  return verb([&]() -> Result<Membership> {
    GANTRY_TRY(check_decides(wanted.project_id, wanted.environment_id));
    return put_member(wanted);
  });
}

Result<Membership> PgTransaction::change_member(const Membership& wanted) {
  return verb([&]() -> Result<Membership> {
    GANTRY_TRY(check_decides(wanted.project_id, wanted.environment_id));
    const auto present = lock_membership(wanted);
    if (!present) return present.error();
    if (wanted.role != Role::owner) GANTRY_TRY(check_last_owner(*present));
    return put_role(wanted);
  });
}

Result<> PgTransaction::remove_member(const Membership& wanted) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(check_decides(wanted.project_id, wanted.environment_id));
    const auto present = lock_membership(wanted);
    if (!present) return present.error();
    GANTRY_TRY(check_last_owner(*present));
    drop_member(*present, "member.removed");
    return done();
  });
}

Result<> PgTransaction::leave(const UserId& user, const ProjectId& project,
                              const EnvironmentId& environment) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(lock_row("projects", project.str(), "project", {}));
    std::optional<Membership> whole;
    std::vector<Membership> leaving;
    for (const auto& row : work_->exec_params(
             std::string("select ") + kMembershipColumns +
                 " from memberships where user_id = $1 and project_id = $2 for update",
             user.str(), project.str())) {
      const Membership each = membership_from(row);
      if (each.environment_id.empty()) whole = each;
      if (environment.empty() || each.environment_id == environment) leaving.push_back(each);
    }
    if (leaving.empty())
      return Error{Code::conflict, "no_role",
                   environment.empty()
                       ? "you have no role in this project: there is nothing to leave"
                       : "you have no role of its own in this environment: leave the project"};
    if (!environment.empty() && whole && whole->role > leaving.front().role)
      return Error{Code::conflict, "role_would_grow",
                   "in this environment you are " +
                       std::string(gantry::name(leaving.front().role)) +
                       " instead of the project's " + std::string(gantry::name(whole->role)) +
                       ": leave the project, or ask an owner to take that role away"};
    for (const Membership& each : leaving) GANTRY_TRY(check_last_owner(each));
    for (const Membership& each : leaving) drop_member(each, "member.left");
    return done();
  });
}

}  // namespace gantry
