// Volumes in the storm: vessels are services that may mount some. Each volume gets a sentinel from
// the first container that mounts it, and whoever mounts it later has to find it there.
#include "runtime/sim/volumes.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tests/simulation/storm/storm.hpp"

namespace gantry::storm {
namespace {

const InstallationId kInstallation = *InstallationId::parse("gty_01jd8yq5x8c5v0m6r7k2n4t9wz");
constexpr const char* kSentinel = "/sentinel";
constexpr Seconds kGrace(400);   // of a deleted volume
constexpr Seconds kLearnt(45);   // by then a daemon knows what runs: a list comes every 30 s
constexpr Seconds kTrouble(60);  // that long a fault explains what it hit

bool mounts(const std::vector<Mount>& all, const VolumeId& id) {
  return std::any_of(all.begin(), all.end(),
                     [&](const Mount& mount) { return mount.volume_id == id; });
}

}  // namespace

// ---- the store's rules ----

VolumeId Ledger::create_volume() {
  const auto id = *VolumeId::parse(fmt::format("vol_{:026}", ++made_));
  volumes[id] = {.id = id, .project_id = {}, .environment_id = {}, .name = {}};
  return id;
}

void Ledger::unmount(Volume& volume) {
  if (Row* row = volume.instance_id.empty() ? nullptr : this->row(volume.instance_id)) {
    std::erase_if(row->base.mounts, [&](const Mount& m) { return m.volume_id == volume.id; });
    ++row->base.epoch;
    touch(*row);
  }
  volume.instance_id = {};
}

bool Ledger::attach(const VolumeId& id, Row& to) {
  Volume& volume = volumes.at(id);
  if (volume.deleted_at || to.erased || !to.vessel || volume.instance_id == to.base.instance_id)
    return false;
  unmount(volume);
  volume.instance_id = to.base.instance_id;
  volume.mount_path = "/" + id.str();
  to.base.mounts.push_back({id, volume.mount_path, volume.made});
  std::sort(to.base.mounts.begin(), to.base.mounts.end(),
            [](const Mount& a, const Mount& b) { return a.path < b.path; });
  ++to.base.epoch;
  touch(to);
  return true;
}

bool Ledger::detach(const VolumeId& id) {
  if (volumes.at(id).instance_id.empty()) return false;
  unmount(volumes.at(id));
  return true;
}

bool Ledger::erase_volume(const VolumeId& id) {
  Volume& volume = volumes.at(id);
  if (volume.deleted_at) return false;
  unmount(volume);
  volume.deleted_at = clock_.now();
  return true;
}

bool Ledger::restore_volume(const VolumeId& id) {
  Volume& volume = volumes.at(id);
  if (!volume.deleted_at || purging.contains(id)) return false;
  volume.deleted_at.reset();
  return true;
}

void Ledger::erase_with(const InstanceId& id) {
  for (auto& [known, volume] : volumes)
    if (volume.instance_id == id) (void)erase_volume(known);
}

Result<> Ledger::record_made(int daemon, const VolumeId& id) {
  GANTRY_TRY(may_write(daemon));
  const auto found = volumes.find(id);
  if (found == volumes.end() || found->second.made) return done();
  found->second.made = true;
  if (Row* mounter = row(found->second.instance_id)) {
    for (Mount& mount : mounter->base.mounts)
      if (mount.volume_id == id) mount.made = true;
    touch(*mounter);
  }
  return done();
}

Result<bool> Ledger::claim_purge(int daemon, const VolumeId& id, TimePoint deleted_before) {
  GANTRY_TRY(may_write(daemon));
  const Volume& volume = volumes.at(id);
  if (!volume.deleted_at || *volume.deleted_at >= deleted_before) return false;
  purging.insert(id);
  return true;
}

Result<> Ledger::record_purged(int daemon, const VolumeId& id) {
  GANTRY_TRY(may_write(daemon));
  if (purging.contains(id)) volumes.erase(id);
  return done();
}

// ---- people ----

void Storm::found_vessel() {
  DeploySettings deploy;
  deploy.replicas = 1;
  deploy.healthcheck_timeout_seconds = dice_.between(30, 60);
  deploy.restart_max_retries = dice_.between(2, 4);
  deploy.port = dice_.percent(50) ? 0 : 8080;
  deploy.rollout.strategy = Strategy::recreate;
  deploy.rollout.observe_seconds = dice_.of(std::array{0, 5});
  deploy.traffic.drain_seconds = dice_.between(2, 6);
  Row& row = ledger_.create(fmt::format("vessel{}", ++number_), deploy);
  row.vessel = true;
  tell("person creates " + row.base.service);
  publish(row.base.instance_id);
}

void Storm::volume_deed(const VolumeId& id) {
  std::vector<Row*> vessels;
  for (auto& [instance, row] : ledger_.rows)
    if (row.vessel && !row.erased) vessels.push_back(&row);
  const Volume before = ledger_.volumes.at(id);
  const int what = dice_.below(100);
  bool done = false;
  if (before.deleted_at) {
    done = what < 60 && ledger_.restore_volume(id);
    if (done) tell("person restores " + id.str());
  } else if (what < 60 && !vessels.empty()) {
    Row& to = *dice_.of(vessels);
    done = ledger_.attach(id, to);
    if (done) tell("person mounts " + id.str() + " in " + to.base.service);
  } else if (what < 75) {
    done = ledger_.detach(id);
    if (done) tell("person takes out " + id.str());
  } else if (what < 90) {
    done = ledger_.erase_volume(id);
    if (done) tell("person deletes " + id.str());
  }
  if (!done) return;
  for (const InstanceId& one : {before.instance_id, ledger_.volumes.at(id).instance_id})
    if (!one.empty()) publish(one);
}

void Storm::volume_people() {
  if (!storming_) return;
  after(dice_.span(Seconds(1), Seconds(20)), [this] { volume_people(); });
  if (ledger_.down) return;
  const auto vessels = std::count_if(ledger_.rows.begin(), ledger_.rows.end(), [](const auto& one) {
    return one.second.vessel && !one.second.erased;
  });
  if (vessels < 2) return found_vessel();
  if (ledger_.volumes.size() < 3 || dice_.percent(5)) {
    const VolumeId id = ledger_.create_volume();
    tell("person creates " + id.str());
    return volume_deed(id);
  }
  std::vector<VolumeId> ids;
  for (const auto& [id, volume] : ledger_.volumes) ids.push_back(id);
  volume_deed(dice_.of(ids));
}

// ---- the daemon's hands, as in scheduler/deeds.cpp and volume_keeper.cpp ----

Result<> Storm::make_volumes(Daemon& daemon, ContainerSpec& spec) {
  SimVolumes volumes(engine_, kInstallation);
  for (Mount& mount : spec.mounts) {
    if (const auto row = ledger_.volumes.find(mount.volume_id); row != ledger_.volumes.end())
      mount.made = mount.made || row->second.made;
    if (mount.made) continue;
    GANTRY_TRY(volumes.create(mount.volume_id));
    counted(daemon);
    if (!daemon.up) return Error{Code::unavailable, "dead", "it died in between"};
    GANTRY_TRY(ledger_.record_made(daemon.number, mount.volume_id));
    mount.made = true;
  }
  return done();
}

void Storm::keep_volumes(Daemon& daemon) {
  after(daemon, Seconds(20), [this, &daemon] { keep_volumes(daemon); });
  if (!leads(daemon) || ledger_.down) return;
  SimVolumes volumes(engine_, kInstallation);
  const auto rows = ledger_.volumes;
  for (const auto& [id, volume] : rows) {
    if (!volume.deleted_at || *volume.deleted_at >= clock_.now() - kGrace) continue;
    const auto claimed = ledger_.claim_purge(daemon.number, id, clock_.now() - kGrace);
    if (!claimed || !*claimed || !volumes.remove(id)) continue;
    sentinels_.erase(id);
    counted(daemon);
    if (!daemon.up) return;
    (void)ledger_.record_purged(daemon.number, id);
    tell(fmt::format("d{} purges {}", daemon.number, id.str()));
  }
}

// ---- invariants ----

// What has run with a volume for long enough to be known still runs: it is to stop first.
void Storm::check_order(const Start& start) {
  for (const Container& other : engine_.all()) {
    if (other.state != ContainerState::running || other.key == start.spec.key) continue;
    for (const VolumeId& id : other.volumes)
      if (mounts(start.spec.mounts, id) && clock_.now() - other.started_at > kLearnt &&
          was_steady(other.key, kTrouble) && !disturbed(kTrouble))
        broke("a second writer is ordered", id.str() + " runs in " + other.key.id());
  }
}

// Where a sentinel was, it still is; an empty volume never takes the place of another one.
void Storm::check_mounted(const Container& container) {
  for (const VolumeId& id : container.volumes) {
    const auto found = engine_.read(id, kSentinel);
    const auto known = sentinels_.find(id);
    if (known == sentinels_.end()) {
      engine_.write(id, kSentinel, container.key.id());
      sentinels_[id] = container.key.id();
    } else if (!found || *found != known->second) {
      broke("it runs with an empty volume", id.str() + " in " + container.key.id());
    }
  }
  check_volumes();
}

void Storm::check_volumes() {
  std::map<VolumeId, ReplicaKey> writers;
  for (const Container& one : engine_.all()) {
    if (one.state != ContainerState::running) continue;
    for (const VolumeId& id : one.volumes)
      if (const auto [other, first] = writers.emplace(id, one.key); !first)
        broke("two writers",
              fmt::format("{} in {} and {}", id.str(), other->second.id(), one.key.id()));
  }
  for (const auto& [id, text] : sentinels_)
    if (const auto found = engine_.read(id, kSentinel); !found || *found != text)
      broke("a sentinel is gone", id.str());
}

void Storm::check_volumes_calm() {
  for (const auto& [id, volume] : ledger_.volumes)
    if (volume.deleted_at && clock_.now() - *volume.deleted_at > kGrace + Seconds(180))
      broke("a deleted volume stays", id.str());
  for (const Container& one : engine_.all()) {
    const Row* row = ledger_.row(one.instance_id);
    if (row == nullptr || row->erased || one.state != ContainerState::running ||
        one.key.epoch != row->base.epoch)
      continue;
    for (const VolumeId& id : one.volumes)
      if (!mounts(row->base.mounts, id)) broke("it has a volume that is not its own", id.str());
    if (one.volumes.size() != row->base.mounts.size()) broke("it lacks a volume", one.key.id());
  }
}

}  // namespace gantry::storm
