// Volumes: rows with a life of their own. What deletes their surroundings only marks them.
#include <algorithm>

#include "proto/codec.hpp"
#include "store/edits.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

constexpr std::int64_t kSmallestChange = 1024 * 1024;  // of its use that is written

std::string returning() { return std::string(" returning ") + kVolumeColumns; }

std::string touched() { return "version = version + 1, updated_at = $2"; }

Error volume_deleted(const Volume& volume) {
  return {Code::conflict, "volume_deleted",
          "the volume " + volume.name.str() + " is deleted: restore it first"};
}

bool several(const DeploySettings& deploy) {
  return std::max(deploy.replicas, deploy.scaling.max_replicas) > 1;
}

}  // namespace

Volume PgTransaction::announce_volume(const pqxx::row& row, std::string_view event,
                                      const std::string& message) {
  const Volume volume = volume_from(row);
  const Place place{.project_id = volume.project_id,
                    .environment_id = volume.environment_id.str(),
                    .service_id = "",
                    .instance_id = volume.instance_id.str()};
  std::string text = volume.name.str() + " " + volume.id.str();
  if (!message.empty()) text += ": " + message;
  edit(volume.project_id, volume.id.str(), record(event, place, text),
       [volume](ProjectSnapshot& project) { edits::put_volume(project, volume); });
  return volume;
}

Result<Volume> PgTransaction::lock_volume(const VolumeId& id, IfMatch if_match) {
  GANTRY_TRY(lock_row("volumes", id.str(), "volume", if_match));
  return volume_from(work_->exec_params1(
      std::string("select ") + kVolumeColumns + " from volumes where id = $1", id.str()));
}

// Of the volume's instance and of the one that is to have it, before the volume itself: in the
// order in which everybody locks them.
Result<Volume> PgTransaction::lock_volume_with(const VolumeId& id, const InstanceId& other) {
  const auto found = work_->exec_params("select instance_id from volumes where id = $1", id.str());
  if (found.empty()) return not_found("volume " + id.str());
  std::set<InstanceId> instances;
  if (!found[0][0].is_null()) instances.insert(*InstanceId::parse(found[0][0].c_str()));
  if (!other.empty()) instances.insert(other);
  for (const InstanceId& one : instances)
    GANTRY_TRY(lock_row("service_instances", one.str(), "service instance", {}));
  auto volume = lock_volume(id, {});
  if (volume && !volume->instance_id.empty() && !instances.contains(volume->instance_id))
    return Error{Code::unavailable, "database_busy", "another write got in between: try again"};
  return volume;
}

// What its containers mount has changed: new ones take the place of those that run.
Result<> PgTransaction::remount(const InstanceId& id, const std::string& message) {
  if (id.empty()) return done();
  const auto row = work_->exec_params1(
      std::string("update service_instances set restart_epoch = restart_epoch + 1, "
                  "generation = generation + 1, ") +
          touched() + " where id = $1 returning " + kInstanceColumns,
      id.str(), now());
  if (const auto announced = announce_instance(row, "instance.restarted", message); !announced)
    return announced.error();
  return done();
}

Result<Volume> PgTransaction::create_volume(const NewVolume& wanted) {
  return verb([&]() -> Result<Volume> {
    const auto place = place_of(wanted.environment_id);
    if (!place) return place.error();
    GANTRY_TRY(lock_row("environments", wanted.environment_id.str(), "environment", {}));
    const auto row = work_->exec_params1(
        "insert into volumes (id, project_id, environment_id, name, size_bytes, created_at, "
        "updated_at) values ($1, $2, $3, $4, $5, $6, $6)" +
            returning(),
        VolumeId::make(store_.clock().now()).str(), place->project_id.str(),
        wanted.environment_id.str(), wanted.name.str(), wanted.size_bytes, now());
    return announce_volume(row, "volume.created");
  });
}

Result<Volume> PgTransaction::change_volume(const VolumeId& id, const VolumeChange& change,
                                            IfMatch if_match) {
  return verb([&]() -> Result<Volume> {
    const auto volume = lock_volume(id, if_match);
    if (!volume) return volume.error();
    if (volume->deleted_at) return volume_deleted(*volume);
    std::optional<std::string> new_name;
    if (change.name) new_name = change.name->str();
    const auto row = work_->exec_params1(
        "update volumes set name = coalesce($3, name), size_bytes = coalesce($4, size_bytes), " +
            touched() + " where id = $1" + returning(),
        id.str(), now(), new_name, change.size_bytes);
    return announce_volume(row, "volume.changed");
  });
}

