#include "runtime/sim/volumes.hpp"

#include <algorithm>

namespace gantry {

// ---- the engine's side: what is in them ----

void SimEngine::write(const VolumeId& id, const std::string& path, const std::string& text) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = volumes_.find(id); found != volumes_.end())
    found->second.files[path] = text;
}

std::optional<std::string> SimEngine::read(const VolumeId& id, const std::string& path) const {
  const std::scoped_lock lock(mutex_);
  const auto volume = volumes_.find(id);
  if (volume == volumes_.end()) return std::nullopt;
  const auto file = volume->second.files.find(path);
  if (file == volume->second.files.end()) return std::nullopt;
  return file->second;
}

void SimEngine::lose_volume(const VolumeId& id) {
  const std::scoped_lock lock(mutex_);
  volumes_.erase(id);
}

// ---- the port ----

Result<> SimVolumes::reach() {
  if (!engine_.down_ && engine_.faults_.unavailable == 0) return done();
  if (!engine_.down_) --engine_.faults_.unavailable;
  return Error{Code::unavailable, "engine_unavailable", "the simulated engine cannot be reached"};
}

Result<> SimVolumes::create(const VolumeId& id) {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach());
  const auto [volume, fresh] = engine_.volumes_.try_emplace(id);
  if (fresh) volume->second.installation_id = installation_;
  if (volume->second.installation_id != installation_)
    return Error{Code::conflict, "name_taken_by_other", id.str()};
  return done();
}

// As the real one: whoever has it in a container, running or not, keeps it.
Result<> SimVolumes::remove(const VolumeId& id) {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach());
  const auto volume = engine_.volumes_.find(id);
  if (volume == engine_.volumes_.end()) return done();
  if (volume->second.installation_id != installation_)
    return Error{Code::conflict, "name_taken_by_other", id.str()};
  for (const auto& [name, entry] : engine_.containers_) {
    const auto& mounted = entry.container.volumes;
    if (std::find(mounted.begin(), mounted.end(), id) != mounted.end())
      return Error{Code::conflict, "volume_in_use", name + " still has " + id.str()};
  }
  engine_.volumes_.erase(volume);
  return done();
}

Result<std::vector<VolumeId>> SimVolumes::list() {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach());
  std::vector<VolumeId> ids;
  for (const auto& [id, volume] : engine_.volumes_)
    if (volume.installation_id == installation_) ids.push_back(id);
  return ids;
}

Result<std::map<VolumeId, std::int64_t>> SimVolumes::usage() {
  const std::scoped_lock lock(engine_.mutex_);
  GANTRY_TRY(reach());
  std::map<VolumeId, std::int64_t> used;
  for (const auto& [id, volume] : engine_.volumes_) {
    if (volume.installation_id != installation_) continue;
    std::int64_t& bytes = used[id];
    for (const auto& [path, text] : volume.files) bytes += static_cast<std::int64_t>(text.size());
  }
  return used;
}

}  // namespace gantry
