#include "tests/support/postgres.hpp"

#include <filesystem>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry {
namespace {

struct SharedCluster {
  TemporaryDirectory directory;
  EmbeddedPostgresOptions options = postgres_options(directory.path());
  Result<std::string> conninfo = start_embedded_postgres(options);
  ~SharedCluster() { (void)stop_embedded_postgres(options, 20); }
};

SharedCluster& shared_cluster() {
  static SharedCluster cluster;
  return cluster;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  char pattern[] = "/tmp/gantry-XXXXXX";
  path_ = ::mkdtemp(pattern);
  ::chmod(path_.c_str(), 0755);
}
TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

EmbeddedPostgresOptions postgres_options(const std::string& data_dir) {
  EmbeddedPostgresOptions options;
  options.data_dir = data_dir;
  if (const passwd* user = ::getpwnam("postgres")) {
    options.uid = user->pw_uid;
    options.gid = user->pw_gid;
  }
  return options;
}

void StoreTest::SetUp() {
  SharedCluster& cluster = shared_cluster();
  ASSERT_TRUE(cluster.conninfo.ok()) << cluster.conninfo.error().detail;
  static int count = 0;
  const std::string database = "test_" + std::to_string(++count);
  pqxx::connection connection(*cluster.conninfo);
  pqxx::nontransaction(connection).exec("create database " + database);
  database_ = *cluster.conninfo + " dbname=" + database;
}

StoreOptions StoreTest::options() const {
  StoreOptions options;
  options.database = database_;
  options.key_file = directory_.path() + "/key";
  options.on_first_token = [this](const std::string& secret) -> Result<> {
    first_token_ = secret;
    return done();
  };
  return options;
}

std::unique_ptr<Store> StoreTest::open() const {
  auto store = open_without_lease();
  EXPECT_TRUE(store->hold_lease("tests", std::chrono::hours(1)).ok());
  return store;
}

std::unique_ptr<Store> StoreTest::open_without_lease() const {
  auto store = open_store(options());
  if (!store) {
    ADD_FAILURE() << store.error().reason << ": " << store.error().detail;
    throw std::runtime_error("no store");
  }
  return *std::move(store);
}

pqxx::result StoreTest::sql(const std::string& statement) const {
  pqxx::connection connection(database_);
  return pqxx::nontransaction(connection).exec(statement);
}

StoreTest::World StoreTest::make_world(Store& store, const std::string& name) {
  World world;
  auto made = write(store, [&](Transaction& t) -> Result<> {
    world.project = *t.create_project(name_of(name));
    world.service = *t.create_service(world.project.id, name_of("web"));
    return done();
  });
  EXPECT_TRUE(made.ok());
  world.environment = store.project(name)->environment("production")->environment.id;
  auto instance = write(store, [&](Transaction& t) {
    return t.create_instance(world.service.id, world.environment, Settings{});
  });
  EXPECT_TRUE(instance.ok()) << instance.error().detail;
  world.instance = *instance;
  return world;
}

Name name_of(const std::string& text) { return *Name::parse(text); }

}  // namespace gantry
