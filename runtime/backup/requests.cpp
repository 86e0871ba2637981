// What people ask: answered at once, carried out by the runner.
#include <algorithm>

#include "runtime/backup/runner.hpp"
#include "runtime/build/sha256.hpp"

namespace gantry {
namespace {

// Keeps what it reads from alive.
class HeldSource final : public ByteSource {
 public:
  HeldSource(std::shared_ptr<Destination> place, std::unique_ptr<ByteSource> plain)
      : place_(std::move(place)), plain_(std::move(plain)) {}
  Result<std::string> read() override { return plain_->read(); }

 private:
  std::shared_ptr<Destination> place_;
  std::unique_ptr<ByteSource> plain_;
};

class CountedSink final : public ByteSink {
 public:
  explicit CountedSink(std::unique_ptr<ByteSink> out) : out_(std::move(out)) {}
  Result<> write(std::string_view bytes) override {
    count += static_cast<std::int64_t>(bytes.size());
    return out_->write(bytes);
  }
  Result<> finish() override { return out_->finish(); }
  std::int64_t count = 0;

 private:
  std::unique_ptr<ByteSink> out_;
};

class Intake final : public BackupIntake {
 public:
  Intake(Backup backup, const VaultKey& key, std::shared_ptr<Destination> place,
         std::unique_ptr<ByteSink> object, BackupLedger& ledger, const Clock& clock)
      : backup_(std::move(backup)),
        key_(key),
        place_(std::move(place)),
        object_(std::move(object)),
        sealed_(seal_into(key_, label_of(backup_), object_)),
        ledger_(ledger),
        clock_(clock) {}

  Result<> write(std::string_view bytes) override {
    sum_.add(bytes);
    return sealed_->write(bytes);
  }
  Result<Backup> finish() override {
    if (sum_.bytes() == 0) return invalid("", "empty_copy", "the dump has no bytes");
    GANTRY_TRY(sealed_->finish());
    backup_.bytes = sum_.bytes();
    backup_.stored_bytes = object_.count;
    backup_.sha256 = sum_.hex();
    auto checked =
        check_copy(copied_of(backup_), key_, *place_, backup_.object_key, label_of(backup_));
    if (checked) {
      backup_.status = BackupStatus::good;
      backup_.finished_at = clock_.now();
      checked = ledger_.add_backup(backup_);
    }
    if (checked) return backup_;
    (void)place_->remove(backup_.object_key);
    return checked.error();
  }

