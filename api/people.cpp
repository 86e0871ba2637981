// Users, and the members of a project.
#include "api/people.hpp"

#include "api/authority.hpp"
#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/nearest.hpp"
#include "api/page.hpp"
#include "api/people_json.hpp"
#include "api/problem.hpp"
#include "api/reply.hpp"

namespace gantry::api {
namespace {

std::string user_location(const User& user) { return "/v1/users/" + user.id.str(); }

Response shown(const User& user) {
  Response response;
  append_json(response.body, user);
  return response;
}

Response shown(const Membership& one, const User& user, const ProjectSnapshot& project) {
  Response response;
  append_json(response.body, one, user, project);
  return response;
}

Result<User> find_user(const Request& request, const People& people) {
  const auto user = people.user(request.path_parameters[0]);
  if (!user) return not_found("user " + clipped(request.path_parameters[0]));
  return *user;
}

// Whether the project, as it is seen, has them as a member: not by a role in an environment that is
// not seen.
bool is_seen(const UserRoles& user, const ProjectSnapshot& project) {
  const auto found = user.projects.find(project.project.id);
  if (found == user.projects.end()) return false;
  if (found->second.whole) return true;
  for (const auto& [id, membership] : found->second.in)
    if (project.environment(id.str()) != nullptr) return true;
  return false;
}

// Whom a caller may name: an operator everybody, a user those it sees in some project.
std::optional<User> known_user(const std::string& wanted, const Context& context) {
  const auto user = context.people->user(wanted);
  if (!user || !context.authority) return user;
  const RolesPtr theirs = context.people->roles(user->id);
  if (!theirs) return std::nullopt;
  for (const ProjectPtr& project : context.store.projects())
    if (is_seen(*theirs, *project)) return user;
  return std::nullopt;
}

// Who is a member of the project in any way that is seen, by id or name.
Result<User> find_member(const Request& request, const Place& place, const People& people) {
  const std::string& wanted = request.path_parameters[1];
  const auto user = people.user(wanted);
  const RolesPtr roles = user ? people.roles(user->id) : nullptr;
  if (roles && is_seen(*roles, *place.project)) return *user;
  return not_found("member " + clipped(wanted) + " of project " +
                   place.project->project.name.str());
}

// What a request is about, and whether its caller decides about that.
Result<Membership> wanted_membership(const Context& context, const Place& place, const User& user,
                                     const std::optional<std::string>& environment,
                                     const std::string& pointer) {
  const ProjectSnapshot& project = *place.project;
  Membership wanted{.user_id = user.id, .project_id = project.project.id};
  GANTRY_TRY(place_role(context, wanted.environment_id, project, environment, pointer));
  const RolesPtr theirs = context.people->roles(user.id);
  const bool above = theirs && theirs->in(project.project.id) == Role::owner;
  if (above && context.authority && !context.authority->owns(project))
    return Error{Code::forbidden, "role_required",
                 user.name.str() + " is an owner of project " + project.project.name.str() +
                     ": only owners of the project decide about them"};
  return wanted;
}

}  // namespace

Result<People*> people_of(const Context& context) {
  if (context.people != nullptr) return context.people;
  return Error{Code::unavailable, "no_people", "this server keeps no users"};
}

Result<const EnvironmentView*> find_part(const ProjectSnapshot& project,
                                         const std::optional<std::string>& environment,
                                         const std::string& pointer) {
  const EnvironmentView* found = environment ? project.environment(*environment) : nullptr;
  if (environment && found == nullptr)
    return invalid(pointer, "unknown_environment",
                   "the project has no such environment: create it or name another one");
  return found;
}

Result<> place_role(const Context& context, EnvironmentId& id, const ProjectSnapshot& project,
                    const std::optional<std::string>& environment, const std::string& pointer) {
  const auto part = find_part(project, environment, pointer);
  if (!part) return part.error();
  GANTRY_TRY(may_share(context, project, *part));
  if (*part != nullptr) id = (*part)->environment.id;
  return done();
}

Role read_role(Fields& body) {
  const std::string text = body.text("role");
  const auto role = parse_role(text);
  if (!role && body.has("role"))
    body.refuse("role", "invalid_role", "expected viewer, editor or owner");
  return role.value_or(Role::viewer);
}

Answer list_users(const Request& request, Context& context) {
  const auto people = people_of(context);
  if (!people) return people.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  return page_of(
      request, context, *wanted, (*people)->users(),
      [](const User& user) -> const std::string& { return user.id.str(); },
      [](std::string& out, const User& user) { append_json(out, user); });
}

Answer get_user(const Request& request, Context& context) {
  const auto people = people_of(context);
  if (!people) return people.error();
  const auto user = find_user(request, **people);
  if (!user) return user.error();
  return shown(*user);
}

Answer create_user(const Request& request, Context& context, Transaction& transaction) {
  const auto people = people_of(context);
  if (!people) return people.error();
  auto body = Fields::read(request, {"name"});
  if (!body) return body.error();
  const Name name = body->name("name");
  GANTRY_TRY(body->check());
  const auto user = (*people)->within(transaction).create_user(name);
  if (!user) return user.error();
  return created(user_location(*user), shown(*user).body);
}

Answer remove_user(const Request& request, Context& context, Transaction& transaction) {
  const auto people = people_of(context);
  if (!people) return people.error();
  const auto user = find_user(request, **people);
  if (!user) return user.error();
  GANTRY_TRY((*people)->within(transaction).remove_user(user->id));
  return no_content();
}

// Those of environments that the caller does not see are not told.
Answer list_members(const Request& request, Context& context) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto people = people_of(context);
  if (!people) return people.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  auto members = (*people)->members(place->project->project.id);
  std::erase_if(members, [&](const Membership& each) {
    return !each.environment_id.empty() &&
           place->project->environment(each.environment_id.str()) == nullptr;
  });
  return page_of(
      request, context, *wanted, members,
      [](const Membership& each) { return each.user_id.str() + each.environment_id.str(); },
      [&](std::string& out, const Membership& each) {
        const auto user = (*people)->user(each.user_id.str());
        append_json(out, each, user.value_or(User{.id = each.user_id, .name = {}}),
                    *place->project);
      });
}

