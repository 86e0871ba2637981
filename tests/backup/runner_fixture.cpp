#include "tests/backup/runner_fixture.hpp"

#include <filesystem>

namespace gantry::testing {

void BackupRunnerTest::SetUp() {
  StoreTest::SetUp();
  store_ = open();
  ledger_ = open_backup_ledger(*store_);
  volumes_.emplace(engine_, store_->installation());
  const auto made =
      write(*store_, [&](Transaction& t) { return t.create_project(name_of("shop")); });
  ASSERT_TRUE(made);
  project_ = *made;
  environment_ = store_->project("shop")->environments.begin()->first;
}

void BackupRunnerTest::run(const std::function<void(BackupOptions&)>& change) {
  std::array<unsigned char, 32> master{};
  master.fill(9);
  BackupOptions options{.key = VaultKey::of(master),
                        .local_path = directory_.path() + "/backups",
                        .network = [](const Environment& one) {
                          return NetworkSpec{one.id, "", ""};
                        }};
  options.tick = std::chrono::hours(1);
  options.pause = std::chrono::milliseconds(1);
  if (change) change(options);
  runner_.reset();
  runner_ = std::make_unique<BackupRunner>(
      BackupPorts{*store_, *ledger_, exec_, *workbench_, fake_template, clock_, &*volumes_},
      options);
  runner_->start();
}

InstanceId BackupRunnerTest::database(const std::string& service, FakeDatabase content) {
  Settings settings;
  settings.source.image = *ImageRef::parse("fake:1");
  settings.source.from_template = "fake";
  const auto made = write(*store_, [&](Transaction& t) -> Result<ServiceInstance> {
    const auto one = t.create_service(project_->id, name_of(service));
    if (!one) return one.error();
    return t.create_instance(one->id, environment_, settings);
  });
  EXPECT_TRUE(made) << made.error().detail;
  const auto deployment = DeploymentId::make(system_clock().now());
  EXPECT_TRUE(write(*store_, [&](Transaction& t) {
    return t.create_deployment({made->id, deployment, settings, {{"PASSWORD", "x"}}, "deploy"});
  }));
  EXPECT_TRUE(store_->record_status({deployment, made->id, DeploymentStatus::success, ""}));
  Replica replica;
  replica.key = {deployment, 0, 0};
  replica.instance_id = made->id;
  replica.status = ReplicaStatus::running;
  replica.ready = true;
  replica.container_id = "c-" + service;
  EXPECT_TRUE(store_->record_replica(replica));
  exec_.set(replica.container_id, std::move(content));
  return made->id;
}

BackupRequest BackupRunnerTest::wanted(const InstanceId& id) const {
  return {.origin = *origin_in(store_->project_of(id), id), .from_template = "fake"};
}

void BackupRunnerTest::settle() {
  for (int round = 0; round < 2; ++round) {
    const auto looked = runner_->look();
    EXPECT_TRUE(looked) << looked.error().detail;
    for (int i = 0; i < 2000 && runner_->pending() > 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(runner_->pending(), 0);
  }
}

std::vector<Backup> BackupRunnerTest::backups(const InstanceId& id) const {
  return *ledger_->backups({.instance_id = id});
}

Backup BackupRunnerTest::good_one(const InstanceId& id) {
  EXPECT_TRUE(runner_->request(wanted(id)));
  settle();
  const Backup made = last(id);
  EXPECT_EQ(made.status, BackupStatus::good) << made.reason;
  return made;
}

std::vector<std::string> BackupRunnerTest::events(const std::string& type) const {
  std::vector<std::string> messages;
  for (const Event& one : *store_->events({}, "", 1000))
    if (one.type == type) messages.push_back(one.message);
  return messages;
}

int BackupRunnerTest::objects() const {
  int count = 0;
  std::error_code error;
  for (const auto& one :
       std::filesystem::recursive_directory_iterator(directory_.path() + "/backups", error))
    count += one.is_regular_file() ? 1 : 0;
  return count;
}

}  // namespace gantry::testing
