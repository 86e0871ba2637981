#include <algorithm>

#include "api/body.hpp"
#include "api/deploying.hpp"
#include "api/nearest.hpp"
#include "api/page.hpp"
#include "api/reply.hpp"
#include "proto/codec.hpp"
#include "proto/source_path.hpp"
#include "proto/variables.hpp"

namespace gantry::api {
namespace {

Error unresolved(const std::vector<Missing>& missing) {
  Error error{Code::invalid, "unresolved_reference", ""};
  for (const Missing& each : missing) {
    const std::string detail = each.variable + " refers to " + each.reference +
                               ", which is not there: set it or change the reference";
    error.fields.push_back({"/variables/" + each.variable, error.reason, detail});
    if (!error.detail.empty()) error.detail += "; ";
    error.detail += detail;
  }
  return error;
}

// Why a deployment was made, and by whom.
struct Cause {
  std::string trigger;
  std::string message = {};
  std::string once = {};
  ResolvedVariables git = {};  // of the commit, without their prefix
};

// Of what is deployed again.
ResolvedVariables git_variables_of(const Deployment& deployment) {
  constexpr std::string_view prefix = "GANTRY_";
  ResolvedVariables git;
  if (deployment.settings.source.commit.empty()) return git;
  for (const auto& [name, value] : deployment.variables)
    if (name.starts_with("GANTRY_GIT_")) git[name.substr(prefix.size())] = value;
  return git;
}

BuildProgress first_progress(const Settings& settings) {
  if (!settings.source.image) return {};
  return {.prepared = true,
          .image = settings.source.image->str(),
          .pre_deployed = settings.deploy.pre_deploy_command.empty()};
}

Result<> check_source(Context& context, const Place& place, const Source& source) {
  if (source.image) return done();
  if (source.archive.empty() && !source.repository.empty())
    return Error{Code::conflict, "from_repository",
                 "this service is deployed from a repository: `gantry repo deploy`, or push"};
  if (source.archive.empty())
    return invalid("/image", "no_image",
                   "there is nothing to deploy: give an image or a source, here or in the "
                   "service's source");
  const auto state = context.sources.state(place.project->project.id, source.archive);
  if (state && state->complete) return done();
  if (!state && state.error().code != Code::not_found) return state.error();
  return invalid("/source", "source_missing",
                 "this archive was not uploaded completely: upload it, then deploy it");
}

// Freezes the settings and the variables of now into a new deployment.
Answer freeze(Context& context, Transaction& transaction, const Place& place,
              const Settings& settings, Cause cause) {
  GANTRY_TRY(check_source(context, place, settings.source));
  NewDeployment wanted{.instance_id = place.instance->instance.id,
                       .id = next_id(context, *place.instance),
                       .settings = settings,
                       .variables = {},
                       .trigger = std::move(cause.trigger),
                       .message = std::move(cause.message),
                       .progress = first_progress(settings),
                       .once = std::move(cause.once)};
  auto resolution = resolve_variables(*place.project, *place.instance,
                                      {.base_domain = context.options.base_domain,
                                       .deployment_id = wanted.id,
                                       .git = std::move(cause.git)});
  if (!resolution) return resolution.error();
  if (!resolution->missing.empty()) return unresolved(resolution->missing);
  wanted.variables = std::move(resolution->variables);
  return create(transaction, place, wanted);
}

constexpr const char* kNoConfig =
    R"({"ok":true,"file":null,"settings":[],"problems":[],"services":[],"environments":[]})";
constexpr std::size_t kMessageMax = 1000;
constexpr const char* kRemoved = "removed by request";

Result<> check_words(bool has_image, const std::optional<std::string>& archive,
                     const std::string& message) {
  if (has_image && archive)
    return invalid("/source", "image_and_source", "give an image or a source, not both");
  if (archive && !is_digest(*archive))
    return invalid("/source", "invalid_digest",
                   "expected \"sha256:\" and the 64 hexadecimal digits of an uploaded archive");
  if (message.size() > kMessageMax)
    return invalid("/message", "out_of_range", "a message has at most 1000 bytes");
  return done();
}

}  // namespace

Answer list_deployments(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  const auto found = context.store.deployments(place->instance->instance.id, *wanted);
  if (!found) return found.error();
  std::string items;
  for (const Deployment& deployment : found->items) {
    if (!items.empty()) items += ',';
    append_json(items, place->owners(), deployment);
  }
  return page(request, context, std::move(items), found->next);
}

Answer get_deployment(const Request& request, Context& context) {
  const auto deployment = find_deployment(request, context);
  if (!deployment) return deployment.error();
  const auto place = place_of(deployment->instance_id, context);
  if (!place) return place.error();
  return object(request, deployment->version, to_json(place->owners(), *deployment),
                Varies::with_body);
}

Answer deploy(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"image", "source", "message", "rollout", "traffic"});
  if (!body) return body.error();
  const auto image = body->optional_image("image");
  const auto archive = body->optional_text("source");
  std::string message = body->optional_text("message").value_or("");
  // For this deployment alone: the service's settings stay.
  std::string once = body->deploy_patch(place->instance->instance.settings, {"rollout", "traffic"});
  GANTRY_TRY(body->check());
  GANTRY_TRY(check_words(image.has_value(), archive, message));
  Settings settings = place->instance->instance.settings;
  Source source = settings.source;
  if (image && !source.repository.empty())
    return Error{Code::conflict, "from_repository",
                 "this service is deployed from a repository: `gantry repo disconnect` first"};
  if (image || archive) {
    source.image = image;
    source.archive = archive.value_or("");
  }
  if (source != settings.source) {
    settings.source = source;
    const auto written = transaction.update_settings(place->instance->instance.id, settings,
                                                     place->instance->instance.stamp.version);
    if (!written) return written.error();
  }
  if (!once.empty()) {
    auto merged = merge_settings(settings, "{\"deploy\":" + once + "}");
    if (!merged) return merged.error();
    settings = *std::move(merged);
  }
  return freeze(context, transaction, *place, settings,
                {"deploy", std::move(message), std::move(once)});
}

// What was deployed last, with the settings and variables of now.
Answer redeploy(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  if (place->instance->deployments.empty())
    return Error{Code::conflict, "nothing_deployed",
                 "this service was never deployed here: deploy it first"};
  const Deployment& newest = *place->instance->deployments.front();
  Settings settings = place->instance->instance.settings;
  settings.source = newest.settings.source;
  return freeze(
      context, transaction, *place, settings,
      {.trigger = "redeploy", .message = newest.message, .git = git_variables_of(newest)});
}

// What its configuration file set, and what was wrong in it.
Answer get_deployment_config(const Request& request, Context& context) {
  const auto deployment = find_deployment(request, context);
  if (!deployment) return deployment.error();
  auto config = context.store.deployment_config(deployment->id);
  if (!config) return config.error();
  return unversioned(request, config->empty() ? kNoConfig : *std::move(config));
}

Answer remove_deployment(const Request& request, Context& context, Transaction& transaction) {
  const auto found = find_placed(request, context);
  if (!found) return found.error();
  return removing(transaction, found->deployment.id, kRemoved, found->place, request);
}

// The service goes offline: its newest live deployment is removed.
Answer remove_newest(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const auto& deployments = place->instance->deployments;
  const auto live = std::find_if(deployments.begin(), deployments.end(),
                                 [](const auto& d) { return is_live(d->status); });
  if (live == deployments.end())
    return Error{Code::conflict, "nothing_live", "nothing of this service runs here"};
  return removing(transaction, (*live)->id, kRemoved, *place, request);
}

}  // namespace gantry::api
