// Volumes and where they are mounted with stage=true.
#include <algorithm>

#include "api/nearest.hpp"
#include "api/requested_volume.hpp"
#include "api/staging.hpp"

namespace gantry::api {
namespace {

// A volume that is there or staged, and what it is to be mounted in.
struct StagedVolume : StagedPlace {
  std::string name;
  std::string mount_path;  // empty: nowhere
  std::string path(const char* part = "") const { return "volumes." + name + part; }
};

Result<StagedVolume> find_staged_volume(const Request& request, const Context& context,
                                        Transaction& transaction) {
  auto at = find_staged_environment(request, context, transaction);
  if (!at) return at.error();
  const std::string& wanted = request.path_parameters[2];
  const Volume* live = at->place.project->volume(at->place.environment->environment.id, wanted);
  StagedVolume found{*std::move(at), live == nullptr ? wanted : live->name.str(), ""};
  if (found.document.volumes.contains(found.name)) return found;
  for (const auto& [service, one] : found.document.services)
    if (const auto volume = one.volumes.find(found.name); volume != one.volumes.end()) {
      found.mount_path = volume->second.mount_path;
      return found;
    }
  return not_found("volume " + clipped(wanted));
}

bool has(const Document& document, const std::string& volume) {
  const auto& services = document.services;
  return document.volumes.contains(volume) ||
         std::any_of(services.begin(), services.end(),
                     [&](const auto& each) { return each.second.volumes.contains(volume); });
}

// The name of a service that is there or staged.
Result<std::string> mounter(const StagedPlace& at, const std::string& wanted) {
  const Service* known = at.place.project->service(wanted);
  const std::string name = known == nullptr ? wanted : known->name.str();
  if (at.document.services.contains(name)) return name;
  return invalid("/service", "unknown_service",
                 "there is no service \"" + clipped(wanted) + "\" in the environment " +
                     at.place.environment->environment.name.str() + ", nor is one staged");
}

StagedChange mount(const std::string& volume, const std::string& service,
                   const std::string& mount_path) {
  return {.path = "volumes." + volume + ".mount", .value = service + " " + mount_path};
}

StagedChange size(const std::string& volume, std::int64_t bytes) {
  return {.path = "volumes." + volume + ".size_bytes", .value = std::to_string(bytes)};
}

}  // namespace

Answer stage_volume(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_environment(request, context, transaction);
  if (!at) return at.error();
  const auto wanted = read_requested_volume(request);
  if (!wanted) return wanted.error();
  const std::string& name = wanted->name.str();
  if (has(at->document, name)) {
    const std::string detail = "another volume of the environment has this name";
    return Error{Code::conflict, "name_taken", detail, {{"/name", "name_taken", detail}}};
  }
  std::vector<StagedChange> changes{{.path = "volumes." + name, .value = "{}"}};
  if (wanted->size_bytes > 0) changes.push_back(size(name, wanted->size_bytes));
  if (wanted->service) {
    const auto service = mounter(*at, *wanted->service);
    if (!service) return service.error();
    changes.push_back(mount(name, *service, *wanted->mount_path));
  }
  return stage(request, context, transaction, *at, std::move(changes));
}

Answer stage_volume_change(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_volume(request, context, transaction);
  if (!at) return at.error();
  const auto change = read_volume_change(request);
  if (!change) return change.error();
  if (change->name)
    return invalid("/name", "cannot_be_staged",
                   "a volume is renamed at once, since the name changes nothing that runs: do it "
                   "without stage");
  if (!change->size_bytes) return stage(request, context, transaction, *at, {});
  return stage(request, context, transaction, *at, {size(at->name, *change->size_bytes)});
}

// With it goes what was staged of it; and one that was only staged is no longer.
Answer stage_volume_removal(const Request& request, Context& context, Transaction& transaction) {
  auto at = find_staged_volume(request, context, transaction);
  if (!at) return at.error();
  GANTRY_TRY(unstage_below(transaction, *at, at->path()));
  std::vector<StagedChange> changes;
  if (at->place.project->volume(at->place.environment->environment.id, at->name) != nullptr)
    changes.push_back({.path = at->path()});
  return stage(request, context, transaction, *at, std::move(changes));
}

Answer stage_attachment(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_volume(request, context, transaction);
  if (!at) return at.error();
  const auto wanted = read_attachment(request, at->mount_path);
  if (!wanted) return wanted.error();
  const auto service = mounter(*at, wanted->service);
  if (!service) return service.error();
  return stage(request, context, transaction, *at, {mount(at->name, *service, wanted->mount_path)});
}

Answer stage_detachment(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_volume(request, context, transaction);
  if (!at) return at.error();
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  return stage(request, context, transaction, *at, {{.path = at->path(".mount")}});
}

}  // namespace gantry::api
