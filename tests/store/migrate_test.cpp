#include "store/migrate.hpp"

#include <future>

#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

using StoreMigrations = StoreTest;

TEST_F(StoreMigrations, RunOnceAndAreRecorded) {
  { auto store = open(); }
  { auto store = open(); }
  EXPECT_EQ(sql("select count(*) from schema_migrations")[0][0].as<std::size_t>(),
            own_migrations().size());
}

TEST_F(StoreMigrations, ManyDaemonsAtOnceInstallOnce) {
  std::vector<std::future<bool>> starts;
  std::atomic<int> tokens = 0;
  StoreOptions shared = options();
  shared.connections = 2;
  shared.on_first_token = [&](const std::string&) -> Result<> {
    ++tokens;
    return done();
  };
  for (int i = 0; i < 6; ++i)
    starts.push_back(std::async(std::launch::async, [&] { return open_store(shared).ok(); }));
  for (auto& start : starts) EXPECT_TRUE(start.get());
  EXPECT_EQ(tokens, 1);
}

TEST_F(StoreMigrations, ANewerOrAlteredDatabaseIsRefused) {
  { auto store = open(); }
  sql("insert into schema_migrations (number, name, checksum) values (9999, '9999_future.sql', "
      "'x')");
  const auto newer = open_store(options());
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().reason, "database_newer");
  sql("delete from schema_migrations where number = 9999; update schema_migrations set checksum = "
      "'other' where number = 1");
  const auto altered = open_store(options());
  ASSERT_FALSE(altered.ok());
  EXPECT_EQ(altered.error().reason, "migration_altered");
}

TEST_F(StoreMigrations, AFailingOneLeavesNothingHalfDone) {
  pqxx::connection connection(database_);
  const Migrations broken{{"0001_a.sql", "create table a (x int);"},
                          {"0002_b.sql", "create table b (x int); create table a (x int);"}};
  EXPECT_THROW((void)migrate(connection, broken), pqxx::sql_error);
  EXPECT_EQ(sql("select count(*) from schema_migrations")[0][0].as<int>(), 1);
  EXPECT_TRUE(sql("select to_regclass('b')")[0][0].is_null());
}

TEST_F(StoreMigrations, AnUnreachableDatabaseIsUnavailable) {
  StoreOptions nowhere = options();
  nowhere.database = "host=/nonexistent dbname=x";
  EXPECT_EQ(open_store(nowhere).error().code, Code::unavailable);
}

}  // namespace
}  // namespace gantry
