#include "proto/variables.hpp"

#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/nearest.hpp"
#include "api/query.hpp"
#include "api/reply.hpp"

namespace gantry::api {
namespace {

// Variables of an instance, or, when it has none, the shared ones of an environment.
struct Scope {
  Place place;
  const Variables& variables() const {
    return place.instance != nullptr ? *place.instance->variables : *place.environment->shared;
  }
};

Result<Scope> instance_scope(const Request& request, const Context& context) {
  auto place = find_instance(request, context);
  if (!place) return place.error();
  return Scope{std::move(*place)};
}

Result<Scope> shared_scope(const Request& request, const Context& context) {
  auto place = find_environment(request, context);
  if (!place) return place.error();
  return Scope{std::move(*place)};
}

std::string list_json(const Variables& variables) {
  std::string out = "{\"data\":[";
  for (const auto& [name, variable] : variables) {
    if (out.back() != '[') out += ',';
    append_json(out, variable);
  }
  return out += "]}";
}

Answer get(const Request& request, const Scope& scope) {
  const std::string& wanted = request.path_parameters.back();
  const auto variable = scope.variables().find(wanted);
  if (variable == scope.variables().end()) return not_found("variable " + clipped(wanted));
  return object(request, variable->second.stamp.version, to_json(variable->second));
}

Result<> check(const ProjectSnapshot& project, const Scope& scope, std::string_view name,
               std::string_view value, Unresolved unresolved) {
  GANTRY_TRY(check_variable_value(value));
  return check_variable(project, *scope.place.environment, scope.place.instance, name, value,
                        unresolved);
}

Result<Variable> store_variable(Transaction& transaction, const Scope& scope, std::string_view name,
                                std::string_view value, IfMatch seen) {
  if (scope.place.instance != nullptr)
    return transaction.put_variable(scope.place.instance->instance.id, name, value, seen);
  return transaction.put_shared_variable(scope.place.environment->environment.id, name, value,
                                         seen);
}

Result<> erase(Transaction& transaction, const Scope& scope, std::string_view name, IfMatch seen) {
  if (scope.place.instance != nullptr)
    return transaction.delete_variable(scope.place.instance->instance.id, name, seen);
  return transaction.delete_shared_variable(scope.place.environment->environment.id, name, seen);
}

Answer put(const Request& request, Transaction& transaction, const Scope& scope) {
  const auto name = parse_variable_name(request.path_parameters.back());
  if (!name) return name.error();
  auto body = Fields::read(request, {"value"});
  if (!body) return body.error();
  const std::string value = body->text("value");
  GANTRY_TRY(body->check());
  const auto allow = query_flag(request, "allow_unresolved");
  if (!allow) return allow.error();
  GANTRY_TRY(check(*scope.place.project, scope, *name, value,
                   *allow ? Unresolved::allow : Unresolved::refuse));
  const bool is_new = scope.variables().count(*name) == 0;
  const auto variable = store_variable(transaction, scope, *name, value, if_match(request));
  if (!variable) return variable.error();
  if (is_new) return started(201, request.path, variable->stamp.version, to_json(*variable));
  return object(request, variable->stamp.version, to_json(*variable));
}

Answer remove(const Request& request, Transaction& transaction, const Scope& scope) {
  const std::string& name = request.path_parameters.back();
  if (scope.variables().count(name) == 0) return not_found("variable " + clipped(name));
  GANTRY_TRY(erase(transaction, scope, name, if_match(request)));
  return no_content();
}

// The project as it would be with the patch, since its variables may refer to each other.
struct Candidate {
  ProjectSnapshot project;
  Scope scope;
};

Candidate with_patch(const Scope& scope, const TextPatch& patch) {
  auto variables = std::make_shared<Variables>(scope.variables());
  for (const auto& [name, value] : patch) {
    variables->erase(name);
    if (value) (*variables)[name] = Variable{.name = name, .value = *value, .stamp = {}};
  }
  Candidate candidate{*scope.place.project, scope};
  if (scope.place.instance != nullptr) {
    auto view = std::make_shared<InstanceView>(*scope.place.instance);
    view->variables = variables;
    candidate.scope.place.instance = view.get();
    candidate.project.instances[view->instance.id] = std::move(view);
  } else {
    auto view = std::make_shared<EnvironmentView>(*scope.place.environment);
    view->shared = variables;
    candidate.scope.place.environment = view.get();
    candidate.project.environments[view->environment.id] = std::move(view);
  }
  return candidate;
}

// Checks every value; pointers name the variable in the patch.
Result<> check_patch(const Scope& scope, const TextPatch& patch, Unresolved unresolved) {
  std::vector<FieldError> errors;
  const auto note = [&](const std::string& name, const Error& error) {
    for (const FieldError& field : error.fields)
      errors.push_back({"/" + name, field.code, field.detail});
    if (error.fields.empty()) errors.push_back({"/" + name, error.reason, error.detail});
  };
  for (const auto& [name, value] : patch)
    if (const auto parsed = parse_variable_name(name); !parsed) note(clipped(name), parsed.error());
  if (errors.empty()) {
    const Candidate candidate = with_patch(scope, patch);
    for (const auto& [name, value] : patch) {
      if (!value) continue;
      const auto checked = check(candidate.project, candidate.scope, name, *value, unresolved);
      if (!checked) note(name, checked.error());
    }
  }
  if (errors.empty()) return done();
  const bool one = errors.size() == 1;
  return Error{Code::invalid, one ? errors[0].code : "validation_failed",
               one ? errors[0].detail
                   : std::to_string(errors.size()) + " variables need to be changed: see errors",
               std::move(errors)};
}

Answer patch(const Request& request, Transaction& transaction, const Scope& scope) {
  const auto wanted = read_text_patch(request);
  if (!wanted) return wanted.error();
  const auto allow = query_flag(request, "allow_unresolved");
  if (!allow) return allow.error();
  const std::string* seen = request.header("if-match");
  if (seen != nullptr && *seen != "*" && *seen != body_tag(list_json(scope.variables())))
    return Error{Code::stale, "stale_version", "the variables have changed: read them again"};
  GANTRY_TRY(check_patch(scope, *wanted, *allow ? Unresolved::allow : Unresolved::refuse));
  Variables after = scope.variables();
  for (const auto& [name, value] : *wanted) {
    if (value) {
      auto variable = store_variable(transaction, scope, name, *value, std::nullopt);
      if (!variable) return variable.error();
      after[name] = std::move(*variable);
    } else if (after.erase(name) > 0) {
      GANTRY_TRY(erase(transaction, scope, name, std::nullopt));
    }
  }
  return unversioned(request, list_json(after));
}

Answer rendered(const Request& request, const Context& context, const Scope& scope) {
  const auto resolution =
      resolve_variables(*scope.place.project, *scope.place.instance,
                        {.base_domain = context.options.base_domain, .deployment_id = {}});
  if (!resolution) return resolution.error();
  std::string data;
  for (const auto& [name, value] : resolution->variables) {
    if (!data.empty()) data += ',';
    JsonObject(data).text("name", name).text("value", value);
  }
  std::string missing;
  for (const Missing& each : resolution->missing) {
    if (!missing.empty()) missing += ',';
    JsonObject(missing).text("variable", each.variable).text("reference", each.reference);
  }
  std::string out;
  JsonObject(out).raw("data", "[" + data + "]").raw("missing", "[" + missing + "]");
  return unversioned(request, std::move(out));
}

}  // namespace

Answer list_variables(const Request& request, Context& context) {
  const auto scope = instance_scope(request, context);
  if (!scope) return scope.error();
  const auto render = query_flag(request, "rendered");
  if (!render) return render.error();
  if (*render) return rendered(request, context, *scope);
  return unversioned(request, list_json(scope->variables()));
}

Answer list_shared_variables(const Request& request, Context& context) {
  const auto scope = shared_scope(request, context);
  if (!scope) return scope.error();
  return unversioned(request, list_json(scope->variables()));
}

Answer get_variable(const Request& request, Context& context) {
  const auto scope = instance_scope(request, context);
  if (!scope) return scope.error();
  return get(request, *scope);
}
Answer get_shared_variable(const Request& request, Context& context) {
  const auto scope = shared_scope(request, context);
  if (!scope) return scope.error();
  return get(request, *scope);
}

Answer put_variable(const Request& request, Context& context, Transaction& transaction) {
  const auto scope = instance_scope(request, context);
  if (!scope) return scope.error();
  return put(request, transaction, *scope);
}
Answer put_shared_variable(const Request& request, Context& context, Transaction& transaction) {
  const auto scope = shared_scope(request, context);
  if (!scope) return scope.error();
  return put(request, transaction, *scope);
}

Answer delete_variable(const Request& request, Context& context, Transaction& transaction) {
  const auto scope = instance_scope(request, context);
  if (!scope) return scope.error();
  return remove(request, transaction, *scope);
}
Answer delete_shared_variable(const Request& request, Context& context, Transaction& transaction) {
  const auto scope = shared_scope(request, context);
  if (!scope) return scope.error();
  return remove(request, transaction, *scope);
}

Answer patch_variables(const Request& request, Context& context, Transaction& transaction) {
  const auto scope = instance_scope(request, context);
  if (!scope) return scope.error();
  return patch(request, transaction, *scope);
}
Answer patch_shared_variables(const Request& request, Context& context, Transaction& transaction) {
  const auto scope = shared_scope(request, context);
  if (!scope) return scope.error();
  return patch(request, transaction, *scope);
}

}  // namespace gantry::api