Result<Volume> PgTransaction::attach_volume(const VolumeId& id, const InstanceId& instance_id,
                                            std::string_view mount_path) {
  return verb([&]() -> Result<Volume> {
    const auto volume = lock_volume_with(id, instance_id);
    if (!volume) return volume.error();
    if (volume->deleted_at) return volume_deleted(*volume);
    const ServiceInstance instance = instance_from(work_->exec_params1(
        std::string("select ") + kInstanceColumns + " from service_instances where id = $1",
        instance_id.str()));
    if (instance.environment_id != volume->environment_id)
      return Error{Code::conflict, "other_environment",
                   "a volume is mounted within its environment: copy its data by a backup"};
    if (several(instance.settings.deploy))
      return Error{Code::conflict, "several_replicas",
                   "only one replica may write a volume: set replicas to 1 and autoscaling's "
                   "max_replicas to at most 1 first"};
    if (volume->instance_id == instance_id && volume->mount_path == mount_path) return volume;
    const auto row =
        work_->exec_params1("update volumes set instance_id = $3, mount_path = $4, " + touched() +
                                " where id = $1" + returning(),
                            id.str(), now(), instance_id.str(), std::string(mount_path));
    if (volume->instance_id != instance_id)
      GANTRY_TRY(remount(volume->instance_id, "volume " + volume->name.str() + " leaves"));
    GANTRY_TRY(remount(
        instance_id, "volume " + volume->name.str() + " is mounted at " + std::string(mount_path)));
    return announce_volume(row, "volume.attached", std::string(mount_path));
  });
}

Result<Volume> PgTransaction::detach_volume(const VolumeId& id) {
  return verb([&]() -> Result<Volume> {
    const auto volume = lock_volume_with(id, {});
    if (!volume) return volume.error();
    if (volume->instance_id.empty()) return volume;
    const auto row = work_->exec_params1(
        "update volumes set instance_id = null, " + touched() + " where id = $1" + returning(),
        id.str(), now());
    GANTRY_TRY(remount(volume->instance_id, "volume " + volume->name.str() + " leaves"));
    return announce_volume(row, "volume.detached");
  });
}

Result<Volume> PgTransaction::delete_volume(const VolumeId& id, IfMatch if_match) {
  return verb([&]() -> Result<Volume> {
    const auto volume = lock_volume_with(id, {});
    if (!volume) return volume.error();
    if (if_match && *if_match != volume->stamp.version) return stale(volume->stamp.version);
    if (volume->deleted_at) return volume;
    const auto row =
        work_->exec_params1("update volumes set instance_id = null, deleted_at = $2, " + touched() +
                                " where id = $1" + returning(),
                            id.str(), now());
    GANTRY_TRY(remount(volume->instance_id, "volume " + volume->name.str() + " is deleted"));
    return announce_volume(row, "volume.deleted");
  });
}

Result<Volume> PgTransaction::restore_volume(const VolumeId& id, const EnvironmentId& to) {
  return verb([&]() -> Result<Volume> {
    const auto place = place_of(to);
    if (!place) return place.error();
    GANTRY_TRY(lock_row("environments", to.str(), "environment", {}));
    const auto volume = lock_volume(id, {});
    if (!volume) return volume.error();
    if (!volume->deleted_at)
      return Error{Code::conflict, "not_deleted", "the volume is not deleted: nothing to restore"};
    const auto rows = work_->exec_params(
        "update volumes set deleted_at = null, project_id = $3, environment_id = $4, " + touched() +
            " where id = $1 and not purging" + returning(),
        id.str(), now(), place->project_id.str(), to.str());
    if (rows.empty())
      return Error{Code::conflict, "volume_purged",
                   "the grace period is over and the volume is being purged"};
    if (volume->project_id != place->project_id)  // out of the snapshot of the one that had it
      edit(volume->project_id, id.str() + "/left", record("volume.left", {volume->project_id}, ""),
           [id](ProjectSnapshot& project) { edits::drop_volume(project, id); });
    return announce_volume(rows[0], "volume.restored");
  });
}

