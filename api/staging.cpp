#include "api/staging.hpp"

#include "api/nearest.hpp"
#include "api/reply.hpp"
#include "api/requested_service.hpp"

namespace gantry::api {
namespace {

std::string staged_json(const std::vector<StagedChange>& changes, const DocumentPlan& plan) {
  std::string items;
  for (const StagedChange& each : changes) {
    if (!items.empty()) items += ',';
    JsonObject(items)
        .text("id", each.id)
        .text("path", each.path)
        .boolean("removes", !each.value)
        .text_or_null("token_id", each.token_id)
        .time("created_at", each.created_at);
  }
  std::string out;
  JsonObject(out).raw("data", "[" + items + "]").raw("plan", plan_json(plan));
  return out;
}

// Of the store's transactions each can.
StagedVerbs& verbs_of(Transaction& transaction) { return dynamic_cast<StagedVerbs&>(transaction); }

// What of the plan is not theirs: two errors of one kind.
Result<DocumentPlan> plan_of(const Context& context, const Place& place,
                             const std::vector<StagedChange>& changes) {
  auto wanted = with_changes(current_document(place), changes);
  if (!wanted) return wanted.error();
  return plan_for(context, place, *std::move(wanted));
}

Result<std::vector<StagedChange>> variable_changes(const std::string& prefix,
                                                   const TextPatch& patch) {
  std::vector<StagedChange> changes;
  for (const auto& [name, value] : patch) {
    const auto known = parse_variable_name(name, "/" + clipped(name));
    if (!known) return known.error();
    if (value) GANTRY_TRY(check_variable_value(*value, "/" + name));
    changes.push_back({.path = prefix + name, .value = value});
  }
  return changes;
}

std::string prefix_of(const Place& place) {
  return place.instance == nullptr ? "shared."
                                   : "services." + place.service->name.str() + ".variables.";
}

Answer stage_one(const Request& request, Context& context, Transaction& transaction,
                 const Result<Place>& place) {
  if (!place) return place.error();
  const auto name = parse_variable_name(request.path_parameters.back());
  if (!name) return name.error();
  auto body = Fields::read(request, {"value"});
  if (!body) return body.error();
  const std::string value = body->text("value");
  GANTRY_TRY(body->check());
  GANTRY_TRY(check_variable_value(value));
  return stage(request, context, transaction, *place,
               {{.path = prefix_of(*place) + *name, .value = value}});
}

Answer stage_patch(const Request& request, Context& context, Transaction& transaction,
                   const Result<Place>& place) {
  if (!place) return place.error();
  const auto patch = read_text_patch(request);
  if (!patch) return patch.error();
  auto changes = variable_changes(prefix_of(*place), *patch);
  if (!changes) return changes.error();
  return stage(request, context, transaction, *place, *std::move(changes));
}

Answer stage_removal(const Request& request, Context& context, Transaction& transaction,
                     const Result<Place>& place) {
  if (!place) return place.error();
  return stage(request, context, transaction, *place,
               {{.path = prefix_of(*place) + request.path_parameters.back()}});
}

// Each value that the two do not share.
void add_settings(const std::string& service, const SettingValues& before,
                  const SettingValues& after, std::vector<StagedChange>& out) {
  const std::string prefix = "services." + service + ".";
  for (const auto& [key, value] : after)
    if (const auto was = before.find(key); was == before.end() || was->second != value)
      out.push_back({.path = prefix + key, .value = value});
  for (const auto& [key, value] : before)
    if (!after.contains(key)) out.push_back({.path = prefix + key});
}

}  // namespace

Answer stage(const Request& request, Context& context, Transaction& transaction, const Place& place,
             std::vector<StagedChange> changes) {
  const EnvironmentId& environment = place.environment->environment.id;
  const auto put = verbs_of(transaction).stage(environment, std::move(changes));
  if (!put) return put.error();
  const auto all = verbs_of(transaction).staged(environment);
  if (!all) return all.error();
  const auto plan = plan_of(context, place, *all);
  if (!plan) return plan.error();
  Response response = unversioned(request, staged_json(*all, *plan));
  response.status = 202;
  return response;
}

Answer stage_variable(const Request& request, Context& context, Transaction& transaction) {
  return stage_one(request, context, transaction, find_instance(request, context));
}
Answer stage_variable_removal(const Request& request, Context& context, Transaction& transaction) {
  return stage_removal(request, context, transaction, find_instance(request, context));
}
Answer stage_variables(const Request& request, Context& context, Transaction& transaction) {
  return stage_patch(request, context, transaction, find_instance(request, context));
}
Answer stage_shared_variable(const Request& request, Context& context, Transaction& transaction) {
  return stage_one(request, context, transaction, find_environment(request, context));
}
Answer stage_shared_variable_removal(const Request& request, Context& context,
                                     Transaction& transaction) {
  return stage_removal(request, context, transaction, find_environment(request, context));
}
Answer stage_shared_variables(const Request& request, Context& context, Transaction& transaction) {
  return stage_patch(request, context, transaction, find_environment(request, context));
}

Answer stage_settings(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto patch = read_object(request);
  if (!patch) return patch.error();
  const std::string name = place->service->name.str();
  // Onto what is staged already, so that the second change of a group keeps the first.
  const auto staged = verbs_of(transaction).staged(place->environment->environment.id);
  if (!staged) return staged.error();
  const auto there = with_changes(current_document(*place), *staged);
  if (!there) return there.error();
  const auto service = there->services.find(name);
  if (service == there->services.end())
    return Error{Code::conflict, "staged_removal",
                 "it is staged that this service is deleted: discard that change first"};
  const auto wanted = merge_values(service->second.settings, *patch, "");
  if (!wanted) return wanted.error();
  std::vector<StagedChange> changes;
  add_settings(name, service->second.settings, *wanted, changes);
  return stage(request, context, transaction, *place, std::move(changes));
}

Answer stage_service(const Request& request, Context& context, Transaction& transaction) {
  const auto wanted = read_requested_service(request, context);
  if (!wanted) return wanted.error();
  const std::string& name = wanted->name.str();
  if (wanted->place.project->service(name) != nullptr)
    return Error{Code::conflict, "name_taken", "another service of the project has this name"};
  std::vector<StagedChange> changes{{.path = "services." + name, .value = "{}"}};
  add_settings(name, {}, setting_values(wanted->settings), changes);
  return stage(request, context, transaction, wanted->place, std::move(changes));
}

Answer stage_service_removal(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  return stage(request, context, transaction, *place,
               {{.path = "services." + place->service->name.str()}});
}

Answer list_staged(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  const auto all = verbs_of(transaction).staged(place->environment->environment.id);
  if (!all) return all.error();
  const auto plan = plan_of(context, *place, *all);
  if (plan) return unversioned(request, staged_json(*all, *plan));
  // The environment went on, and something of it fits no more: it is shown, to be discarded.
  DocumentPlan none{.current = {}, .wanted = {}, .steps = {}, .deploys = {}, .hash = ""};
  none.remarks.push_back("it cannot be applied: " + plan.error().detail);
  return unversioned(request, staged_json(*all, none));
}

// What is staged is gone in the same transaction.
Answer apply_staged(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"hash", "confirm"});
  if (!body) return body.error();
  const Consent consent = read_consent(*body);
  GANTRY_TRY(body->check());
  const EnvironmentId& environment = place->environment->environment.id;
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
  const auto gone = verbs_of(transaction).unstage(place->environment->environment.id, id);
  if (!gone) return gone.error();
  if (one && *gone == 0) return not_found("staged change " + clipped(id));
  return no_content();
}

}  // namespace gantry::api
