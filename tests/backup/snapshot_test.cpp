// Snapshots of services with several volumes: all of them, in one archive, and all back.
#include "tests/backup/runner_fixture.hpp"

namespace gantry::testing {
namespace {

using Words = std::vector<std::string>;

class BackupSnapshots : public BackupRunnerTest {
 protected:
  VolumeId mount(const InstanceId& instance, const std::string& name, const std::string& path) {
    const auto made = write(*store_, [&](Transaction& t) -> Result<Volume> {
      auto one = t.create_volume({environment_, name_of(name), 0});
      if (!one) return one;
      return t.attach_volume(one->id, instance, path);
    });
    EXPECT_TRUE(made) << made.error().detail;
    return made->id;
  }
  Backup snapshot_of(const InstanceId& id) {
    BackupRequest asked = wanted(id);
    asked.kind = BackupKind::snapshot;
    const auto begun = runner_->request(asked);
    EXPECT_TRUE(begun);
    settle();
    const auto made = *ledger_->backup(begun->id);
    EXPECT_EQ(made.status, BackupStatus::good) << made.reason;
    return made;
  }
  Restore restored(const Backup& backup, const InstanceId& to, bool fresh = false) {
    const auto asked = runner_->request_restore(backup.id, to, fresh);
    EXPECT_TRUE(asked);
    settle();
    return *ledger_->restore(asked->id);
  }
  // "name path" of each that is mounted, by path.
  Words mounted(const InstanceId& id) const {
    Words all;
    const auto project = store_->project_of(id);
    for (const Volume* one : project->volumes_of(id))
      all.push_back(one->name.str() + " " + one->mount_path);
    return all;
  }
  Words last_tar() const {
    for (const auto all = exec_.programs(); const auto& one : all)
      if (one.command[0] == "tar" && one.command.size() > 2 && !one.input) last_ = one.command;
    return last_;
  }
  int alive() const {
    int count = 0;
    const auto project = store_->project("shop");
    for (const auto& [id, one] : project->volumes) count += one->deleted_at ? 0 : 1;
    return count;
  }