 private:
  Backup backup_;
  const VaultKey key_;
  std::shared_ptr<Destination> place_;
  CountedSink object_;
  std::unique_ptr<ByteSink> sealed_;
  Sha256 sum_;
  BackupLedger& ledger_;
  const Clock& clock_;
};

Error not_good() { return {Code::conflict, "not_good", "the backup is not good"}; }

}  // namespace

bool BackupRunner::dumps(std::string_view from_template) const {
  if (from_template.empty()) return false;
  const TemplateService* made_from = ports_.made_from(from_template);
  return made_from != nullptr && !made_from->tools.dump.empty();
}

Result<Backup> BackupRunner::new_backup(const BackupRequest& wanted) {
  const auto place = jobs_.places().find(wanted.destination);
  if (!place) return place.error();
  Backup backup;
  backup.id = BackupId::make(ports_.clock.now());
  backup.origin = wanted.origin;
  backup.from_template = wanted.from_template;
  backup.kind = wanted.kind;
  backup.trigger = wanted.trigger;
  backup.schedule = wanted.schedule;
  backup.destination = place->name;
  backup.object_key = object_key_of(backup);
  const TemplateService* made_from = ports_.made_from(wanted.from_template);
  backup.extension = wanted.kind == BackupKind::snapshot ? "tar"
                     : made_from != nullptr              ? made_from->tools.dump_extension
                                                         : "dump";
  backup.created_at = ports_.clock.now();
  if (wanted.trigger != BackupTrigger::upload) GANTRY_TRY(ports_.ledger.add_backup(backup));
  return backup;
}

Result<Backup> BackupRunner::request(const BackupRequest& wanted) {
  if (wanted.kind == BackupKind::dump && !dumps(wanted.from_template))
    return Error{Code::conflict, "no_dump",
                 "the service was made from no template that says how it is dumped: ask for a "
                 "snapshot of its volume"};
  auto backup = new_backup(wanted);
  if (backup) wake();
  return backup;
}

Result<Restore> BackupRunner::request_restore(const BackupId& id, const InstanceId& to,
                                              bool fresh) {
  const auto backup = ports_.ledger.backup(id);
  if (!backup) return backup.error();
  if (backup->status != BackupStatus::good) return not_good();
  Restore restore;
  restore.id = RestoreId::make(ports_.clock.now());
  restore.backup_id = id;
  restore.instance_id = to;
  restore.fresh = fresh;
  restore.created_at = ports_.clock.now();
  GANTRY_TRY(ports_.ledger.add_restore(restore));
  wake();
  return restore;
}

Result<> BackupRunner::request_drill(const BackupId& id) {
  const auto backup = ports_.ledger.backup(id);
  if (!backup) return backup.error();
  if (backup->status != BackupStatus::good) return not_good();
  if (!backup->drill_asked_at) GANTRY_TRY(ports_.ledger.record_drill(id, ports_.clock.now(), 0));
  wake();
  return done();
}

Result<std::unique_ptr<ByteSource>> BackupRunner::content(const Backup& backup) {
  if (backup.status != BackupStatus::good) return not_good();
  auto place = jobs_.places().open(backup.destination);
  if (!place) return place.error();
  auto plain =
      open_copy(copied_of(backup), options_.key, **place, backup.object_key, label_of(backup));
  if (!plain) return plain.error();
  return std::unique_ptr<ByteSource>(std::make_unique<HeldSource>(*place, std::move(*plain)));
}

Result<std::unique_ptr<BackupIntake>> BackupRunner::receive(const BackupRequest& wanted) {
  BackupRequest upload = wanted;
  upload.trigger = BackupTrigger::upload;
  auto backup = new_backup(upload);
  if (!backup) return backup.error();
  auto place = jobs_.places().open(backup->destination);
  if (!place) return place.error();
  auto object = (*place)->put(backup->object_key);
  if (!object) return object.error();
  return std::unique_ptr<BackupIntake>(std::make_unique<Intake>(
      *std::move(backup), options_.key, *place, std::move(*object), ports_.ledger, ports_.clock));
}

Result<> BackupRunner::remove(const BackupId& id, bool even_verified) {
  const auto backup = ports_.ledger.backup(id);
  if (!backup) return backup.error();
  if (backup->locked)
    return Error{Code::conflict, "backup_locked", "the backup is locked: unlock it first"};
  if (backup->status == BackupStatus::running)
    return Error{Code::conflict, "backup_running", "the backup is being taken: wait for its end"};
  const auto others = ports_.ledger.backups({.instance_id = backup->origin.instance_id});
  if (!others) return others.error();
  if (backup->verified_at && !even_verified &&
      last_verified_restore(*others) == backup->verified_at)
    return Error{Code::conflict, "last_verified",
                 "it is the last copy that was proved to be restorable: verify another one first, "
                 "or say force=true"};
  return jobs_.expire(*backup, "a person deleted it");
}

Result<> BackupRunner::add_destination(BackupDestination wanted) {
  wanted.created_at = ports_.clock.now();
  const auto opened = open_destination(wanted);
  if (!opened) return opened.error();
  const std::string key = "gantry-destination-check";
  const std::string text = "written to see whether it can be, " + format_time(wanted.created_at);
  auto sink = (*opened)->put(key);
  if (!sink) return sink.error();
  GANTRY_TRY((*sink)->write(text));
  GANTRY_TRY((*sink)->finish());
  const auto source = (*opened)->get(key);
  if (!source) return source.error();
  const auto read = (*source)->read();
  if (!read) return read.error();
  if (*read != text)
    return Error{Code::conflict, "destination_refused", "what was written reads as something else"};
  GANTRY_TRY((*opened)->remove(key));
  return ports_.ledger.put_destination(wanted);
}

Result<Backups::Overview> BackupRunner::overview(const InstanceId& id,
                                                 std::string_view from_template) {
  auto backups = ports_.ledger.backups({.instance_id = id});
  if (!backups) return backups.error();
  const auto plan = ports_.ledger.schedules(id);
  if (!plan) return plan.error();
  Overview found;
  found.backups = *std::move(backups);
  if (plan->has_value())
    found.schedules = (*plan)->schedules;
  else if (dumps(from_template))
    found.schedules = *backup_profile("standard");
  found.last_verified_restore = last_verified_restore(found.backups);
  const TimePoint now = ports_.clock.now();
  found.alerts = backup_alerts(found.backups, found.schedules,
                               plan->has_value() ? (*plan)->since : now, options_.alerts, now);
  return found;
}

}  // namespace gantry
