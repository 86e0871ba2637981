#include "api/document_apply.hpp"

#include "api/document_writing.hpp"

namespace gantry::api {
namespace {

// In this order: what is in the way of something else goes first.
Result<Applied> run(PlanWriting& writing) {
  GANTRY_TRY(leave_volumes(writing));
  GANTRY_TRY(add_services(writing));
  GANTRY_TRY(change_settings(writing));
  GANTRY_TRY(mount_volumes(writing));
  const auto variables = change_variables(writing);
  if (!variables) return variables.error();
  GANTRY_TRY(change_edge(writing));
  GANTRY_TRY(remove_services(writing));
  GANTRY_TRY(check_variables(writing, *variables));
  return deploy_services(writing);
}

// What these say of rows that the plan knows: it is not as it was.
bool came_between(const Error& error) {
  return error.code == Code::stale || error.code == Code::not_found ||
         error.reason == "name_taken" || error.reason == "instance_exists";
}

}  // namespace

const DocumentService& PlanWriting::before(const std::string& service) const {
  static const DocumentService none;
  const auto found = plan.current.services.find(service);
  return found == plan.current.services.end() ? none : found->second;
}

IfMatch PlanWriting::seen(const ServiceInstance& instance) const {
  if (written.contains(instance.id)) return std::nullopt;
  return instance.stamp.version;
}

void PlanWriting::wrote(const ServiceInstance& instance) {
  written.insert(instance.id);
  draft.put(instance);
}

void PlanWriting::wrote(const Volume& volume) {
  if (!volume.instance_id.empty()) written.insert(volume.instance_id);
  draft.put(volume);
}

Error gone() {
  return {Code::conflict, "superseded", "something of the plan was changed meanwhile"};
}

Error placed(Error error, const std::string& pointer) {
  error.fields = {{pointer, error.reason, error.detail}};
  return error;
}

Result<Applied> apply_plan(const Context& context, Transaction& transaction, const Place& place,
                           const DocumentPlan& plan) {
  PlanWriting writing{context, transaction, place, plan};
  auto applied = run(writing);
  if (!applied && came_between(applied.error()))
    return Error{Code::conflict, "superseded", applied.error().detail};
  return applied;
}

}  // namespace gantry::api
