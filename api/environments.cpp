#include "api/authority.hpp"
#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/page.hpp"
#include "api/query.hpp"
#include "api/reply.hpp"

namespace gantry::api {

Answer list_environments(const Request& request, Context& context) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  const auto deleted = query_flag(request, "deleted");
  if (!deleted) return deleted.error();
  auto present = place->project->environments;
  std::erase_if(present, [&](const auto& item) {
    return item.second->environment.deleted_at.has_value() != *deleted;
  });
  return page_of(
      request, context, *wanted, present,
      [](const auto& item) -> const std::string& { return item.first.str(); },
      [](std::string& out, const auto& item) { append_json(out, item.second->environment); });
}

Answer get_environment(const Request& request, Context& context) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  const Environment& environment = place->environment->environment;
  return object(request, environment.stamp.version, to_json(environment));
}

Answer create_environment(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"name", "copy_of"});
  if (!body) return body.error();
  const Name name = body->name("name");
  const auto copy_of = body->optional_text("copy_of");
  GANTRY_TRY(body->check());
  const EnvironmentView* original = copy_of ? place->project->environment(*copy_of) : nullptr;
  if (copy_of && original == nullptr)
    return invalid("/copy_of", "unknown_environment",
                   "the project has no such environment to copy: name another one");
  if (original != nullptr)  // its variables go along
    GANTRY_TRY(may(context, Permission::edit, *place->project, *original));
  const ProjectId& project_id = place->project->project.id;
  const auto environment = transaction.create_environment(project_id, name);
  if (!environment) return environment.error();
  if (original != nullptr)
    GANTRY_TRY(transaction.copy_environment(original->environment.id, environment->id));
  return started(201, "/v1/projects/" + project_id.str() + "/environments/" + environment->id.str(),
                 environment->stamp.version, to_json(*environment));
}

// Its name, and with an owner's role what it asks of people.
Answer change_environment(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"name", "guarded", "needs_approval"});
  if (!body) return body.error();
  Environment environment = place->environment->environment;
  const auto name = body->optional_name("name");
  Protection protection = environment.protection;
  protection.guarded = body->flag("guarded", protection.guarded);
  protection.needs_approval = body->flag("needs_approval", protection.needs_approval);
  const bool protects = body->has("guarded") || body->has("needs_approval");
  if (!name && !protects) body->missing("name");
  GANTRY_TRY(body->check());
  if (protects) GANTRY_TRY(may(context, Permission::own, *place->project, *place->environment));
  IfMatch seen = if_match(request);
  if (protects) {
    const auto written = transaction.protect_environment(environment.id, protection, seen);
    if (!written) return written.error();
    environment = *written;
    seen = environment.stamp.version;
  }
  if (name) {
    const auto written = transaction.rename_environment(environment.id, *name, seen);
    if (!written) return written.error();
    environment = *written;
  }
  return object(request, environment.stamp.version, to_json(environment));
}

// In its grace; now=true: for good, also one that is in its grace already.
Answer delete_environment(const Request& request, Context& context, Transaction& transaction) {
  const auto now = query_flag(request, "now");
  if (!now) return now.error();
  auto place = find_environment(request, context);
  if (!place && *now) place = find_deleted_environment(request, context);
  if (!place) return place.error();
  const Environment& there = place->environment->environment;
  if (*now) {
    if (const IfMatch seen = if_match(request); seen && *seen != there.stamp.version)
      return Error{Code::stale, "stale_version",
                   "the environment is at version " + std::to_string(there.stamp.version)};
    GANTRY_TRY(transaction.purge_environment(there.id, std::nullopt));
    return no_content();
  }
  GANTRY_TRY(transaction.delete_environment(place->environment->environment.id, if_match(request)));
  return no_content();
}

Answer restore_environment(const Request& request, Context& context, Transaction& transaction) {
  auto place = find_deleted_environment(request, context);
  if (!place) {
    if (find_environment(request, context))
      return Error{Code::conflict, "not_deleted", "the environment is not deleted"};
    return place.error();
  }
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const auto restored = transaction.restore_environment(place->environment->environment.id);
  if (!restored) return restored.error();
  return object(request, restored->stamp.version, to_json(*restored));
}

}  // namespace gantry::api
