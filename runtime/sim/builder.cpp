#include "runtime/sim/builder.hpp"

namespace gantry {
namespace {

Error unavailable() { return {Code::unavailable, "engine_unavailable", "a simulated fault"}; }

bool used_up(int& faults) {
  if (faults == 0) return false;
  --faults;
  return true;
}

}  // namespace

Result<const SimArchive*> SimBuilder::find(const DeploymentId& deployment,
                                           const std::string& archive) const {
  if (cancelled_.contains(deployment))
    return Error{Code::conflict, "cancelled", "the deployment was cancelled"};
  const auto found = archives_.find(archive);
  if (found == archives_.end())
    return Error{Code::not_found, "source_gone", "the archive is gone: deploy it again"};
  return &found->second;
}

Result<Prepared> SimBuilder::prepare(const PrepareOrder& order) {
  ++calls_.prepare;
  if (used_up(faults_.prepare_unavailable)) return unavailable();
  const auto archive = find(order.deployment_id, order.archive);
  if (!archive) return archive.error();
  const SimArchive& it = **archive;
  if (it.prepare_fails) return *it.prepare_fails;
  Prepared prepared{it.settings.value_or(order.settings), it.config, {}};
  prepared.settings.source = order.settings.source;
  if (!order.compared_with.empty()) prepared.skip_reason = it.skip_reason;
  return prepared;
}

Result<std::string> SimBuilder::build(const BuildOrder& order) {
  ++calls_.build;
  if (used_up(faults_.build_unavailable)) return unavailable();
  const auto archive = find(order.deployment_id, order.archive);
  if (!archive) return archive.error();
  const SimArchive& it = **archive;
  begun_.push_back(order.deployment_id);
  if (it.build_fails) return *it.build_fails;
  const std::string name =
      it.named.empty() ? "built/" + std::string(order.deployment_id.ulid()) : it.named;
  engine_.add_image(name, it.image);
  if (images_.insert(name).second) ++calls_.built;
  if (used_up(faults_.lost_replies)) return unavailable();
  return name;
}

void SimBuilder::cancel(const DeploymentId& deployment) {
  ++calls_.cancel;
  cancelled_.insert(deployment);
}

Result<> SimBuilder::sweep(const std::vector<Release>& releases) {
  ++calls_.sweep;
  if (used_up(faults_.sweep_unavailable)) return unavailable();
  std::set<std::string> needed;
  std::map<InstanceId, std::map<DeploymentId, std::string>> built;
  for (const auto& release : releases) {
    if (release.live) needed.insert(release.image);
    if (!release.image.empty()) built[release.instance_id][release.deployment_id] = release.image;
  }
  for (const auto& [instance, images] : built) {
    int kept = 0;
    for (auto image = images.rbegin(); image != images.rend() && kept < keep_images_; ++image)
      if (images_.contains(image->second) && ++kept > 0) needed.insert(image->second);
  }
  std::erase_if(images_, [&](const std::string& name) {
    if (needed.contains(name)) return false;
    engine_.remove_image(name);
    return true;
  });
  return done();
}

}  // namespace gantry
