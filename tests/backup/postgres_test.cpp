// A whole round trip on real PostgreSQL containers, with the tools that its template names. Needs
// the engine's Exec and the templates; without them there is nothing here.
#if __has_include("runtime/docker/codec_exec.hpp") && __has_include("proto/template_catalogue.hpp")

#include "tests/support/postgres.hpp"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "proto/template_catalogue.hpp"
#include "runtime/backup/runner.hpp"
#include "runtime/docker/codec_exec.hpp"
#include "runtime/docker/docker.hpp"
#include "store/open_ledger.hpp"
#include "tests/backup/streams.hpp"

namespace gantry::testing {
namespace {

std::string engine_socket() {
  const char* named = std::getenv("GANTRY_TEST_ENGINE");
  return named != nullptr ? named : "/var/run/docker.sock";
}

constexpr const char* kContent = R"sql(
create role reader nologin;
create role "o'dd ""näme" login password 'x' connection limit 3;
grant reader to "o'dd ""näme";
create schema "Ünïcode ☃";
create table "Ünïcode ☃"."tab	name" (id serial primary key, "cöl" text not null);
insert into "Ünïcode ☃"."tab	name" ("cöl") select repeat('☃' || n, 20) from generate_series(1, 5000) n;
create table plain (a int, b bytea, c numeric(30, 10), d timestamptz, e jsonb, f text[]);
insert into plain select n, decode(md5(n::text), 'hex'), n / 7.0,
  '2026-11-29 03:00:00+00'::timestamptz + n * interval '1 s',
  jsonb_build_object('k', n, 'q', E'\\ \" \n'), array['a,b', '{}', null] from generate_series(1, 20000) n;
create function twice(n int) returns int language sql immutable as $$ select n * 2 $$;
create index plain_twice on plain (twice(a));
create view seen as select a from plain where a < 10;
grant select on seen to reader;
create sequence apart start 1000 increment 7;
select nextval('apart');
select lo_from_bytea(4711, decode(repeat('00ff0a5c', 100000), 'hex'));
create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C';
\connect latin
create table umlauts (t text);
insert into umlauts values ('äöüß'), (E'\t\\'), (null);
)sql";

class BackupPostgres : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store_ = open();
    ledger_ = open_backup_ledger(*store_);
    std::ifstream file(GANTRY_SOURCE_DIR "/deploy/templates/postgres.yaml");
    std::stringstream text;
    text << file.rdbuf();
    ASSERT_TRUE(templates_.add("postgres.yaml", text.str()).ok());
    DockerOptions docker{.socket_path = engine_socket(), .installation_id = store_->installation()};
    exec_ = make_docker_exec(docker);
    driver_ = make_docker_driver(docker);
    workbench_ = make_workbench(*exec_, [this](const SessionId& id) {
      return docker::one_off_name(store_->installation(), id);
    });
    make_service();
    make_runner();
  }
  void TearDown() override {
    runner_.reset();
    service_.reset();
    (void)driver_->remove_network(environment_.id);
  }

  NetworkSpec network() const {
    return {environment_.id, "gantry-backup-test-" + std::string(environment_.id.ulid()),
            "10.231." + std::to_string(::getpid() % 250) + ".0/24"};
  }
  void make_service() {
    const auto project =
        write(*store_, [](Transaction& t) { return t.create_project(name_of("shop")); });
    environment_ = store_->project("shop")->environments.begin()->second->environment;
    Settings settings;
    settings.source.image = *ImageRef::parse("postgres:17");
    settings.source.from_template = "postgres";
    const auto instance = write(*store_, [&](Transaction& t) -> Result<ServiceInstance> {
      const auto one = t.create_service(project->id, name_of("db"));
      if (!one) return one.error();
      return t.create_instance(one->id, environment_.id, settings);
    });
    ASSERT_TRUE(instance);
    instance_ = instance->id;
    const ResolvedVariables variables{
        {"POSTGRES_PASSWORD", "secret"}, {"POSTGRES_USER", "postgres"}, {"POSTGRES_DB", "railway"},
        {"PGUSER", "postgres"},          {"PGPASSWORD", "secret"},      {"PGDATABASE", "railway"}};
    const auto deployment = DeploymentId::make(system_clock().now());
    ASSERT_TRUE(write(*store_, [&](Transaction& t) {
      return t.create_deployment({.instance_id = instance_,
                                  .id = deployment,
                                  .settings = settings,
                                  .variables = variables,
                                  .trigger = "deploy",
                                  .progress = {true, "postgres:17", true}});
    }));
    ASSERT_TRUE(store_->record_status({deployment, instance_, DeploymentStatus::success, ""}));
    auto started = workbench_->start({.session_id = SessionId::make(system_clock().now()),
                                      .instance_id = instance_,
                                      .environment_id = environment_.id,
                                      .image = "postgres:17",
                                      .command = {},
                                      .variables = variables,
                                      .network = network(),
                                      .input = false});
    ASSERT_TRUE(started) << started.error().detail;
    service_ = std::move(*started);
    Replica replica;
    replica.key = {deployment, 0, 0};
    replica.instance_id = instance_;
    replica.status = ReplicaStatus::running;
    replica.ready = true;
    replica.container_id = service_->container_id();
    ASSERT_TRUE(store_->record_replica(replica));
    bool ready = false;
    for (int i = 0; i < 300 && !ready; ++i) {
      ready = in({"pg_isready", "-h", "127.0.0.1", "-q"}).ok() && i > 10;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    ASSERT_TRUE(ready) << service_->last_words();
  }
  void make_runner() {
    std::array<unsigned char, 32> master{};
    BackupOptions options{.key = VaultKey::of(master),
                          .local_path = directory_.path() + "/backups"};
    options.network = [this](const Environment&) { return network(); };
    options.tick = std::chrono::milliseconds(200);
    options.drill_interval = std::chrono::hours(24 * 3650);
    options.log = [](const std::string& text) { std::cerr << text << "\n"; };
    runner_ = std::make_unique<BackupRunner>(
        BackupPorts{*store_, *ledger_, *exec_, *workbench_,
                    [this](std::string_view name) { return template_service(templates_, name); },
                    system_clock()},
        options);
    runner_->start();
  }
  Result<std::string> in(std::vector<std::string> command, ByteSource* input = nullptr) {
    return run_in(*exec_, {.container_id = service_->container_id(), .command = std::move(command)},
                  "a program", input, {});
  }
  void psql(const std::string& sql) {
    TextSource source(sql);
    const auto done =
        in({"psql", "-h", "/var/run/postgresql", "-XAtq", "-v", "ON_ERROR_STOP=1"}, &source);
    ASSERT_TRUE(done) << done.error().detail;
  }
  template <class F>
  void wait_for(F&& condition) {
    for (int i = 0; i < 1500 && !condition(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ASSERT_TRUE(condition());
  }
  Backup take() {
    const auto asked = runner_->request(
        {.origin = *origin_in(store_->project("shop"), instance_), .from_template = "postgres"});
    EXPECT_TRUE(asked);
    const auto look = [&] { return *ledger_->backup(asked->id); };
    wait_for([&] {
      return look().status == BackupStatus::good || look().status == BackupStatus::failed;
    });
    EXPECT_EQ(look().status, BackupStatus::good) << look().reason;
    return look();
  }
  // Without the two lines that pg_dump makes up anew each time.
  std::vector<std::string> content(const Backup& backup) {
    std::istringstream lines(*read_all(**runner_->content(backup)));
    std::vector<std::string> all;
    for (std::string line; std::getline(lines, line);)
      if (!line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")) all.push_back(line);
    return all;
  }
  void restore(const Backup& backup) {
    const auto asked = runner_->request_restore(backup.id, instance_, false);
    ASSERT_TRUE(asked);
    const auto look = [&] { return *ledger_->restore(asked->id); };
    wait_for([&] {
      return look().status == RestoreStatus::done || look().status == RestoreStatus::failed;
    });
    ASSERT_EQ(look().status, RestoreStatus::done) << look().reason;
    EXPECT_FALSE(look().safety_id.empty());
  }

  std::unique_ptr<Store> store_;
  std::unique_ptr<BackupLedger> ledger_;
  TemplateCatalogue templates_;
  std::unique_ptr<Exec> exec_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<Workbench> workbench_;
  Environment environment_;
  InstanceId instance_;
  std::unique_ptr<ThrowAway> service_;
  std::unique_ptr<BackupRunner> runner_;
};

TEST_F(BackupPostgres, ADumpOfEverythingIsTheSameAfterItWasRestored) {
  psql(kContent);
  const Backup first = take();
  EXPECT_EQ(first.before.size(), 3U);
  EXPECT_EQ(first.before.at("public.plain"), 20000);
  EXPECT_EQ(first.before.at("latin/public.umlauts"), 3) << "every database is counted";
  EXPECT_EQ(first.before, first.after);
  psql("drop view seen; drop table plain; drop database latin; select lo_unlink(4711);");
  restore(first);
  const Backup second = take();
  const auto one = content(first), two = content(second);
  EXPECT_GT(one.size(), 25000U);
  for (std::size_t i = 0; i < std::min(one.size(), two.size()); ++i)
    ASSERT_EQ(one[i], two[i]) << "line " << i;
  EXPECT_EQ(one.size(), two.size());
  EXPECT_EQ(first.after, second.after);
  ASSERT_TRUE(runner_->request_drill(second.id));
  wait_for([&] {
    const Backup now = *ledger_->backup(second.id);
    return now.verified_at || !now.verify_reason.empty();
  });
  EXPECT_TRUE(ledger_->backup(second.id)->verified_at) << ledger_->backup(second.id)->verify_reason;
}

}  // namespace
}  // namespace gantry::testing

#endif
