#include "api/staging.hpp"

#include "api/nearest.hpp"
#include "api/query.hpp"
#include "api/reply.hpp"

namespace gantry::api {
namespace {

void append_shown(JsonObject& object, const char* key, const std::optional<std::string>& value) {
  value ? object.text(key, *value) : object.null(key);
}

std::string staged_json(const std::vector<StagedChange>& changes, const DocumentPlan& plan) {
  const auto steps = steps_of(plan, changes);
  const Step none;
  std::string items;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const StagedChange& each = changes[i];
    const Step& step = steps[i] == nullptr ? none : *steps[i];
    if (!items.empty()) items += ',';
    JsonObject object(items);
    object.text("id", each.id).text("path", each.path).boolean("removes", !each.value);
    append_shown(object, "before", step.before);
    append_shown(object, "after", step.after);
    object.text_or_null("token_id", each.token_id).time("created_at", each.created_at);
  }
  std::string out;
  JsonObject(out).raw("data", "[" + items + "]").raw("plan", plan_json(plan));
  return out;
}

// Of the store's transactions each can.
StagedVerbs& verbs_of(Transaction& transaction) { return dynamic_cast<StagedVerbs&>(transaction); }

const EnvironmentId& environment_of(const Place& place) {
  return place.environment->environment.id;
}

Result<DocumentPlan> plan_of(const Context& context, const Place& place,
                             const std::vector<StagedChange>& changes) {
  auto wanted = with_changes(current_document(place), changes);
  if (!wanted) return wanted.error();
  return plan_for(context, place, *std::move(wanted));
}

// What the database would refuse is said now.
Result<> try_out(const Request& request, Context& context, Transaction& transaction,
                 const Place& place, const DocumentPlan& plan) {
  const auto later = query_flag(request, "allow_unresolved");
  if (!later) return later.error();
  if (*later || plan.steps.empty()) return done();
  return verbs_of(transaction).rehearse([&]() -> Result<> {
    return apply_tried(context, transaction, place, plan);
  });
}

}  // namespace

Result<StagedPlace> staged_at(Place place, Transaction& transaction) {
  auto all = verbs_of(transaction).staged(environment_of(place));
  if (!all) return all.error();
  auto document = with_changes(current_document(place), *all);
  if (!document) return document.error();
  return StagedPlace{std::move(place), *std::move(all), *std::move(document)};
}

Result<StagedPlace> find_staged_environment(const Request& request, const Context& context,
                                            Transaction& transaction) {
  auto place = find_environment(request, context);
  if (!place) return place.error();
  return staged_at(*std::move(place), transaction);
}

bool StagedService::is_worker() const {
  const auto port = service().settings.find("deploy.port");
  return port != service().settings.end() && port->second == "0";
}

Result<StagedService> find_staged_service(const Request& request, const Context& context,
                                          Transaction& transaction) {
  auto at = find_staged_environment(request, context, transaction);
  if (!at) return at.error();
  const auto live = find_instance(request, context);
  StagedService found{*std::move(at), live ? live->service->name.str() : request.path_parameters[2],
                      live.ok()};
  if (found.document.services.contains(found.name)) return found;
  if (!live) return live.error();
  return Error{Code::conflict, "staged_removal",
               "it is staged that this service is deleted: discard that change first"};
}

Answer stage(const Request& request, Context& context, Transaction& transaction,
             const StagedPlace& at, std::vector<StagedChange> changes) {
  const EnvironmentId& environment = environment_of(at.place);
  const auto plan = plan_of(context, at.place, merged(at.staged, changes));
  if (!plan) return plan.error();
  GANTRY_TRY(try_out(request, context, transaction, at.place, *plan));
  const auto put = verbs_of(transaction).stage(environment, std::move(changes));
  if (!put) return put.error();
  const auto all = verbs_of(transaction).staged(environment);
  if (!all) return all.error();
  Response response = unversioned(request, staged_json(*all, *plan));
  response.status = 202;
  return response;
}

Result<> unstage_below(Transaction& transaction, StagedPlace& at, const std::string& path) {
  std::vector<StagedChange> kept;
  for (StagedChange& each : at.staged) {
    if (each.path != path && !each.path.starts_with(path + ".")) {
      kept.push_back(std::move(each));
      continue;
    }
    const auto gone = verbs_of(transaction).unstage(environment_of(at.place), each.id);
    if (!gone) return gone.error();
  }
  at.staged = std::move(kept);
  return done();
}

Answer list_staged(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  const auto all = verbs_of(transaction).staged(environment_of(*place));
  if (!all) return all.error();
  // The environment went on, and something of it may fit no more: it is shown, to be discarded.
  DocumentPlan shown{.current = {}, .wanted = {}, .steps = {}, .deploys = {}, .hash = ""};
  auto plan = plan_of(context, *place, *all);
  const auto fits =
      plan ? try_out(request, context, transaction, *place, *plan) : Result<>(plan.error());
  if (plan) shown = *std::move(plan);
  if (!fits) shown.remarks.push_back("it cannot be applied: " + fits.error().detail);
  return unversioned(request, staged_json(*all, shown));
}

// What is staged is gone in the same transaction.
Answer apply_staged(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"hash", "confirm"});
  if (!body) return body.error();
  const Consent consent = read_consent(*body);
  GANTRY_TRY(body->check());
  const EnvironmentId& environment = environment_of(*place);
  const auto all = verbs_of(transaction).staged(environment);
  if (!all) return all.error();
  const auto plan = plan_of(context, *place, *all);
  if (!plan) return plan.error();
  auto answer = carry_out(request, context, transaction, *place, *plan, consent);
  if (!answer || answer->status >= 400) return answer;
  if (const auto gone = verbs_of(transaction).unstage(environment, ""); !gone) return gone.error();
  return answer;
}

Answer discard_staged(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  const bool one = request.path_parameters.size() > 2;
  const std::string id = one ? request.path_parameters[2] : "";
  // What cannot be an id names nothing: to the database an empty one would be all.
  const bool named = id.starts_with("stg_") && id.find('\0') == std::string::npos;
  if (one && !named) return not_found("staged change " + clipped(id));
  const auto gone = verbs_of(transaction).unstage(environment_of(*place), id);
  if (!gone) return gone.error();
  if (one && *gone == 0) return not_found("staged change " + clipped(id));
  return no_content();
}

std::string_view why_not_staged(std::string_view pattern) {
  struct Reason {
    std::string_view part, sentence;
  };
  constexpr Reason reasons[] = {
      {"/repository",
       "a repository is connected at once, since its server is asked and pushes are awaited: "
       "connect it with \"deploy\": false, and the next deployment takes it"},
      {"/templates",
       "a template makes its secrets and its volume at once: stage a service of an image, or "
       "declare \"template: NAME\" in a document and plan that"},
      {"/imports",
       "an import makes its services at once: import into another environment, then compare and "
       "sync the two"},
      {"/restore", "what is brought back is there at once: stage what is to become of it"},
      {"/deployments",
       "a deployment is no change that waits: stage the settings, for example \"source\", and "
       "apply them"},
      {"/services/{service}",
       "this acts on what is there and is no part of what an environment consists of: make it "
       "without stage"},
      {"",
       "only what an environment consists of can be staged: services, settings, variables, "
       "domains, ports and volumes"},
  };
  for (const Reason& each : reasons)
    if (pattern.find(each.part) != std::string_view::npos) return each.sentence;
  return "";
}

}  // namespace gantry::api
