// The deployments that a plan names, in its order.
#include "api/deploying.hpp"
#include "api/document_writing.hpp"
#include "proto/variables.hpp"

namespace gantry::api {
namespace {

// What was deployed last, where the source is not another one: its commit goes on.
Source source_of(const InstanceView& view) {
  const Source& declared = view.instance.settings.source;
  if (declared.image || view.deployments.empty()) return declared;
  const Source& last = view.deployments.front()->settings.source;
  const bool same = !last.image && last.repository == declared.repository &&
                    (declared.archive.empty() || declared.archive == last.archive);
  return same ? last : declared;
}

Error unresolved(const std::string& service, const std::vector<Missing>& missing) {
  Error error{Code::invalid, "unresolved_reference", ""};
  for (const Missing& each : missing) {
    const std::string detail = each.variable + " refers to " + each.reference +
                               ", which is not there: declare it or change the reference";
    error.fields.push_back({"/services/" + service + "/variables", error.reason, detail});
    error.detail += (error.detail.empty() ? "" : "; ") + detail;
  }
  return error;
}

// Nothing: it has no source yet.
Result<std::optional<DeploymentId>> deploy(PlanWriting& w, const std::string& name,
                                           const ServiceUrls& urls) {
  const InstanceView& view = *w.draft.instance(name);
  Settings settings = view.instance.settings;
  settings.source = source_of(view);
  if (!settings.source.image && settings.source.archive.empty())
    return std::optional<DeploymentId>();
  NewDeployment wanted{.instance_id = view.instance.id,
                       .id = next_id(w.context, view),
                       .settings = settings,
                       .variables = {},
                       .trigger = "apply"};
  if (settings.source.image)
    wanted.progress = {.prepared = true,
                       .image = settings.source.image->str(),
                       .pre_deployed = settings.deploy.pre_deploy_command.empty()};
  auto resolution = resolve_variables(w.draft.project(), view,
                                      {.base_domain = w.context.options.base_domain,
                                       .deployment_id = wanted.id,
                                       .service_urls = urls});
  if (!resolution) return resolution.error();
  if (!resolution->missing.empty()) return unresolved(name, resolution->missing);
  wanted.variables = std::move(resolution->variables);
  const auto deployment = w.transaction.create_deployment(wanted);
  if (!deployment) return deployment.error();
  return std::optional(deployment->id);
}

}  // namespace

Result<Applied> deploy_services(PlanWriting& w) {
  Applied applied;
  const ServiceUrls urls =
      service_urls(w.draft.project(), w.environment(), w.context.options.base_domain);
  for (const std::string& name : w.plan.deploys) {
    const auto made = deploy(w, name, urls);
    if (!made) return made.error();
    if (*made) applied.deployments.emplace_back(name, **made);
  }
  return applied;
}

}  // namespace gantry::api
