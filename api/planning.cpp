#include "api/planning.hpp"

#include "api/authority.hpp"
#include "api/nearest.hpp"
#include "api/problem.hpp"
#include "api/reply.hpp"
#include "api/template_services.hpp"
#include "api/write.hpp"
#include "proto/host.hpp"
#include "proto/template_catalogue.hpp"

namespace gantry::api {
namespace {

// Hosts one label below the base domain are made by the server.
Result<> check_hosts(const Context& context, const Document& wanted) {
  for (const auto& [name, service] : wanted.services)
    for (const std::string& host : service.domains)
      if (is_directly_below(host, context.options.base_domain))
        return invalid("/services/" + name + "/domains", "generated_host",
                       "hosts directly below " + context.options.base_domain +
                           " are made by the server, one for each service: take " + host + " out");
  return done();
}

Error in_document(Error error) {
  for (FieldError& field : error.fields)
    if (field.pointer.empty() || field.pointer.front() == '/') field.pointer.insert(0, "/document");
  return error;
}

// A problem that carries the plan as it is now.
Response refusal(const Request& request, Error error, const DocumentPlan& plan) {
  Response response = problem(error, request);
  response.body.pop_back();
  response.body += ",\"plan\":" + plan_json(plan) + "}";
  return response;
}

// As the endpoints for one of these steps: data that goes is more than an edit, and so is a port of
// the server.
Result<> permit(const Context& context, const Place& place, const DocumentPlan& plan) {
  Permission needed = Permission::edit;
  for (const Step& step : plan.steps) {
    if (!step.destroys && step.subject != StepSubject::tcp_proxy) continue;
    const bool data =
        step.destroys && (step.subject == StepSubject::volume || step.kind == StepKind::replace);
    needed = data || needed == Permission::own ? Permission::own : Permission::manage;
  }
  return may(context, needed, *place.project, *place.environment);
}

std::string applied_json(const DocumentPlan& plan, const Applied& applied) {
  std::string deployments;
  for (const auto& [service, id] : applied.deployments) {
    if (!deployments.empty()) deployments += ',';
    JsonObject(deployments).text("service", service).text("deployment_id", id.str());
  }
  std::string out;
  JsonObject(out).raw("plan", plan_json(plan)).raw("deployments", "[" + deployments + "]");
  return out;
}

}  // namespace

Document current_document(const Place& place) {
  return document_of(*place.project, *place.environment, DocumentValues::all);
}

PlanFacts facts_of(const Context& context, const Place& place) {
  PlanFacts facts;
  for (const auto& [id, view] : place.project->instances) {
    if (view->instance.environment_id != place.environment->environment.id ||
        view->deployments.empty())
      continue;
    const DeploymentStatus newest = view->deployments.front()->status;
    if (newest != DeploymentStatus::removed && newest != DeploymentStatus::removing)
      facts.deployed.insert(service_of(*place.project, view->instance)->name.str());
  }
  facts.made_from = [templates = context.templates](const std::string& name) {
    return templates ? document_service(*templates, name) : std::nullopt;
  };
  facts.digest = [salt = place.environment->environment.id.str()](std::string_view text) {
    return sha256_hex(salt + "\n" + std::string(text));
  };
  return facts;
}

Result<DocumentPlan> plan_for(const Context& context, const Place& place, Document wanted) {
  const Document current = current_document(place);
  if (wanted.project != current.project)
    return invalid(
        "/document/project", "other_project",
        "the document is of the project \"" + wanted.project + "\", not of " + current.project);
  if (!wanted.environment.empty() && wanted.environment != current.environment)
    return invalid("/document/environment", "other_environment",
                   "the document is of the environment \"" + wanted.environment + "\", not of " +
                       current.environment + ": apply it there, or take the key out");
  wanted.environment = current.environment;
  if (const auto fits = check_hosts(context, wanted); !fits) return in_document(fits.error());
  auto plan = plan_document(current, std::move(wanted), facts_of(context, place));
  if (!plan) return in_document(plan.error());
  return plan;
}

Result<DocumentPlan> rehearsed(const Context& context, Transaction& transaction, const Place& place,
                               Document wanted) {
  auto plan = plan_for(context, place, std::move(wanted));
  if (!plan || plan->steps.empty()) return plan;
  GANTRY_TRY(apply_tried(context, transaction, place, *plan));
  return plan;
}

Result<> apply_tried(const Context& context, Transaction& transaction, const Place& place,
                     const DocumentPlan& plan) {
  const auto tried = apply_plan(context, transaction, place, plan);
  return tried ? done() : Result<>(in_document(tried.error()));
}

Consent read_consent(Fields& body) {
  Consent consent{.hash = body.optional_text("hash"), .confirm = {}};
  if (body.has("confirm"))
    for (std::string& path : body.texts("confirm")) consent.confirm.insert(std::move(path));
  return consent;
}

Answer carry_out(const Request& request, Context& context, Transaction& transaction,
                 const Place& place, const DocumentPlan& plan, const Consent& consent) {
  if (consent.hash && plan.hash != *consent.hash)
    return refusal(request,
                   {Code::conflict, "plan_stale",
                    "this is not the plan any more: look at the new one, which is in \"plan\", and "
                    "apply that"},
                   plan);
  std::vector<std::string> open;
  for (const std::string& path : plan.destroyed())
    if (!consent.confirm.contains(path) && !consent.confirm.contains("*")) open.push_back(path);
  if (!open.empty()) {
    std::string paths;
    for (const std::string& path : open) paths += (paths.empty() ? "" : ", ") + path;
    Error error{Code::conflict, "destruction_unconfirmed",
                "the plan destroys " + paths + ": name each in \"confirm\" if that is meant"};
    for (const std::string& path : open) error.fields.push_back({"/confirm", error.reason, path});
    return refusal(request, std::move(error), plan);
  }
  GANTRY_TRY(permit(context, place, plan));
  const auto applied = apply_plan(context, transaction, place, plan);
  if (!applied) return in_document(applied.error());
  return unversioned(request, applied_json(plan, *applied));
}

}  // namespace gantry::api
