#include "api/authority.hpp"

namespace gantry::api {
namespace {

Error account_token_required() {
  return {Code::forbidden, "account_token_required",
          "a project token works inside its environment and may not do this: use an account "
          "token, as `gantry token create NAME` without a project makes one"};
}

Error operator_required() {
  return {Code::forbidden, "operator_required",
          "this is about the whole installation, and only its operator may do it: ask who runs it"};
}

bool is_guarded(const EnvironmentView* environment) {
  return environment != nullptr && environment->environment.protection.guarded;
}

// The least role that may; nothing: none.
std::optional<Role> needed(Permission permission, const EnvironmentView* environment) {
  switch (permission) {
    case Permission::open:
    case Permission::self:
    case Permission::view:
      return Role::viewer;
    case Permission::edit:
    case Permission::manage:
      return is_guarded(environment) ? Role::owner : Role::editor;
    case Permission::own:
    case Permission::share:
      return Role::owner;
    case Permission::missing:
    case Permission::operate:
      return std::nullopt;
  }
  return std::nullopt;
}

Error role_required(Role wanted, std::optional<Role> present, const ProjectSnapshot& project,
                    const EnvironmentView* environment) {
  std::string where = "project " + project.project.name.str();
  if (environment != nullptr)
    where = "environment " + environment->environment.name.str() + " of " + where;
  std::string detail = "this needs the role " + std::string(name(wanted)) + " in " + where;
  if (wanted == Role::owner && is_guarded(environment)) detail += ", which is guarded";
  detail += present ? ", and you are " + std::string(name(*present)) + " there"
                    : ", and you have none there";
  return {Code::forbidden, "role_required",
          detail + ": ask one of its owners, `gantry member list` shows them"};
}

}  // namespace

std::optional<Role> Authority::role_in(const ProjectSnapshot& project,
                                       const EnvironmentView* environment,
                                       Permission permission) const {
  const ProjectId& id = project.project.id;
  if (environment != nullptr) return roles_->in(id, environment->environment.id);
  auto role = roles_->in(id);
  if (permission == Permission::manage || permission == Permission::own) return role;
  const auto found = roles_->projects.find(id);
  if (found == roles_->projects.end()) return role;
  for (const auto& [part, membership] : found->second.in)
    if (!role || membership.role > *role) role = membership.role;
  return role;
}

Result<> Authority::may(Permission permission, const ProjectSnapshot& project,
                        const EnvironmentView* environment) const {
  if (token_.kind == TokenKind::project && permission != Permission::view &&
      permission != Permission::edit)
    return account_token_required();
  const auto wanted = needed(permission, environment);
  if (!wanted) return operator_required();
  if (!roles_) return done();  // a project token that nobody's roles bound
  const EnvironmentView* in = environment;
  if (token_.kind == TokenKind::project && in == nullptr)
    in = project.environment(token_.environment_id.str());
  const auto role = role_in(project, in, permission);
  const auto least = *needed(permission, in);
  return role && *role >= least ? done() : role_required(least, role, project, in);
}

Result<> Authority::may(Permission permission, const Place& place) const {
  if (!place.project) {
    if (token_.kind == TokenKind::project) return account_token_required();
    return operator_required();
  }
  GANTRY_TRY(may(permission, *place.project, place.environment));
  if (place.service == nullptr || place.environment != nullptr || permission < Permission::manage)
    return done();
  for (const auto& [id, view] : place.project->environments)
    if (!view->environment.deleted_at && place.project->instance(place.service->id, id) != nullptr)
      GANTRY_TRY(may(permission, *place.project, view.get()));
  return done();
}

bool Authority::owns(const ProjectSnapshot& project) const {
  return is_user() && roles_->in(project.project.id) == Role::owner;
}

Result<> Authority::may_share(const ProjectSnapshot& project,
                              const EnvironmentView* environment) const {
  if (!is_user()) return account_token_required();
  if (owns(project)) return done();
  const ProjectId& id = project.project.id;
  if (environment == nullptr) {
    Error error = role_required(Role::owner, roles_->in(id), project, nullptr);
    if (may(Permission::share, project, nullptr))
      error.detail += "; about an environment that you own you decide: name it as \"environment\"";
    return error;
  }
  const auto role = roles_->in(id, environment->environment.id);
  return role == Role::owner ? done() : role_required(Role::owner, role, project, environment);
}

Result<> may(const Context& context, Permission permission, const ProjectSnapshot& project,
             const EnvironmentView& environment) {
  return context.authority ? context.authority->may(permission, project, &environment) : done();
}

Result<> may(const Context& context, Permission permission, const ProjectSnapshot& project) {
  return context.authority ? context.authority->may(permission, project, nullptr) : done();
}

Result<> may_share(const Context& context, const ProjectSnapshot& project,
                   const EnvironmentView* environment) {
  return context.authority ? context.authority->may_share(project, environment) : done();
}

std::string actor_name(const Request& request, const Context& context) {
  if (context.authority && context.authority->roles())
    return context.authority->roles()->user.name.str();
  const auto id = TokenId::parse(request.token_id);
  const auto token = id ? context.store.token(*id) : std::nullopt;
  return token ? "the operator (" + token->name + ")" : "the operator";
}

bool may_still_edit(const People* people, const Token& token, const ProjectSnapshot& project,
                    const EnvironmentId& environment_id) {
  if (token.user_id.empty()) return true;
  const RolesPtr roles = people == nullptr ? nullptr : people->roles(token.user_id);
  const auto environment = project.environments.find(environment_id);
  if (!roles || environment == project.environments.end()) return false;
  return Authority(token, roles).may(Permission::edit, project, environment->second.get()).ok();
}

}  // namespace gantry::api
