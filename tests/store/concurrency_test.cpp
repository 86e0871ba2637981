#include <random>
#include <set>

#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

using StoreConcurrency = StoreTest;

// What memory holds of an instance's variables: name, version and value.
std::map<std::string, std::pair<std::int64_t, std::string>> variables_of(Store& store,
                                                                         const InstanceId& id) {
  std::map<std::string, std::pair<std::int64_t, std::string>> found;
  const auto project = store.project_of(id);
  for (const auto& [name, variable] : *project->instances.at(id)->variables)
    found[name] = {variable.stamp.version, variable.value};
  return found;
}

TEST_F(StoreConcurrency, MemoryEqualsTheDatabaseAndEachSeesItsOwnWrite) {
  auto store = open();
  const World w = make_world(*store);
  std::atomic<bool> over = false;
  std::atomic<int> lost = 0;
  std::jthread reloader([&] {
    while (!over) EXPECT_TRUE(store->reload().ok());
  });
  {
    std::vector<std::jthread> writers;
    for (int n = 0; n < 8; ++n)
      writers.emplace_back([&, n] {
        std::mt19937 random(static_cast<unsigned>(n));
        for (int i = 0; i < 120; ++i) {
          const std::string shared = "K" + std::to_string(random() % 4);
          const std::string own = "T" + std::to_string(n);
          if (random() % 4 == 0) {
            (void)write(*store, [&](Transaction& t) {
              return t.delete_variable(w.instance.id, shared, {});
            });
            continue;
          }
          const std::string value = std::to_string(n) + ":" + std::to_string(i);
          EXPECT_TRUE(write(*store, [&](Transaction& t) -> Result<Variable> {
                        if (auto own_put = t.put_variable(w.instance.id, own, value, {}); !own_put)
                          return own_put;
                        return t.put_variable(w.instance.id, shared, value, {});
                      }).ok());
          const auto seen = variables_of(*store, w.instance.id);
          if (!seen.contains(own) || seen.at(own).second != value) ++lost;
        }
      });
  }
  over = true;
  reloader.join();
  EXPECT_EQ(lost, 0);
  const auto memory = variables_of(*store, w.instance.id);
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(memory, variables_of(*store, w.instance.id));
}

TEST_F(StoreConcurrency, MemoryEqualsTheDatabaseWithoutReloads) {
  auto store = open();
  const World w = make_world(*store);
  {
    std::vector<std::jthread> writers;
    for (int n = 0; n < 8; ++n)
      writers.emplace_back([&, n] {
        for (int i = 0; i < 150; ++i)
          (void)write(*store, [&](Transaction& t) {
            return t.put_variable(w.instance.id, "HOT", std::to_string(n * 1000 + i), {});
          });
      });
  }
  const auto memory = variables_of(*store, w.instance.id);
  EXPECT_EQ(memory.at("HOT").first, 8 * 150);
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(memory, variables_of(*store, w.instance.id));
}

TEST_F(StoreConcurrency, OnlyOneDeploymentStaysPending) {
  auto store = open();
  const World w = make_world(*store);
  {
    std::vector<std::jthread> writers;
    for (int n = 0; n < 6; ++n)
      writers.emplace_back([&] {
        for (int i = 0; i < 15;) {
          const auto made = write(*store, [&](Transaction& t) {
            return t.create_deployment(
                {w.instance.id, DeploymentId::make(system_clock().now()), {}, {}, "deploy"});
          });
          if (made)
            ++i;
          else
            EXPECT_EQ(made.error().reason, "superseded");
        }
      });
  }
  const auto list = [&] {
    std::vector<std::pair<std::string, DeploymentStatus>> all;
    const auto project = store->project_of(w.instance.id);
    for (const auto& d : project->instances.at(w.instance.id)->deployments)
      all.emplace_back(d->id.str(), d->status);
    return all;
  };
  const auto memory = list();
  EXPECT_EQ(memory.size(), 90u);
  EXPECT_EQ(std::count_if(memory.begin(), memory.end(),
                          [](const auto& d) { return d.second == DeploymentStatus::queued; }),
            1);
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(memory, list());
}

