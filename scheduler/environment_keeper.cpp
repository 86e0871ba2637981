#include "scheduler/environment_keeper.hpp"

namespace gantry {

void EnvironmentKeeper::purge(TimePoint now) {
  const TimePoint deleted_before = now - options_.grace;
  for (const ProjectPtr& project : store_.projects())
    for (const auto& [id, view] : project->environments) {
      const Environment& environment = view->environment;
      if (!environment.deleted_at || *environment.deleted_at >= deleted_before) continue;
      const auto purged = purge(id, deleted_before);
      if (purged)
        options_.log("environment purged environment=" + id.str() +
                     " name=" + environment.name.str() + " project=" + project->project.name.str());
      else if (purged.error().code != Code::not_found && purged.error().reason != "not_deleted")
        options_.log("environment not purged environment=" + id.str() + " detail=\"" +
                     purged.error().detail + "\"");
    }
}

// The store looks again, under the row's lock, whether it is still deleted.
Result<> EnvironmentKeeper::purge(const EnvironmentId& id, TimePoint deleted_before) {
  auto transaction = store_.begin({});
  if (!transaction) return transaction.error();
  GANTRY_TRY((*transaction)->purge_environment(id, deleted_before));
  return (*transaction)->commit();
}

}  // namespace gantry
