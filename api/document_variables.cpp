// Variables of a plan, shared ones and those of services.
#include "api/document_writing.hpp"
#include "api/template_services.hpp"
#include "proto/variables.hpp"

namespace gantry::api {
namespace {

// The verbs of one owner: an instance, or the environment.
struct Owner {
  std::string service;  // empty: the environment
  std::function<Result<Variable>(const std::string& name, const std::string& value, IfMatch)> put;
  std::function<Result<>(const std::string& name, IfMatch)> erase;
};

// All that it has afterwards.
Result<std::shared_ptr<const Variables>> change(PlanWriting& w, const Owner& owner,
                                                const Variables& there,
                                                const DocumentVariables& was,
                                                const DocumentVariables& is,
                                                std::vector<ChangedVariable>& changed) {
  auto all = std::make_shared<Variables>(there);
  for (const auto& [name, variable] : is) {
    const auto known = was.find(name);
    if (known != was.end() && known->second.value == variable.value) continue;
    Result<std::string> value = variable.value;
    if (w.plan.made.contains({owner.service, name})) value = with_secrets(variable.value);
    if (!value) return value.error();
    const auto seen_at = there.find(name);
    if ((seen_at == there.end()) != (known == was.end())) return gone();
    IfMatch version;
    if (seen_at != there.end()) version = seen_at->second.stamp.version;
    const auto written = owner.put(name, *value, version);
    if (!written) return written.error();
    (*all)[name] = *written;
    changed.emplace_back(owner.service, name);
  }
  for (const auto& [name, variable] : was) {
    if (is.contains(name)) continue;
    const auto seen_at = there.find(name);
    if (seen_at == there.end()) return gone();
    GANTRY_TRY(owner.erase(name, seen_at->second.stamp.version));
    all->erase(name);
  }
  return std::shared_ptr<const Variables>(std::move(all));
}

Result<> change_shared(PlanWriting& w, std::vector<ChangedVariable>& changed) {
  if (w.plan.current.shared == w.plan.wanted.shared) return done();
  const Owner owner{"",
                    [&](const std::string& name, const std::string& value, IfMatch version) {
                      return w.transaction.put_shared_variable(w.environment(), name, value,
                                                               version);
                    },
                    [&](const std::string& name, IfMatch version) {
                      return w.transaction.delete_shared_variable(w.environment(), name, version);
                    }};
  const auto all = change(w, owner, *w.place.environment->shared, w.plan.current.shared,
                          w.plan.wanted.shared, changed);
  if (!all) return all.error();
  w.draft.put(*all);
  return done();
}

Result<> change_own(PlanWriting& w, const std::string& service, const DocumentVariables& is,
                    std::vector<ChangedVariable>& changed) {
  const DocumentVariables& was = w.before(service).variables;
  if (was == is) return done();
  const InstanceView& view = *w.draft.instance(service);
  const InstanceId id = view.instance.id;
  const Owner owner{service,
                    [&](const std::string& name, const std::string& value, IfMatch version) {
                      return w.transaction.put_variable(id, name, value, version);
                    },
                    [&](const std::string& name, IfMatch version) {
                      return w.transaction.delete_variable(id, name, version);
                    }};
  const auto all = change(w, owner, *view.variables, was, is, changed);
  if (!all) return all.error();
  w.draft.put(id, *all);
  return done();
}

}  // namespace

Result<std::vector<ChangedVariable>> change_variables(PlanWriting& w) {
  std::vector<ChangedVariable> changed;
  GANTRY_TRY(change_shared(w, changed));
  for (const auto& [name, service] : w.plan.wanted.services)
    GANTRY_TRY(change_own(w, name, service.variables, changed));
  return changed;
}

Result<> check_variables(PlanWriting& w, const std::vector<ChangedVariable>& changed) {
  std::vector<FieldError> errors;
  for (const auto& [service, name] : changed) {
    const InstanceView* view = service.empty() ? nullptr : w.draft.instance(service);
    const Variables& all = view == nullptr ? *w.draft.environment().shared : *view->variables;
    const auto checked = check_variable(w.draft.project(), w.draft.environment(), view, name,
                                        all.at(name).value, Unresolved::refuse);
    if (checked) continue;
    const std::string at =
        service.empty() ? "/shared/" + name : "/services/" + service + "/variables/" + name;
    errors.push_back({at, checked.error().reason, checked.error().detail});
  }
  if (errors.empty()) return done();
  return Error{Code::invalid, errors[0].code, errors[0].detail, std::move(errors)};
}

}  // namespace gantry::api
