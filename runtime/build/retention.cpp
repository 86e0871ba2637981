#include "runtime/build/retention.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "runtime/build/image_name.hpp"

namespace gantry {
namespace {

struct Candidate {
  const StoredImage* image;
  BuiltImageOwner owner;
  bool fixed = false;  // stays whatever the budget says
  bool goes = false;
};

}  // namespace

std::vector<std::string> images_to_remove(const std::vector<StoredImage>& images,
                                          const std::vector<Release>& releases,
                                          const Retention& retention) {
  std::set<std::string> wanted, live;
  for (const auto& release : releases) {
    wanted.insert(release.image);
    if (release.live) live.insert(release.image);
  }
  std::vector<Candidate> candidates;
  for (const auto& image : images)
    if (const auto owner = built_image_owner(retention.installation_id, image.name))
      candidates.push_back({&image, *owner});
  // Newest first: deployments sort by their birth.
  std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return a.owner.deployment_id > b.owner.deployment_id;
  });
  std::map<InstanceId, int> kept;
  std::uint64_t bytes = 0;
  for (auto& candidate : candidates) {
    const std::string& name = candidate.image->name;
    const bool young =
        retention.now - candidate.image->created_at < retention.young && !wanted.contains(name);
    const int before = kept[candidate.owner.instance_id];
    candidate.fixed = young || live.contains(name);
    candidate.goes =
        !candidate.fixed && (!wanted.contains(name) || before >= retention.per_instance);
    if (candidate.goes) continue;
    if (!young) ++kept[candidate.owner.instance_id];
    candidate.fixed = candidate.fixed || before == 0;
    bytes += candidate.image->bytes;
  }
  std::vector<std::string> names;
  const bool over = retention.high_bytes > 0 && bytes > retention.high_bytes;
  for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) {
    if (!candidate->goes && !candidate->fixed && over && bytes > retention.low_bytes) {
      candidate->goes = true;
      bytes -= std::min(bytes, candidate->image->bytes);
    }
    if (candidate->goes) names.push_back(candidate->image->name);
  }
  return names;
}

}  // namespace gantry
