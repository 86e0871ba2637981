// What the keeper of runs looks at: services with a schedule, and containers.
#include "proto/zone.hpp"
#include "scheduler/job_keeper.hpp"

namespace gantry {
namespace {

const Deployment* serving(const InstanceView& view) {
  for (const auto& deployment : view.deployments)
    if (has_served(deployment->status)) return deployment.get();
  return nullptr;
}

}  // namespace

Result<> JobKeeper::gather_containers(TimePoint now) {
  const bool quiet = world_.open.empty() && world_.seen && world_.seen->empty();
  if (quiet && now < engine_at_ + options_.engine_look) return done();
  engine_at_ = now;
  const auto listed = ports_.engine.list();
  if (!listed) {
    if (world_.seen || !world_.absence) world_.absence = EngineAbsence{now, now};
    world_.absence->until = now;
    world_.seen.reset();
    return done();
  }
  if (!world_.seen && world_.absence) world_.absence->until = now;
  world_.seen.emplace();
  std::map<RunId, TimePoint> strange;
  for (const JobSeen& one : *listed) {
    world_.seen->emplace(one.run_id, one);
    const auto known = world_.strange_since.find(one.run_id);
    strange[one.run_id] = known == world_.strange_since.end() ? now : known->second;
  }
  for (const JobRun& run : world_.open) strange.erase(run.id);
  world_.strange_since = std::move(strange);
  return done();
}

void JobKeeper::gather_services(JobWorld& world) {
  world.services.clear();
  world.present.clear();
  world.grace.clear();
  for (const ProjectPtr& project : ports_.store.projects())
    for (const auto& [id, view] : project->instances) {
      const auto environment = project->environments.find(view->instance.environment_id);
      if (environment == project->environments.end() || environment->second->environment.deleted_at)
        continue;
      world.present.insert(id);
      const Deployment* deployment = serving(*view);
      if (deployment == nullptr || deployment->settings.deploy.cron.schedule.empty()) continue;
      const DeploySettings& deploy = deployment->settings.deploy;
      world.services[id] = {.instance_id = id,
                            .deployment_id = deployment->id,
                            .cron = deploy.cron,
                            .since = deployment->succeeded_at.value_or(deployment->updated_at),
                            .alone = !project->volumes_of(id).empty()};
      world.grace[deployment->id] = Seconds(deploy.draining_seconds);
      if (const auto zone = find_zone(deploy.cron.zone); !zone && told_.insert(id.str()).second)
        options_.log("schedule not kept instance=" + id.str() + " detail=\"" + zone.error().detail +
                     "\"");
    }
}

}  // namespace gantry
