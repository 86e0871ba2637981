// Runs of an instance: shown, asked for, cancelled. The keeper of the daemon that leads carries
// them out.
#include "api/body.hpp"
#include "api/command.hpp"
#include "api/handlers.hpp"
#include "api/page.hpp"
#include "api/reply.hpp"
#include "api/run_parts.hpp"
#include "api/write.hpp"
#include "proto/name.hpp"

namespace gantry::api {
namespace {

constexpr int kLimitMost = 604800;
constexpr std::size_t kVariablesMost = 64 * 1024;

std::string json_of(const JobRun& run) {
  std::string out;
  append_json(out, run);
  return out;
}

JobVerbs& verbs_of(Transaction& transaction) { return dynamic_cast<JobVerbs&>(transaction); }

Response accepted(const Place& place, const JobRun& run) {
  Response response;
  response.status = 202;
  response.headers.emplace_back("Location", instance_location(place) + "/runs/" + run.id.str());
  response.body = json_of(run);
  return response;
}

std::string pointer_of(const std::string& variable) {
  std::string out = "/variables/";
  for (const char c : variable) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

Result<ResolvedVariables> read_variables(Fields& body) {
  ResolvedVariables variables;
  std::size_t bytes = 0;
  for (const auto& [key, value] : body.optional_texts("variables")) {
    GANTRY_TRY(parse_variable_name(key, pointer_of(key)));
    if (!value)
      return invalid(pointer_of(key), "wrong_type",
                     "expected a string: a variable of the service cannot be left out");
    if (value->find('\0') != std::string::npos)
      return invalid(pointer_of(key), "invalid_value", "a value has no NUL byte");
    bytes += key.size() + value->size();
    variables[key] = *value;
  }
  if (bytes > kVariablesMost)
    return invalid("/variables", "out_of_range", "all variables together have at most 64 KiB");
  return variables;
}

// Whose image, variables and limits it gets.
Result<const Deployment*> version_of(const Context& context, const Place& place) {
  const std::string& service = place.service->name.str();
  const Deployment* deployment = serving_of(place);
  if (deployment == nullptr || deployment->progress.image.empty())
    return Error{Code::conflict, "nothing_deployed",
                 service + " has no version that came up here: deploy it first"};
  if (context.image_present && !context.image_present(deployment->progress.image))
    return Error{Code::conflict, "image_gone",
                 "the image of " + deployment->id.str() + " is gone: deploy " + service + " again"};
  return deployment;
}

}  // namespace

Answer list_runs(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto jobs = jobs_of(context);
  if (!jobs) return jobs.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  const auto found = (*jobs)->runs(place->instance->instance.id, *wanted);
  if (!found) return found.error();
  std::string items;
  for (const JobRun& run : found->items) {
    if (!items.empty()) items += ',';
    append_json(items, run);
  }
  return page(request, context, std::move(items), found->next);
}

Answer get_run(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto run = find_run(request, context, *place);
  if (!run) return run.error();
  return unversioned(request, json_of(*run));
}

Answer create_run(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto jobs = jobs_of(context);
  if (!jobs) return jobs.error();
  auto body = Fields::read(request, {"command", "variables", "limit_seconds"});
  if (!body) return body.error();
  JobRun run;
  if (body->has_value("command")) run.command = body->texts("command");
  if (body->has_value("limit_seconds"))
    run.limit_seconds = body->integer("limit_seconds", 0, kLimitMost);
  auto variables = read_variables(*body);
  GANTRY_TRY(body->check());
  if (!variables) return variables.error();
  if (body->has_value("command")) GANTRY_TRY(check_command(run.command));
  const auto deployment = version_of(context, *place);
  if (!deployment) return deployment.error();
  const bool scheduled = !(*deployment)->settings.deploy.cron.schedule.empty();
  run.created_at = context.clock.now();
  run.id = RunId::make(run.created_at);
  run.instance_id = place->instance->instance.id;
  run.deployment_id = (*deployment)->id;
  run.variables = *std::move(variables);
  // What runs all the time keeps its volumes to itself.
  run.alone = scheduled && !place->project->volumes_of(run.instance_id).empty();
  GANTRY_TRY(verbs_of(transaction).add_run(run, {}));
  return accepted(*place, run);
}

Answer cancel_run(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto run = find_run(request, context, *place);
  if (!run) return run.error();
  const auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const auto ending =
      verbs_of(transaction).cancel_run(run->id, "cancelled by request", context.clock.now());
  if (!ending) return ending.error();
  return accepted(*place, *ending);
}

}  // namespace gantry::api
