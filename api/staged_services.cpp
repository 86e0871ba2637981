// Services and their settings with stage=true.
#include "api/requested_service.hpp"
#include "api/staging.hpp"

namespace gantry::api {
namespace {

// Each value that the two do not share.
std::vector<StagedChange> settings_changes(const std::string& service, const SettingValues& before,
                                           const SettingValues& after) {
  const std::string prefix = "services." + service + ".";
  std::vector<StagedChange> changes;
  for (const auto& [key, value] : after)
    if (const auto was = before.find(key); was == before.end() || was->second != value)
      changes.push_back({.path = prefix + key, .value = value});
  for (const auto& [key, value] : before)
    if (!after.contains(key)) changes.push_back({.path = prefix + key});
  return changes;
}

// Onto what is staged already, so that the second change of a group keeps the first.
Answer stage_merged(const Request& request, Context& context, Transaction& transaction,
                    const StagedService& at, std::string_view patch) {
  const auto wanted = merge_values(at.service().settings, patch, "");
  if (!wanted) return wanted.error();
  return stage(request, context, transaction, at,
               settings_changes(at.name, at.service().settings, *wanted));
}

Answer stage_requested(const Request& request, Context& context, Transaction& transaction,
                       const RequestedService& wanted) {
  const auto at = staged_at(wanted.place, transaction);
  if (!at) return at.error();
  const std::string& name = wanted.name.str();
  auto changes = settings_changes(name, {}, setting_values(wanted.settings));
  changes.push_back({.path = "services." + name, .value = "{}"});
  return stage(request, context, transaction, *at, std::move(changes));
}

}  // namespace

Answer stage_settings(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_service(request, context, transaction);
  if (!at) return at.error();
  const auto patch = read_object(request);
  if (!patch) return patch.error();
  return stage_merged(request, context, transaction, *at, *patch);
}

Answer stage_scale(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_service(request, context, transaction);
  if (!at) return at.error();
  const auto replicas = read_replicas(request);
  if (!replicas) return replicas.error();
  return stage_merged(request, context, transaction, *at,
                      "{\"deploy\":{\"replicas\":" + std::to_string(*replicas) + "}}");
}

Answer stage_service(const Request& request, Context& context, Transaction& transaction) {
  const auto wanted = read_requested_service(request, context);
  if (!wanted) return wanted.error();
  if (wanted->place.project->service(wanted->name.str()) != nullptr)
    return Error{Code::conflict, "name_taken", "another service of the project has this name"};
  return stage_requested(request, context, transaction, *wanted);
}

Answer stage_instance(const Request& request, Context& context, Transaction& transaction) {
  const auto wanted = read_requested_instance(request, context);
  if (!wanted) return wanted.error();
  const Place& place = wanted->place;
  if (place.project->instance(place.service->id, place.environment->environment.id) != nullptr)
    return Error{Code::conflict, "instance_exists", "the service is in this environment already"};
  return stage_requested(request, context, transaction, *wanted);
}

// With it goes what was staged of it; and one that was only staged is no longer.
Answer stage_service_removal(const Request& request, Context& context, Transaction& transaction) {
  auto at = find_staged_service(request, context, transaction);
  if (!at) return at.error();
  const std::string path = "services." + at->name;
  GANTRY_TRY(unstage_below(transaction, *at, path));
  std::vector<StagedChange> changes;
  if (at->live) changes.push_back({.path = path});
  return stage(request, context, transaction, *at, std::move(changes));
}

}  // namespace gantry::api
