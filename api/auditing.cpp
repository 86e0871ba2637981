#include "api/auditing.hpp"

#include "api/lookup.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kPathMax = 300;
constexpr std::string_view kInvited = "/v1/invitations/accept";

bool is_refusal(const Request& request, const Response& response) {
  if (response.status == 403) return true;
  if (response.status == 401) return request.method != Method::get;
  return request.pattern == kInvited && response.status >= 400 && response.status < 500;
}

void add_actor(AuditEntry& entry, const Context& context) {
  const auto id = TokenId::parse(entry.token_id);
  const auto token = id ? context.store.token(*id) : std::nullopt;
  if (!token) return;
  entry.token_name = token->name;
  entry.user_id = token->user_id.str();
  const RolesPtr roles = context.people != nullptr && !token->user_id.empty()
                             ? context.people->roles(token->user_id)
                             : nullptr;
  if (roles) entry.user_name = roles->user.name.str();
}

// Ids of what the path names, when it is there.
void add_place(AuditEntry& entry, const Request& request, Context& context) {
  if (request.token_id.empty() || request.pattern.empty()) return;
  const auto place = find_named(request, request.pattern, context);
  if (!place || !place->project) return;
  entry.project_id = place->project->project.id.str();
  if (place->environment != nullptr)
    entry.environment_id = place->environment->environment.id.str();
  if (place->service != nullptr) entry.service_id = place->service->id.str();
  if (request.pattern.find("{deployment}") != std::string_view::npos)
    entry.deployment_id = request.path_parameters[0];
}

void note(const Request& request, Context& context, std::string_view outcome) {
  AuditEntry entry;
  entry.at = context.clock.now();
  entry.refused = !outcome.empty();
  entry.action = entry.refused ? "request.refused" : "request.done";
  entry.token_id = request.token_id;
  entry.request_id = request.request_id;
  entry.message = std::string(name(request.method)) + " " + request.path.substr(0, kPathMax);
  if (entry.refused) entry.message += ": " + std::string(outcome);
  add_actor(entry, context);
  add_place(entry, request, context);
  context.audit->note(std::move(entry));
}

}  // namespace

void audit_refusal(const Request& request, const Response& response, Context& whole) {
  if (whole.audit != nullptr && is_refusal(request, response))
    note(request, whole, std::to_string(response.status) + " " + response.reason);
}

void audit_deed(const Request& request, Context& context) {
  if (context.audit != nullptr) note(request, context, {});
}

}  // namespace gantry::api
