// Volumes of a plan: taken out of services first, put into others once these are there.
#include "api/document_writing.hpp"

namespace gantry::api {
namespace {

struct Declared {
  DocumentVolumes volumes;                    // of services, too
  std::map<std::string, std::string> owners;  // the service that mounts it
};

Declared declared(const Document& document) {
  Declared all{document.volumes, {}};
  for (const auto& [service, one] : document.services)
    for (const auto& [name, volume] : one.volumes) {
      all.volumes[name] = volume;
      all.owners[name] = service;
    }
  return all;
}

bool stays_mounted(const Declared& before, const Declared& after, const std::string& name) {
  const auto was = before.owners.find(name), is = after.owners.find(name);
  return was != before.owners.end() && is != after.owners.end() && was->second == is->second &&
         before.volumes.at(name).mount_path == after.volumes.at(name).mount_path;
}

Result<> make_volume(PlanWriting& w, const Declared& before, const std::string& name,
                     const DocumentVolume& is) {
  const auto was = before.volumes.find(name);
  if (was != before.volumes.end() && was->second.size_bytes == is.size_bytes) return done();
  const auto made =
      was == before.volumes.end()
          ? w.transaction.create_volume({w.environment(), *Name::parse(name), is.size_bytes})
          : w.transaction.change_volume(w.draft.volume(name)->id, {.size_bytes = is.size_bytes},
                                        {});
  if (!made) return made.error();
  w.wrote(*made);
  return done();
}

}  // namespace

Result<> leave_volumes(PlanWriting& w) {
  const Declared before = declared(w.plan.current), after = declared(w.plan.wanted);
  for (const auto& [name, was] : before.volumes) {
    const Volume* found = w.draft.volume(name);
    if (found == nullptr) return gone();
    if (!found->instance_id.empty() && !stays_mounted(before, after, name)) {
      w.written.insert(found->instance_id);
      const auto left = w.transaction.detach_volume(found->id);
      if (!left) return left.error();
      w.wrote(*left);
    }
    if (after.volumes.contains(name)) continue;
    const auto deleted = w.transaction.delete_volume(w.draft.volume(name)->id, {});
    if (!deleted) return deleted.error();
    w.wrote(*deleted);
  }
  return done();
}

Result<> mount_volumes(PlanWriting& w) {
  const Declared before = declared(w.plan.current), after = declared(w.plan.wanted);
  for (const auto& [name, is] : after.volumes) {
    const auto owner = after.owners.find(name);
    const std::string at = owner == after.owners.end()
                               ? "/volumes/" + name
                               : "/services/" + owner->second + "/volumes/" + name;
    GANTRY_TRY(make_volume(w, before, name, is));
    if (owner == after.owners.end() || stays_mounted(before, after, name)) continue;
    const auto mounted = w.transaction.attach_volume(w.draft.volume(name)->id,
                                                     w.draft.at(owner->second).id, is.mount_path);
    if (!mounted) return placed(mounted.error(), at);
    w.wrote(*mounted);
  }
  return done();
}

}  // namespace gantry::api
