// Invitations into a project, and the open door that takes their secrets.
#include "api/access.hpp"
#include "api/authority.hpp"
#include "api/handlers.hpp"
#include "api/nearest.hpp"
#include "api/page.hpp"
#include "api/people.hpp"
#include "api/people_json.hpp"
#include "api/reply.hpp"
#include "proto/json.hpp"

namespace gantry::api {
namespace {

constexpr int kExpiresMax = 30 * 24 * 60 * 60;
constexpr int kExpiresDefault = 7 * 24 * 60 * 60;

// Whether the caller decides about it: others are not there for it.
bool decides(const Context& context, const ProjectSnapshot& project, const Invitation& one) {
  const EnvironmentView* part =
      one.environment_id.empty() ? nullptr : project.environment(one.environment_id.str());
  const bool hidden = part == nullptr && !one.environment_id.empty();  // or deleted
  return (!hidden || may_share(context, project, nullptr)) && may_share(context, project, part);
}

// Who joins: the caller when it names nobody and has a token of its own, else somebody new.
Result<User> joining(const Request& request, const Context& context, PeopleVerbs& verbs,
                     const std::optional<Name>& name) {
  if (name) return verbs.create_user(*name);
  const auto token = token_of(request, context);
  if (!token && token.error().reason != "token_required") return token.error();
  if (token && token->kind == TokenKind::project)
    return Error{Code::forbidden, "account_token_required",
                 "a project token works inside its environment and joins nothing: use an account "
                 "token of the user who is to join"};
  const RolesPtr roles =
      token && !token->user_id.empty() ? context.people->roles(token->user_id) : nullptr;
  if (!roles)
    return invalid("/name", "required",
                   "choose a name, or send the token of the user who is to join");
  return roles->user;
}

Response joined(const ProjectSnapshot& project, const User& user, const Membership& one,
                const std::optional<IssuedToken>& issued) {
  Response response;
  response.status = 201;
  append_json(response.body, one, user, project);
  response.body.back() = ',';
  response.body += "\"project\":";
  JsonObject(response.body)
      .text("id", project.project.id.str())
      .text("name", project.project.name.str());
  response.body += ",\"token\":";
  if (!issued) {
    response.body += "null}";
    return response;
  }
  JsonObject(response.body)
      .text("id", issued->token.id.str())
      .text("name", issued->token.name)
      .text("secret", issued->secret);
  response.body += '}';
  return response;
}

}  // namespace

Answer list_invitations(const Request& request, Context& context) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto people = people_of(context);
  if (!people) return people.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  auto found = (*people)->invitations(place->project->project.id);
  if (!found) return found.error();
  std::erase_if(*found,
                [&](const Invitation& each) { return !decides(context, *place->project, each); });
  return page_of(
      request, context, *wanted, *found,
      [](const Invitation& each) -> const std::string& { return each.id.str(); },
      [&](std::string& out, const Invitation& each) { append_json(out, each, *place->project); });
}

Answer create_invitation(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto people = people_of(context);
  if (!people) return people.error();
  auto body = Fields::read(request, {"role", "environment", "expires_in_seconds"});
  if (!body) return body.error();
  Invitation wanted{.id = {}, .project_id = place->project->project.id};
  wanted.role = read_role(*body);
  const auto environment = body->optional_text("environment");
  const int seconds = body->has("expires_in_seconds")
                          ? body->integer("expires_in_seconds", 60, kExpiresMax)
                          : kExpiresDefault;
  GANTRY_TRY(body->check());
  GANTRY_TRY(
      place_role(context, wanted.environment_id, *place->project, environment, "/environment"));
  wanted.expires_at = context.clock.now() + Seconds(seconds);
  if (context.authority) wanted.invited_by = context.authority->token().user_id;
  const auto issued = (*people)->within(transaction).create_invitation(wanted);
  if (!issued) return issued.error();
  std::string out;
  append_json(out, issued->invitation, *place->project);
  out.back() = ',';
  out += "\"secret\":\"" + issued->secret + "\"}";
  return created("/v1/projects/" + place->project->project.id.str() + "/invitations/" +
                     issued->invitation.id.str(),
                 std::move(out));
}

Answer revoke_invitation(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto people = people_of(context);
  if (!people) return people.error();
  const std::string& wanted = request.path_parameters[1];
  const auto id = InvitationId::parse(wanted);
  if (!id) return not_found("invitation " + clipped(wanted));
  const auto found = (*people)->invitation(place->project->project.id, *id);
  if (!found) return found.error();
  if (!decides(context, *place->project, *found)) return not_found("invitation " + clipped(wanted));
  GANTRY_TRY((*people)->within(transaction).revoke_invitation(*id));
  return no_content();
}

Answer accept_invitation(const Request& request, Context& context, Transaction& transaction) {
  const auto people = people_of(context);
  if (!people) return people.error();
  auto body = Fields::read(request, {"secret", "name"});
  if (!body) return body.error();
  const std::string secret = body->text("secret");
  const auto name = body->optional_name("name");
  GANTRY_TRY(body->check());
  PeopleVerbs& verbs = (*people)->within(transaction);
  const auto invitation = verbs.find_invitation(secret);
  if (!invitation) return invitation.error();
  const ProjectPtr project = context.store.project(invitation->project_id.str());
  if (!project) return not_found("project " + invitation->project_id.str());
  const auto user = joining(request, context, verbs, name);
  if (!user) return user.error();
  const auto membership = verbs.accept_invitation(invitation->id, user->id);
  if (!membership) return membership.error();
  std::optional<IssuedToken> issued;
  if (name) {
    Token wanted;
    wanted.name = name->str();
    wanted.user_id = user->id;
    auto made = transaction.create_token(wanted);
    if (!made) return made.error();
    issued = *std::move(made);
  }
  return joined(*project, *user, *membership, issued);
}

}  // namespace gantry::api
