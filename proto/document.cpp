#include "proto/document.hpp"

#include <algorithm>

namespace gantry {
namespace {

DocumentVariables variables_of(const Variables& variables, DocumentValues values) {
  DocumentVariables out;
  for (const auto& [name, variable] : variables) {
    const bool shown = values == DocumentValues::all || only_references(variable.value);
    out[name] = shown ? DocumentVariable{.value = variable.value} : DocumentVariable{"", true};
  }
  return out;
}

std::string service_name(const ProjectSnapshot& project, const InstanceView& view) {
  const auto service = project.services.find(view.instance.service_id);
  return service == project.services.end() ? std::string() : service->second->name.str();
}

DocumentService service_of(const ProjectSnapshot& project, const InstanceView& view,
                           DocumentValues values) {
  const ServiceInstance& instance = view.instance;
  DocumentService out{.from_template = instance.settings.source.from_template,
                      .settings = setting_values(instance.settings),
                      .variables = variables_of(*view.variables, values),
                      .domains = instance.domains,
                      .tcp_proxy = instance.tcp_proxy};
  std::sort(out.domains.begin(), out.domains.end());
  for (const Volume* volume : project.volumes_of(instance.id))
    out.volumes[volume->name.str()] = {volume->mount_path, volume->size_bytes};
  if (!instance.split) return out;
  if (const auto to = project.instances.find(instance.split->to); to != project.instances.end())
    out.split = {service_name(project, *to->second), instance.split->percent};
  return out;
}

}  // namespace

bool is_short(const DocumentService& service) {
  return !service.from_template.empty() && !service.settings.contains("source.image");
}

bool only_references(std::string_view value) {
  constexpr std::string_view joins = ":/@.,;?&=-_ ";
  if (value.find("${{") == std::string_view::npos) return value.empty();
  while (!value.empty()) {
    const auto close = value.find("}}");
    if (value.starts_with("${{") && close != std::string_view::npos) {
      value.remove_prefix(close + 2);
    } else if (value.starts_with("http://") || value.starts_with("https://")) {
      value.remove_prefix(value.find("//") + 2);
    } else if (joins.find(value.front()) != std::string_view::npos) {
      value.remove_prefix(1);
    } else {
      return false;
    }
  }
  return true;
}

Document document_of(const ProjectSnapshot& project, const EnvironmentView& environment,
                     DocumentValues values) {
  Document out{.project = project.project.name.str(),
               .environment = environment.environment.name.str(),
               .shared = variables_of(*environment.shared, values)};
  for (const auto& [id, view] : project.instances)
    if (view->instance.environment_id == environment.environment.id)
      out.services[service_name(project, *view)] = service_of(project, *view, values);
  for (const auto& [id, volume] : project.volumes)
    if (volume->environment_id == environment.environment.id && !volume->deleted_at &&
        volume->instance_id.empty())
      out.volumes[volume->name.str()] = {"", volume->size_bytes};
  return out;
}

Document without_archives(Document document) {
  for (auto& [name, service] : document.services) service.settings.erase("source.archive");
  return document;
}

}  // namespace gantry
