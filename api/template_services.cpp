#include "api/template_services.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include <unistd.h>

#include "api/nearest.hpp"
#include "proto/template_value.hpp"

namespace gantry::api {
namespace {

using Names = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t kVersionMax = 128;
constexpr std::string_view kVersion = "{version}";

// What is above the last whole multiple is drawn again: each number is as likely.
std::uint32_t below(std::uint32_t bound) {
  constexpr auto most = std::numeric_limits<std::uint32_t>::max();
  for (;;) {
    std::uint32_t drawn = 0;
    if (::getentropy(&drawn, sizeof drawn) != 0) throw std::runtime_error("no randomness");
    if (drawn < most - most % bound) return drawn % bound;
  }
}

bool is_tag(const std::string& version) {
  constexpr std::string_view allowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return !version.empty() && version.size() <= kVersionMax && version.front() != '.' &&
         version.front() != '-' && version.find_first_not_of(allowed) == std::string::npos;
}

Settings settings_of(const TemplateService& service, const std::string& from_template) {
  Settings settings;
  std::string image = service.image;
  if (const auto at = image.find(kVersion); at != std::string::npos)
    image.replace(at, kVersion.size(), service.version);
  settings.source.image = *ImageRef::parse(image);
  settings.source.from_template = from_template;
  DeploySettings& deploy = settings.deploy;
  deploy.start_command = service.start_command;
  deploy.healthcheck_command = service.healthcheck_command;
  deploy.healthcheck_path = service.healthcheck_path;
  deploy.port = service.port;
  deploy.exposed = service.exposed;
  deploy.draining_seconds = service.draining_seconds;
  if (service.memory_bytes > 0) deploy.memory_bytes = service.memory_bytes;
  return settings;
}

std::string origin_of(const Template& one, const TemplateService& service) {
  if (!service.of.empty()) return service.of;
  return one.services.size() == 1 ? one.name : one.name + "." + service.name;
}

Result<NewService> new_service(const Templates& templates, const Template& one, std::size_t index,
                               const Wanted& wanted) {
  auto service = complete(templates, one.services[index]);
  if (!service) return service.error();
  if (index == 0 && wanted.version) service->version = *wanted.version;
  NewService out{.name = *Name::parse(service->name),
                 .may_be_renamed = true,
                 .settings = settings_of(*service, origin_of(one, one.services[index])),
                 .variables = {},
                 .mounts = {}};
  for (const auto& [name, text] : service->variables) {
    auto value = fill_secrets(text, below);
    if (!value) return value.error();
    out.variables.emplace_back(name, *std::move(value));
  }
  if (!service->volume_name.empty())
    out.mounts.push_back({*Name::parse(service->volume_name), service->mount_path});
  if (index > 0) return out;
  for (const auto& [name, value] : wanted.variables) {
    std::erase_if(out.variables, [&](const auto& each) { return each.first == name; });
    if (value) out.variables.emplace_back(name, *value);
  }
  return out;
}

// The service that the references to what a template needs lead to: the one that was named, or the
// only one that there is, or the one of that name.
Result<std::string> needed(const Templates& templates, const Place& place, const Template& one,
                           const Wanted& wanted) {
  const Template* other = templates.find(one.needs);
  std::vector<std::string> found;
  for (const auto& [id, view] : place.project->instances) {
    const std::string& origin = view->instance.settings.source.from_template;
    const std::string& name = service_of(*place.project, view->instance)->name.str();
    if (view->instance.environment_id != place.environment->environment.id) continue;
    if (wanted.other == name) return name;
    if (!origin.empty() && other != nullptr && templates.find(origin) == other)
      found.push_back(name);
  }
  if (wanted.other)
    return invalid("/for", "unknown_service",
                   "there is no service \"" + clipped(*wanted.other) + "\" in this environment");
  if (found.size() == 1) return found.front();
  if (std::find(found.begin(), found.end(), one.needs) != found.end()) return one.needs;
  if (found.empty())
    return invalid("/template", "needs_service",
                   one.title + " stands in front of a service that must be there: add " +
                       one.needs + " first, or name the service in \"for\"");
  std::string names;
  for (const std::string& each : found) names += (names.empty() ? "" : ", ") + each;
  return invalid("/for", "ambiguous_service", "say which one it is for: " + names);
}

}  // namespace

Result<std::vector<NewService>> services_of(const Templates& templates, const Place& place,
                                            const Template& one, const Wanted& wanted) {
  Names renamed;
  if (!one.needs.empty()) {
    const auto other = needed(templates, place, one, wanted);
    if (!other) return other.error();
    renamed[one.needs] = *other;
  }
  std::vector<NewService> services;
  for (std::size_t i = 0; i < one.services.size(); ++i) {
    auto service = new_service(templates, one, i, wanted);
    if (!service) return service.error();
    for (auto& [name, value] : service->variables) value = rename_services(value, renamed);
    services.push_back(*std::move(service));
  }
  // The template's other services refer to the first one by the name that it has there.
  if (!wanted.name) return services;
  const Names named{{services.front().name.str(), wanted.name->str()}};
  services.front().name = *wanted.name;
  services.front().may_be_renamed = false;
  for (NewService& each : services)
    for (auto& [name, value] : each.variables) value = rename_services(value, named);
  return services;
}

Result<> check(const Template& one, const Wanted& wanted) {
  if (wanted.other && one.needs.empty())
    return invalid("/for", "unknown_key", one.title + " stands in front of no other service");
  for (const auto& [name, value] : wanted.variables) {
    if (const auto known = parse_variable_name(name, "/variables/" + clipped(name)); !known)
      return known.error();
    if (value) GANTRY_TRY(check_variable_value(*value, "/variables/" + name));
  }
  if (!wanted.version) return done();
  if (one.services.front().version.empty())
    return invalid("/version", "no_versions", one.title + " has no versions to choose from");
  if (!is_tag(*wanted.version))
    return invalid("/version", "invalid_version",
                   "a version is an image's tag: letters, digits and _ . -, at most 128");
  return done();
}

std::optional<DocumentService> document_service(const Templates& templates,
                                                const std::string& from_template) {
  const TemplateService* found = template_service(templates, from_template);
  if (found == nullptr) return std::nullopt;
  const auto service = complete(templates, *found);
  if (!service) return std::nullopt;
  DocumentService out{.from_template = from_template,
                      .settings = setting_values(settings_of(*service, from_template))};
  for (const auto& [name, value] : service->variables) out.variables[name].value = value;
  if (!service->volume_name.empty()) out.volumes[service->volume_name] = {service->mount_path, 0};
  return out;
}

Result<std::string> with_secrets(std::string_view value) { return fill_secrets(value, below); }

}  // namespace gantry::api