Answer add_member(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto people = people_of(context);
  if (!people) return people.error();
  auto body = Fields::read(request, {"user", "role", "environment"});
  if (!body) return body.error();
  const std::string name = body->text("user");
  const Role role = read_role(*body);
  const auto environment = body->optional_text("environment");
  GANTRY_TRY(body->check());
  const auto user = known_user(name, context);
  if (!user)
    return invalid("/user", "unknown_user",
                   "you know no such user: send an invitation, `gantry invite create`");
  auto wanted = wanted_membership(context, *place, *user, environment, "/environment");
  if (!wanted) return wanted.error();
  wanted->role = role;
  const auto made = (*people)->within(transaction).add_member(*wanted);
  if (!made) return made.error();
  return created("/v1/projects/" + place->project->project.id.str() + "/members/" + user->id.str(),
                 shown(*made, *user, *place->project).body);
}

Answer change_member(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto people = people_of(context);
  if (!people) return people.error();
  const auto user = find_member(request, *place, **people);
  if (!user) return user.error();
  auto body = Fields::read(request, {"role", "environment"});
  if (!body) return body.error();
  const Role role = read_role(*body);
  const auto environment = body->optional_text("environment");
  GANTRY_TRY(body->check());
  auto wanted = wanted_membership(context, *place, *user, environment, "/environment");
  if (!wanted) return wanted.error();
  wanted->role = role;
  const auto made = (*people)->within(transaction).change_member(*wanted);
  if (!made) return made.error();
  return shown(*made, *user, *place->project);
}

Answer remove_member(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto people = people_of(context);
  if (!people) return people.error();
  const auto user = find_member(request, *place, **people);
  if (!user) return user.error();
  const std::string* environment = request.query_value("environment");
  const auto wanted = wanted_membership(
      context, *place, *user, environment == nullptr ? std::nullopt : std::optional(*environment),
      "?environment");
  if (!wanted) return wanted.error();
  GANTRY_TRY((*people)->within(transaction).remove_member(*wanted));
  return no_content();
}

// By oneself: whatever one's role is.
Answer leave_project(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto people = people_of(context);
  if (!people) return people.error();
  auto body = Fields::read(request, {"environment"});
  if (!body) return body.error();
  const auto environment = body->optional_text("environment");
  GANTRY_TRY(body->check());
  if (!context.authority)
    return Error{Code::conflict, "no_role",
                 "the operator has no role in projects: there is nothing to leave"};
  const auto part = find_part(*place->project, environment, "/environment");
  if (!part) return part.error();
  GANTRY_TRY((*people)
                 ->within(transaction)
                 .leave(context.authority->token().user_id, place->project->project.id,
                        *part == nullptr ? EnvironmentId() : (*part)->environment.id));
  return no_content();
}

}  // namespace gantry::api
