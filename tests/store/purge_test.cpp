#include "store/purge.hpp"

#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

using StorePurge = StoreTest;

class StorePurgeRows : public StoreTest {
 protected:
  void add_events(int count, const std::string& age) {
    sql("insert into events (type, project_id, environment_id, service_id, instance_id, "
        "deployment_id, replica_id, message, token_id, request_id, at) select 'test', '', '', '', "
        "'', '', '', '" +
        age + "', '', '', now() - interval '" + age + "' from generate_series(1, " +
        std::to_string(count) + ")");
  }
  Purged purge(const HistoryLimits& limits) {
    pqxx::connection connection(database_);
    return purge_history(connection, system_clock().now(), limits);
  }
  int count(const std::string& table) {
    return sql("select count(*) from " + table)[0][0].as<int>();
  }
};

TEST_F(StorePurgeRows, OldEventsGoAndYoungOnesStay) {
  auto store = open();
  add_events(25, "31 days");
  add_events(10, "29 days");
  const std::string cursor = store->events({}, "", 3)->back().cursor;
  EXPECT_EQ(purge({.batch = 10, .batches_max = 40}), Purged::all);
  EXPECT_EQ(count("events"), 10);
  EXPECT_EQ(store->events({}, cursor, 100)->size(), 10u) << "a purged cursor goes on";
}

TEST_F(StorePurgeRows, TheOldestGoWhenThereAreTooMany) {
  auto store = open();
  add_events(30, "2 days");
  add_events(20, "1 day");
  EXPECT_EQ(purge({.events_max = 20, .batch = 7}), Purged::all);
  EXPECT_EQ(count("events"), 20);
  EXPECT_EQ(count("events where message = '1 day'"), 20);
}

TEST_F(StorePurgeRows, ARunDoesItsShareAndSaysThatMoreIsDue) {
  auto store = open();
  add_events(50, "40 days");
  EXPECT_EQ(purge({.batch = 10, .batches_max = 2}), Purged::some);
  EXPECT_EQ(count("events"), 30);
}

TEST_F(StorePurgeRows, ExpiredIdempotencyKeysGo) {
  auto store = open();
  for (const char* key : {"old", "new"}) {
    auto t = store->begin({});
    ASSERT_TRUE((*t)->remember_idempotency({key, "tok", "", "", 200, "", "", ""}).ok());
    ASSERT_TRUE((*t)->commit().ok());
  }
  sql("update idempotency_keys set created_at = created_at - interval '25 hours' where key = "
      "'old'");
  EXPECT_EQ(purge({}), Purged::all);
  EXPECT_EQ(count("idempotency_keys"), 1);
}

TEST_F(StorePurge, OpeningAStorePurges) {
  {
    auto store = open();
    ASSERT_TRUE(write(*store, [](Transaction& t) { return t.create_project(name_of("p")); }).ok());
  }
  sql("update events set at = at - interval '31 days'");
  auto store = open();
  EXPECT_TRUE(store->events({}, "", 10)->empty());
}

}  // namespace
}  // namespace gantry
