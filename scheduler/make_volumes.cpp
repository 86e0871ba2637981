#include "scheduler/make_volumes.hpp"

namespace gantry {

Result<> make_volumes(Store& store, Volumes* volumes, const InstanceId& instance,
                      std::vector<Mount>& mounts) {
  const ProjectPtr project = store.project_of(instance);
  for (Mount& mount : mounts) {
    if (project)
      if (const auto row = project->volumes.find(mount.volume_id); row != project->volumes.end())
        mount.made = mount.made || row->second->made;
    if (mount.made) continue;
    if (volumes == nullptr)
      return Error{Code::unavailable, "no_volumes", "this driver keeps no volumes"};
    GANTRY_TRY(volumes->create(mount.volume_id));
    GANTRY_TRY(store.record_volume_made(mount.volume_id));
    mount.made = true;
  }
  return done();
}

}  // namespace gantry
