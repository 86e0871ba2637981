// Variables with stage=true.
#include "api/nearest.hpp"
#include "api/staging.hpp"

namespace gantry::api {
namespace {

// Whose variables a request is about.
struct Owner {
  StagedPlace at;
  std::string prefix;       // of their paths
  DocumentVariables there;  // those that are staged, too
  Variables live;
};

Result<Owner> owner_of(const Result<StagedService>& at) {
  if (!at) return at.error();
  Owner owner{*at, "services." + at->name + ".variables.", at->service().variables, {}};
  if (at->live) {
    const Service* service = at->place.project->service(at->name);
    owner.live =
        *at->place.project->instance(service->id, at->place.environment->environment.id)->variables;
  }
  return owner;
}

Result<Owner> owner_of(const Result<StagedPlace>& at) {
  if (!at) return at.error();
  return Owner{*at, "shared.", at->document.shared, *at->place.environment->shared};
}

// One that was only staged is no longer.
Result<> remove(Transaction& transaction, Owner& owner, const std::string& name,
                std::vector<StagedChange>& changes) {
  const std::string path = owner.prefix + name;
  if (!owner.live.contains(name)) return unstage_below(transaction, owner.at, path);
  changes.push_back({.path = path});
  return done();
}

Answer stage_one(const Request& request, Context& context, Transaction& transaction,
                 const Result<Owner>& owner) {
  if (!owner) return owner.error();
  const auto name = parse_variable_name(request.path_parameters.back());
  if (!name) return name.error();
  auto body = Fields::read(request, {"value"});
  if (!body) return body.error();
  const std::string value = body->text("value");
  GANTRY_TRY(body->check());
  GANTRY_TRY(check_variable_value(value));
  return stage(request, context, transaction, owner->at,
               {{.path = owner->prefix + *name, .value = value}});
}

Answer stage_patch(const Request& request, Context& context, Transaction& transaction,
                   Result<Owner> owner) {
  if (!owner) return owner.error();
  const auto patch = read_text_patch(request);
  if (!patch) return patch.error();
  std::vector<StagedChange> changes;
  for (const auto& [name, value] : *patch) {
    const auto known = parse_variable_name(name, "/" + clipped(name));
    if (!known) return known.error();
    if (value) {
      GANTRY_TRY(check_variable_value(*value, "/" + name));
      changes.push_back({.path = owner->prefix + name, .value = value});
    } else if (owner->there.contains(name)) {
      GANTRY_TRY(remove(transaction, *owner, name, changes));
    }
  }
  return stage(request, context, transaction, owner->at, std::move(changes));
}

Answer stage_removal(const Request& request, Context& context, Transaction& transaction,
                     Result<Owner> owner) {
  if (!owner) return owner.error();
  const std::string& name = request.path_parameters.back();
  if (!owner->there.contains(name)) return not_found("variable " + clipped(name));
  std::vector<StagedChange> changes;
  GANTRY_TRY(remove(transaction, *owner, name, changes));
  return stage(request, context, transaction, owner->at, std::move(changes));
}

}  // namespace

Answer stage_variable(const Request& request, Context& context, Transaction& transaction) {
  return stage_one(request, context, transaction,
                   owner_of(find_staged_service(request, context, transaction)));
}
Answer stage_variable_removal(const Request& request, Context& context, Transaction& transaction) {
  return stage_removal(request, context, transaction,
                       owner_of(find_staged_service(request, context, transaction)));
}
Answer stage_variables(const Request& request, Context& context, Transaction& transaction) {
  return stage_patch(request, context, transaction,
                     owner_of(find_staged_service(request, context, transaction)));
}
Answer stage_shared_variable(const Request& request, Context& context, Transaction& transaction) {
  return stage_one(request, context, transaction,
                   owner_of(find_staged_environment(request, context, transaction)));
}
Answer stage_shared_variable_removal(const Request& request, Context& context,
                                     Transaction& transaction) {
  return stage_removal(request, context, transaction,
                       owner_of(find_staged_environment(request, context, transaction)));
}
Answer stage_shared_variables(const Request& request, Context& context, Transaction& transaction) {
  return stage_patch(request, context, transaction,
                     owner_of(find_staged_environment(request, context, transaction)));
}

}  // namespace gantry::api
