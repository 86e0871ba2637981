#include "api/authority.hpp"
#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/nearest.hpp"
#include "api/page.hpp"
#include "api/people_json.hpp"
#include "api/reply.hpp"

namespace gantry::api {
namespace {

constexpr int kExpiresMax = 10 * 366 * 24 * 60 * 60;

void append(std::string& out, const Token& token, const Context& context) {
  const ProjectPtr project = context.store.project(token.project_id.str());
  const EnvironmentView* environment =
      project ? project->environment(token.environment_id.str()) : nullptr;
  append_json(out, token, project ? &project->project : nullptr,
              environment != nullptr ? &environment->environment : nullptr);
  out.back() = ',';
  out +=
      token.user_id.empty() ? "\"user_id\":null}" : "\"user_id\":\"" + token.user_id.str() + "\"}";
}

Response shown(const Token& token, const Context& context) {
  Response response;
  append(response.body, token, context);
  return response;
}

// The kind of the token and where it counts.
Result<> place(Token& token, const std::optional<std::string>& project_name,
               const std::optional<std::string>& environment_name, const Context& context) {
  if (!project_name && !environment_name) return done();
  if (!project_name)
    return invalid("/project", "required", "name the environment's project beside it");
  if (!environment_name)
    return invalid("/environment", "required",
                   "a project token is for exactly one environment: name it");
  const ProjectPtr project = context.store.project(*project_name);
  if (!project)
    return invalid("/project", "unknown_project", "there is no such project: create it first");
  const EnvironmentView* environment = project->environment(*environment_name);
  if (environment == nullptr)
    return invalid("/environment", "unknown_environment",
                   "the project has no such environment: create it or name another one");
  GANTRY_TRY(may(context, Permission::edit, *project, *environment));
  token.kind = TokenKind::project;
  token.project_id = project->project.id;
  token.environment_id = environment->environment.id;
  return done();
}

// Whose it will be: the caller's; an operator also makes them for others.
Result<> give(Token& token, const std::optional<std::string>& user_name, const Context& context) {
  if (context.authority) token.user_id = context.authority->token().user_id;
  if (!user_name) return done();
  const auto user = context.people != nullptr ? context.people->user(*user_name) : std::nullopt;
  const bool own = context.authority && user && user->id == token.user_id;
  if (own) return done();
  if (context.authority)
    return Error{Code::forbidden, "operator_required",
                 "only the operator makes tokens for others: leave \"user\" out"};
  if (!user) return invalid("/user", "unknown_user", "there is no user " + clipped(*user_name));
  token.user_id = user->id;
  return done();
}

}  // namespace

Answer get_current_token(const Request& request, Context& context) {
  const auto token = context.store.token(*TokenId::parse(request.token_id));
  if (!token) return Error{Code::unauthenticated, "invalid_token", "this token was just revoked"};
  Response response = shown(*token, context);
  response.body.pop_back();  // a few keys more than everywhere else
  response.body += standing_json(*token, context) + "}";
  return response;
}

Answer list_tokens(const Request& request, Context& context) {
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  const auto tokens = context.store.tokens();
  return page_of(
      request, context, *wanted, tokens,
      [](const Token& token) -> const std::string& { return token.id.str(); },
      [&](std::string& out, const Token& token) { append(out, token, context); });
}

Answer get_token(const Request& request, Context& context) {
  const auto token = find_token(request, context);
  if (!token) return token.error();
  return shown(*token, context);
}

Answer create_token(const Request& request, Context& context, Transaction& transaction) {
  auto body =
      Fields::read(request, {"name", "project", "environment", "user", "expires_in_seconds"});
  if (!body) return body.error();
  Token wanted;
  wanted.name = body->name("name").str();
  const auto project = body->optional_text("project");
  const auto environment = body->optional_text("environment");
  const auto user = body->optional_text("user");
  if (body->has("expires_in_seconds"))
    wanted.expires_at =
        context.clock.now() + Seconds(body->integer("expires_in_seconds", 1, kExpiresMax));
  GANTRY_TRY(body->check());
  GANTRY_TRY(place(wanted, project, environment, context));
  GANTRY_TRY(give(wanted, user, context));
  const auto issued = transaction.create_token(wanted);
  if (!issued) return issued.error();
  Response response =
      created("/v1/tokens/" + issued->token.id.str(), shown(issued->token, context).body);
  response.body.back() = ',';  // one key more than everywhere else
  response.body += "\"secret\":";
  append_json_string(response.body, issued->secret);
  response.body += '}';
  return response;
}

Answer revoke_token(const Request& request, Context& context, Transaction& transaction) {
  const auto token = find_token(request, context);
  if (!token) return token.error();
  GANTRY_TRY(transaction.revoke_token(token->id));
  return no_content();
}

}  // namespace gantry::api
