#include "scheduler/volume_keeper.hpp"

namespace gantry {

void VolumeKeeper::measure() {
  const auto used = volumes_.usage();
  if (!used) return options_.log("volumes not measured detail=\"" + used.error().detail + "\"");
  for (const auto& [id, bytes] : *used)
    if (const auto recorded = store_.record_volume_usage(id, bytes);
        !recorded && recorded.error().code != Code::not_found)
      return options_.log("volume usage not recorded detail=\"" + recorded.error().detail + "\"");
}

void VolumeKeeper::purge(TimePoint now) {
  // The engine first: rows are older than what they name, so that a new volume is never strange.
  const auto there = volumes_.list();
  const auto rows = store_.volumes();
  if (!there || !rows) return;
  tell_strange(*rows, *there);
  const TimePoint deleted_before = now - options_.grace;
  for (const Volume& volume : *rows)
    if (volume.deleted_at && *volume.deleted_at < deleted_before) purge(volume, deleted_before);
}

void VolumeKeeper::purge(const Volume& volume, TimePoint deleted_before) {
  const auto claimed = store_.claim_volume_purge(volume.id, deleted_before);
  if (!claimed || !*claimed) return;  // restored meanwhile, or another daemon leads
  if (const auto removed = volumes_.remove(volume.id); !removed)
    return options_.log("volume not purged volume=" + volume.id.str() + " detail=\"" +
                        removed.error().detail + "\"");
  if (const auto recorded = store_.record_volume_purged(volume.id); recorded)
    options_.log("volume purged volume=" + volume.id.str() + " name=" + volume.name.str());
}

void VolumeKeeper::tell_strange(const std::vector<Volume>& rows,
                                const std::vector<VolumeId>& there) {
  std::set<VolumeId> known;
  for (const Volume& volume : rows) known.insert(volume.id);
  const std::set<VolumeId> present(there.begin(), there.end());
  for (const VolumeId& id : there)
    if (!known.contains(id) && told_.insert(id).second)
      options_.log("volume of nobody on the engine volume=" + id.str() + ": it is left alone");
  for (const Volume& volume : rows)
    if (volume.made && !present.contains(volume.id) && told_.insert(volume.id).second)
      options_.log("volume lost volume=" + volume.id.str() + " name=" + volume.name.str() +
                   ": somebody removed it from the engine");
}

}  // namespace gantry