// Before their surroundings go.
void PgTransaction::mark_volumes(const std::string& condition, const std::string& id) {
  for (const auto& row : work_->exec_params(
           "update volumes set deleted_at = coalesce(deleted_at, $2), instance_id = null, " +
               touched() + " where " + condition +
               " and (deleted_at is null or instance_id is not null)" + returning(),
           id, now()))
    announce_volume(row, "volume.deleted", "with what it belonged to");
}

Result<> PgTransaction::check_single(const InstanceId& id, const DeploySettings& deploy) {
  if (!several(deploy)) return done();
  const auto mounted = work_->exec_params(
      "select name from volumes where instance_id = $1 order by name limit 1", id.str());
  if (mounted.empty()) return done();
  return Error{Code::conflict, "volume_attached",
               "the service mounts the volume " + std::string(mounted[0][0].c_str()) +
                   ", which only one replica may write: detach it first, or stay at 1 replica"};
}

Result<> PgTransaction::set_volume_made(const VolumeId& id) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(check_lease());
    for (const auto& row : work_->exec_params("update volumes set made = true, " + touched() +
                                                  " where id = $1 and not made" + returning(),
                                              id.str(), now())) {
      const Volume volume = announce_volume(row, "volume.made");
      if (!volume.instance_id.empty()) notify(volume.instance_id);
    }
    return done();
  });
}

Result<> PgTransaction::set_volume_usage(const VolumeId& id, std::int64_t used_bytes) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(check_lease());
    const auto before = lock_volume(id, {});
    if (!before) return before.error();
    const std::int64_t change = used_bytes - before->used_bytes.value_or(-kSmallestChange);
    if (-kSmallestChange < change && change < kSmallestChange) return done();
    const auto row = work_->exec_params1(
        "update volumes set used_bytes = $2 where id = $1" + returning(), id.str(), used_bytes);
    const int was = percent_used(*before), is = percent_used(volume_from(row));
    const bool warns = std::any_of(std::begin(kVolumeWarnings), std::end(kVolumeWarnings),
                                   [&](int percent) { return was < percent && is >= percent; });
    announce_volume(row, warns ? "volume.filling" : "volume.measured",
                    warns ? std::to_string(is) +
                                "% of its budget is used: raise size_bytes or "
                                "make room before it is full"
                          : "");
    return done();
  });
}

Result<bool> PgTransaction::mark_purging(const VolumeId& id, TimePoint deleted_before) {
  return verb([&]() -> Result<bool> {
    GANTRY_TRY(check_lease());
    const auto rows = work_->exec_params(
        "update volumes set purging = true where id = $1 and deleted_at < $2 returning id",
        id.str(), format_time(deleted_before));
    return !rows.empty();
  });
}

Result<> PgTransaction::erase_volume(const VolumeId& id) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(check_lease());
    for (const auto& row : work_->exec_params(
             "delete from volumes where id = $1 and purging" + returning(), id.str())) {
      const Volume volume = volume_from(row);
      const Place place{.project_id = volume.project_id,
                        .environment_id = volume.environment_id.str()};
      edit(volume.project_id, id.str(),
           record("volume.purged", place, volume.name.str() + " " + id.str()),
           [id](ProjectSnapshot& project) { edits::drop_volume(project, id); });
    }
    return done();
  });
}

Result<> PgStore::record_volume_made(const VolumeId& id) {
  return alone(*this, [&](PgTransaction& work) { return work.set_volume_made(id); });
}
Result<> PgStore::record_volume_usage(const VolumeId& id, std::int64_t used_bytes) {
  return alone(*this, [&](PgTransaction& work) { return work.set_volume_usage(id, used_bytes); });
}
Result<bool> PgStore::claim_volume_purge(const VolumeId& id, TimePoint deleted_before) {
  return alone(*this, [&](PgTransaction& work) { return work.mark_purging(id, deleted_before); });
}
Result<> PgStore::record_volume_purged(const VolumeId& id) {
  return alone(*this, [&](PgTransaction& work) { return work.erase_volume(id); });
}

Result<std::vector<Volume>> PgStore::volumes() {
  return with_connection(pool_, [&](pqxx::connection& connection) -> Result<std::vector<Volume>> {
    pqxx::nontransaction work(connection);
    std::vector<Volume> found;
    for (const auto& row :
         work.exec(std::string("select ") + kVolumeColumns + " from volumes order by id"))
      found.push_back(volume_from(row));
    return found;
  });
}

}  // namespace gantry