 private:
  mutable Words last_;
};

TEST_F(BackupSnapshots, AllVolumesAreInItAndAllComeBack) {
  run();
  const auto id = database("app");
  const VolumeId data = mount(id, "data", "/srv/data");
  const VolumeId logs = mount(id, "logs", "/logs");
  const Backup made = snapshot_of(id);
  EXPECT_EQ(made.mounts, (Words{"/logs", "/srv/data"}));
  EXPECT_EQ(last_tar(), (Words{"tar", "-C", "/", "-cf", "-", "./logs", "./srv/data"}));
  EXPECT_EQ(ledger_->backup(made.id)->mounts, made.mounts) << "it is kept";

  const Restore given = restored(made, id);
  ASSERT_EQ(given.status, RestoreStatus::done) << given.reason;
  EXPECT_EQ(mounted(id), (Words{"logs /logs", "data /srv/data"})) << "by the names they had";
  const auto mounts = exec_.runs().back().mounts;
  ASSERT_EQ(mounts.size(), 2U);
  for (const Mount& one : mounts) {
    EXPECT_NE(one.volume_id, data);
    EXPECT_NE(one.volume_id, logs);
    EXPECT_EQ(store_->project("shop")->volumes.at(one.volume_id)->instance_id, id);
  }
  EXPECT_EQ(exec_.programs().back().command, (Words{"tar", "-C", "/", "-xpf", "-"}));
  EXPECT_EQ(exec_.programs().back().user, "0");
  const auto after = store_->project("shop");
  EXPECT_TRUE(after->volumes.at(data)->instance_id.empty()) << "the old ones stay, mounted nowhere";
  EXPECT_FALSE(after->volumes.at(data)->deleted_at);
  ASSERT_EQ(restored(made, id).status, RestoreStatus::done) << "and once more";
  EXPECT_EQ(alive(), 6);
}

TEST_F(BackupSnapshots, OneBelowAnotherIsTakenOnce) {
  run();
  const auto id = database("app");
  mount(id, "inner", "/data/deep");
  mount(id, "outer", "/data");
  mount(id, "beside", "/data-2");
  EXPECT_EQ(snapshot_of(id).mounts, (Words{"/data", "/data-2", "/data/deep"}));
  EXPECT_EQ(last_tar(), (Words{"tar", "-C", "/", "-cf", "-", "./data", "./data-2"}));
}

TEST_F(BackupSnapshots, OneGoesWhereverTheOneIsMounted) {
  run();
  const auto id = database("app");
  mount(id, "data", "/data");
  const Backup made = snapshot_of(id);
  EXPECT_EQ(last_tar(), (Words{"tar", "-C", "/data", "-cf", "-", "."}));
  const auto other = database("other");
  mount(other, "elsewhere", "/elsewhere");
  ASSERT_EQ(restored(made, other).status, RestoreStatus::done);
  EXPECT_EQ(exec_.programs().back().command, (Words{"tar", "-C", "/elsewhere", "-xpf", "-"}));
}

TEST_F(BackupSnapshots, WithoutAPlaceForEachNothingIsChanged) {
  run();
  const auto id = database("app");
  mount(id, "data", "/data");
  const VolumeId logs = mount(id, "logs", "/logs");
  const Backup made = snapshot_of(id);
  ASSERT_TRUE(write(*store_, [&](Transaction& t) { return t.detach_volume(logs); }));
  const Restore refused = restored(made, id);
  EXPECT_EQ(refused.status, RestoreStatus::failed);
  EXPECT_EQ(refused.reason,
            "the snapshot has /data, /logs, the service mounts /data: attach a volume at each of "
            "these paths first");
  EXPECT_EQ(mounted(id), (Words{"data /data"}));
  EXPECT_EQ(alive(), 2);
}

TEST_F(BackupSnapshots, WhatBreaksOffLeavesTheOldOnes) {
  run();
  const auto id = database("app");
  const VolumeId data = mount(id, "data", "/data");
  mount(id, "logs", "/logs");
  const Backup made = snapshot_of(id);
  exec_.fault(FakeFault{.program = "tar", .exit_code = 2, .says = "no space left"});
  const Restore broken = restored(made, id);
  EXPECT_EQ(broken.status, RestoreStatus::failed);
  EXPECT_NE(broken.reason.find("no space left"), std::string::npos) << broken.reason;
  EXPECT_EQ(mounted(id), (Words{"data /data", "logs /logs"}));
  EXPECT_EQ(store_->project("shop")->volumes.at(data)->instance_id, id);
  EXPECT_EQ(alive(), 2) << "halves are deleted";
}

TEST_F(BackupSnapshots, ANewServiceFindsItsDataAtItsFirstStart) {
  run([](BackupOptions& options) {
    options.deployed_within = Seconds(-1);
  });  // nobody deploys here
  const auto id = database("app");
  mount(id, "data", "/data");
  mount(id, "logs", "/logs");
  const Backup made = snapshot_of(id);
  const auto fresh = write(*store_, [&](Transaction& t) -> Result<ServiceInstance> {
    const auto one = t.create_service(project_->id, name_of("copy"));
    if (!one) return one.error();
    return t.create_instance(one->id, environment_,
                             store_->project_of(id)->instances.at(id)->instance.settings);
  });
  ASSERT_TRUE(fresh);
  const VolumeId first = mount(fresh->id, "copy", "/data");
  mount(fresh->id, "copy-2", "/logs");
  bool unpacked_first = false;
  exec_.on_program = [&](const std::string& program) {
    if (program == "tar")
      unpacked_first = store_->project_of(fresh->id)->instances.at(fresh->id)->deployments.empty();
  };
  EXPECT_NE(restored(made, fresh->id, true).reason.find("in time"), std::string::npos);
  EXPECT_TRUE(unpacked_first);
  EXPECT_EQ(exec_.runs().back().mounts[0].volume_id, first) << "into its own";
  EXPECT_EQ(exec_.runs().back().image, "fake:1");
  EXPECT_EQ(store_->project_of(fresh->id)->instances.at(fresh->id)->deployments.size(), 1U);
  EXPECT_EQ(alive(), 4);
}

}  // namespace
}  // namespace gantry::testing
