#include "proto/provided_variables.hpp"

#include <algorithm>

#include "proto/tcp_proxy.hpp"

namespace gantry {
namespace {

constexpr std::string_view kUrlBegin = "SERVICE_";
constexpr std::string_view kUrlEnd = "_URL";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  return out;
}

// "my-worker": SERVICE_MY_WORKER_URL.
std::string url_name(std::string_view service) {
  std::string out(kUrlBegin);
  for (const char c : service)
    out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c & ~0x20 : c);
  return out.append(kUrlEnd);
}

std::string host_of(const ServiceInstance& instance, const std::string& base_domain) {
  return instance.host_label + "." + base_domain;
}

}  // namespace

ResolvedVariables provided_of_itself(const ProjectSnapshot& project, const InstanceView& view,
                                     const ResolveOptions& options) {
  ResolvedVariables out;
  const auto provide = [&](std::string_view name, const std::string& value) {
    out["RAILWAY_" + std::string(name)] = value;
    out["GANTRY_" + std::string(name)] = value;
  };
  const ServiceInstance& instance = view.instance;
  provide("PROJECT_ID", project.project.id.str());
  provide("PROJECT_NAME", project.project.name.str());
  if (const auto environment = project.environments.find(instance.environment_id);
      environment != project.environments.end()) {
    provide("ENVIRONMENT_ID", instance.environment_id.str());
    provide("ENVIRONMENT_NAME", environment->second->environment.name.str());
    provide("ENVIRONMENT", environment->second->environment.name.str());
  }
  if (const auto service = project.services.find(instance.service_id);
      service != project.services.end()) {
    provide("SERVICE_ID", instance.service_id.str());
    provide("SERVICE_NAME", service->second->name.str());
    provide("PRIVATE_DOMAIN", service->second->name.str() + ".railway.internal");
  }
  provide("REPLICA_REGION", "local");
  if (instance.tcp_proxy && instance.settings.deploy.port != 0) {
    provide("TCP_PROXY_DOMAIN", tcp_proxy_host(instance, options.base_domain));
    provide("TCP_PROXY_PORT", std::to_string(instance.tcp_proxy->port));
    provide("TCP_APPLICATION_PORT", std::to_string(instance.tcp_proxy->target_port));
  }
  if (const auto volumes = project.volumes_of(instance.id); !volumes.empty()) {
    provide("VOLUME_NAME", volumes.front()->name.str());
    provide("VOLUME_MOUNT_PATH", volumes.front()->mount_path);
  }
  if (instance.settings.deploy.port != 0) {
    provide("PUBLIC_DOMAIN", host_of(instance, options.base_domain));
    provide("STATIC_URL", host_of(instance, options.base_domain));
  }
  if (!options.deployment_id.empty()) {
    provide("DEPLOYMENT_ID", options.deployment_id.str());
    provide("SNAPSHOT_ID", options.deployment_id.str());
  }
  for (const auto& [name, value] : options.git) provide(name, value);
  return out;
}

const InstanceView* instance_named(const ProjectSnapshot& project,
                                   const EnvironmentId& environment_id, std::string_view service) {
  const std::string wanted = lower(service);
  const Service* found = project.service(wanted);
  if (found == nullptr || found->name.str() != wanted) return nullptr;  // it was an id
  return project.instance(found->id, environment_id);
}

std::optional<std::string> service_url(const ProjectSnapshot& project,
                                       const EnvironmentId& environment_id, std::string_view name,
                                       const ResolveOptions& options) {
  for (const std::string_view prefix : {"RAILWAY_", "GANTRY_"})
    if (name.starts_with(prefix)) {
      name.remove_prefix(prefix.size());
      break;
    }
  if (!name.starts_with(kUrlBegin) || !name.ends_with(kUrlEnd) ||
      name.size() <= kUrlBegin.size() + kUrlEnd.size())
    return std::nullopt;
  std::string service(
      name.substr(kUrlBegin.size(), name.size() - kUrlBegin.size() - kUrlEnd.size()));
  std::replace(service.begin(), service.end(), '_', '-');
  const InstanceView* view = instance_named(project, environment_id, service);
  if (view == nullptr || view->instance.settings.deploy.port == 0) return std::nullopt;
  return host_of(view->instance, options.base_domain);
}

ServiceUrls service_urls(const ProjectSnapshot& project, const EnvironmentId& environment_id,
                         const std::string& base_domain) {
  auto urls = std::make_shared<ResolvedVariables>();
  for (const auto& [id, view] : project.instances) {
    const ServiceInstance& instance = view->instance;
    if (instance.environment_id != environment_id || instance.settings.deploy.port == 0) continue;
    const auto service = project.services.find(instance.service_id);
    if (service == project.services.end()) continue;
    if (urls->size() == kServiceUrlsMax) return std::make_shared<const ResolvedVariables>();
    (*urls)[url_name(service->second->name.str())] = host_of(instance, base_domain);
  }
  return urls;
}

ResolvedVariables provided_variables(const ProjectSnapshot& project, const InstanceView& view,
                                     const ResolveOptions& options) {
  ResolvedVariables out = provided_of_itself(project, view, options);
  const ServiceUrls urls =
      options.service_urls
          ? options.service_urls
          : service_urls(project, view.instance.environment_id, options.base_domain);
  for (const auto& [name, host] : *urls) {
    out["RAILWAY_" + name] = host;
    out["GANTRY_" + name] = host;
  }
  return out;
}

}  // namespace gantry