// A row written behind the store's back stands for the write whose answer was lost.
TEST_F(StoreConcurrency, ACommitInDoubtMakesTheStoreReadAgain) {
  auto store = open();
  const World w = make_world(*store);
  auto t = store->begin({});
  ASSERT_TRUE((*t)->put_variable(w.instance.id, "LOST", "v", {}).ok());
  sql("update projects set name = 'told-nobody'");
  sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
      "and state = 'idle in transaction'");
  const auto committed = (*t)->commit();
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code, Code::unavailable);
  EXPECT_EQ(committed.error().reason, "commit_in_doubt");
  t->reset();
  for (int i = 0; i < 100 && !store->project("told-nobody"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_NE(store->project("told-nobody"), nullptr);
  EXPECT_FALSE(variables_of(*store, w.instance.id).contains("LOST"));
  EXPECT_TRUE(write(*store, [&](Transaction& o) {
                return o.put_variable(w.instance.id, "A", "v", {});
              }).ok());
}

TEST_F(StoreConcurrency, APollingReaderSeesEachEventExactlyOnce) {
  auto store = open();
  const World w = make_world(*store);
  std::string cursor = *store->latest_cursor();
  std::set<std::string> written;
  std::mutex mutex;
  std::atomic<int> running = 8;
  std::vector<std::jthread> writers;
  for (int n = 0; n < 8; ++n)
    writers.emplace_back([&, n] {
      std::mt19937 random(static_cast<unsigned>(n));
      for (int i = 0; i < 40; ++i) {
        auto t = store->begin({});
        std::vector<std::string> names;
        for (unsigned k = 0; k < 1 + random() % 3; ++k) {
          names.push_back("N" + std::to_string(n) + "_" + std::to_string(i) + "_" +
                          std::to_string(k));
          EXPECT_TRUE((*t)->put_variable(w.instance.id, names.back(), "v", {}).ok());
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
        }
        if (random() % 5 == 0) continue;  // rolled back
        EXPECT_TRUE((*t)->commit().ok());
        const std::scoped_lock lock(mutex);
        written.insert(names.begin(), names.end());
      }
      --running;
    });
  std::vector<std::string> read;
  for (bool last = false; !last;) {
    last = running == 0;
    for (;;) {
      EventFilter filter;
      filter.project_id = w.project.id;
      const auto events = store->events(filter, cursor, 7);
      ASSERT_TRUE(events.ok());
      if (events->empty()) break;
      for (const auto& event : *events) {
        ASSERT_LT(cursor, event.cursor);
        cursor = event.cursor;
        read.push_back(event.message);
      }
    }
  }
  EXPECT_EQ(std::set<std::string>(read.begin(), read.end()), written);
  EXPECT_EQ(read.size(), written.size());
  EXPECT_EQ(cursor, *store->latest_cursor());
  EXPECT_EQ(store->events({}, "rubbish", 5).error().reason, "invalid_cursor");
}

TEST_F(StoreConcurrency, OneOfTwoRequestsWithTheSameKeyGoesOn) {
  auto store = open();
  auto one = store->begin({});
  auto two = store->begin({});
  const auto first = (*one)->find_idempotency("k", "tok");
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first->has_value());
  const auto second = (*two)->find_idempotency("k", "tok");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().reason, "idempotency_key_in_flight");
  EXPECT_TRUE((*two)->find_idempotency("k", "another token").ok());
  two->reset();
  ASSERT_TRUE((*one)
                  ->remember_idempotency(
                      {"k", "tok", "POST /v1/x", "abc", 201, "{\"a\":1}", "\"v1\"", "/v1/x/1"})
                  .ok());
  ASSERT_TRUE((*one)->commit().ok());
  auto three = store->begin({});
  const auto found = (*three)->find_idempotency("k", "tok");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->body, "{\"a\":1}");
  EXPECT_EQ((*found)->status, 201);
  EXPECT_EQ((*found)->location, "/v1/x/1");
  three->reset();
  sql("update idempotency_keys set created_at = created_at - interval '25 hours'");
  auto four = store->begin({});
  EXPECT_FALSE((*four)->find_idempotency("k", "tok")->has_value());
  ASSERT_TRUE((*four)->remember_idempotency({"other", "tok", "", "", 200, "", "", ""}).ok());
  ASSERT_TRUE((*four)->commit().ok());
  EXPECT_EQ(sql("select count(*) from idempotency_keys")[0][0].as<int>(), 1)
      << "expired ones are purged";
}

}  // namespace
}  // namespace gantry
