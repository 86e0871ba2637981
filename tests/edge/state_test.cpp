#include "runtime/edge/state.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/files.hpp"
#include "tests/edge/worlds.hpp"

namespace gantry {
namespace {

class EdgeState : public ::testing::Test {
 protected:
  EdgeState() : folder_(::testing::TempDir() + "gantry_state_" + std::to_string(::getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~EdgeState() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  // Changes both as an edge does.
  void change(StateFile& file, RouteTable& table, const Route& route) {
    const auto plan = *table.plan({route});
    StateRecord record{table.generation() + 1, table.slots(), {}};
    for (const auto& step : plan)
      record.routes.push_back(step.after ? *step.after
                                         : SlotRoute{1, {step.before->route.instance_id, {}, {}}});
    ASSERT_TRUE(file.append(record).ok());
    table.commit(plan);
    table.set_generation(record.generation);
  }
  void expect_same(const RouteTable& a, const RouteTable& b) {
    EXPECT_EQ(a.routes(), b.routes());
    EXPECT_EQ(a.generation(), b.generation());
    EXPECT_EQ(a.slots(), b.slots());
    EXPECT_EQ(a.free_slots(), b.free_slots());
    EXPECT_EQ(a.hosts(), b.hosts());
  }
  RouteBackend backend(int n) { return {replica_key(n), {"127.0.0.1", 1000 + n}, n % 2 == 0}; }
  // A file with history on both sides of a compaction, and its table.
  RouteTable fill() {
    StateFile file(folder_);
    RouteTable table = file.load(4)->table;
    change(file, table, route(1, {"one.test"}, {backend(1)}));
    change(file, table, route(2, {"two.test"}, {backend(2), backend(3)}));
    EXPECT_TRUE(file.compact(table).ok());
    change(file, table, route(3, {"three.test"}, {}));
    change(file, table, route(1, {}, {}));
    EXPECT_TRUE(file.compact(table).ok());
    change(file, table, route(4, {"four.test", "vier.test"}, {backend(4)}));
    change(file, table, route(2, {"two.test"}, {backend(3)}));
    return table;
  }
  std::string folder_;
};

TEST_F(EdgeState, ComesBackAsItWas) {
  const auto table = fill();
  const auto loaded = StateFile(folder_).load(4);
  ASSERT_TRUE(loaded.ok());
  expect_same(loaded->table, table);
  EXPECT_TRUE(loaded->notices.empty());
  expect_same(StateFile(folder_).load(4)->table, table);
}

TEST_F(EdgeState, AnEmptyFolderIsAnEmptyTable) {
  const auto loaded = StateFile(folder_).load(7);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->table.slots(), 7);
  EXPECT_TRUE(loaded->table.routes().empty());
  EXPECT_TRUE(loaded->notices.empty());
}

TEST_F(EdgeState, ATornLastLineWasNeverAcknowledged) {
  const auto table = fill();
  std::ofstream(path("routes.journal"), std::ios::app) << "{\"generation\":99,\"slots\":4,\"rou";
  const auto loaded = StateFile(folder_).load(4);
  expect_same(loaded->table, table);
  EXPECT_EQ(loaded->notices.size(), 1u);
}

TEST_F(EdgeState, ADamagedSnapshotIsMadeFromTheOneBefore) {
  const auto table = fill();
  std::ofstream(path("routes.json")) << "";
  const auto loaded = StateFile(folder_).load(4);
  expect_same(loaded->table, table);
  EXPECT_FALSE(loaded->notices.empty());
  const auto again = StateFile(folder_).load(4);
  expect_same(again->table, table);
  EXPECT_TRUE(again->notices.empty());
}

TEST_F(EdgeState, ACompactionCutShortLosesNothing) {
  const auto table = fill();
  const auto journal = *read_whole(path("routes.journal"));
  { ASSERT_TRUE(StateFile(folder_).load(4).ok()); }
  // The snapshot is new, the journal still the old one.
  ASSERT_TRUE(replace_file(path("routes.journal"), journal).ok());
  expect_same(StateFile(folder_).load(4)->table, table);
}

TEST_F(EdgeState, WordsOfAFileAreCheckedLikeACallers) {
  for (const char* text :
       {R"({"instance_id":"INS","slot":1,"hosts":["ok.test","x y"],"backends":[]})",
        R"({"instance_id":"INS","slot":0,"hosts":["ok.test"],"backends":[]})",
        R"({"instance_id":"INS","slot":999999999,"hosts":["ok.test"],"backends":[]})"}) {
    std::string route(text);
    route.replace(route.find("INS"), 3, instance_id(1).str());
    std::ofstream(path("routes.json")) << R"({"generation":5,"slots":4,"routes":[)" + route + "]}";
    const auto loaded = StateFile(folder_).load(4);
    ASSERT_TRUE(loaded.ok());
    EXPECT_TRUE(loaded->table.routes().empty()) << text;
    EXPECT_EQ(loaded->notices.size(), 1u) << text;
  }
  for (const char* text :
       {"", "[]", "{}", R"({"generation":"x","slots":1,"routes":[]})",
        R"({"generation":1,"slots":-1,"routes":[]})", R"({"generation":1,"slots":1,"routes":[1]})"})
    EXPECT_FALSE(decode_record(text).ok()) << text;
}

TEST_F(EdgeState, EveryFieldComesBack) {
  auto rich = route(1, {"one.test"}, {backend(1), backend(2)});
  rich.backends[0].weight = 256;
  rich.backends[1].weight = 0;
  rich.policy = {Balance::random, true, 12, 600};
  rich.previews = {{"pr-1.test", {replica_key(1), replica_key(2)}}, {"pr-2.test", {}}};
  rich.split = RouteSplit{instance_id(2), 25};
  rich.asleep = rich.measured = true;
  RouteTable table;
  {
    StateFile file(folder_);
    table = file.load(4)->table;
    change(file, table, rich);
    change(file, table, route(2, {"two.test"}, {backend(3)}));
  }
  EXPECT_EQ(table.routes().at(instance_id(1)).split_slot, 2);
  EXPECT_EQ(table.routes().at(instance_id(1)).route, rich);
  expect_same(StateFile(folder_).load(4)->table, table);  // from the journal
  expect_same(StateFile(folder_).load(4)->table, table);  // from the snapshot
}

TEST_F(EdgeState, AFileFromBeforeTheseFieldsIsRead) {
  std::ofstream(path("routes.json"))
      << R"({"generation":5,"slots":4,"routes":[{"instance_id":")" << instance_id(1).str()
      << R"(","slot":1,"hosts":["ok.test"],"backends":[{"replica_id":")" << replica_key(1).id()
      << R"(","host":"127.0.0.1","port":80,"draining":false}]}]})";
  const auto loaded = StateFile(folder_).load(4);
  ASSERT_TRUE(loaded.ok());
  EXPECT_TRUE(loaded->notices.empty());
  EXPECT_EQ(loaded->table.routes().at(instance_id(1)).route,
            route(1, {"ok.test"}, {{replica_key(1), {"127.0.0.1", 80}}}));
}

TEST_F(EdgeState, WritesWhatChangesAndNotAllThereIs) {
  StateFile file(folder_);
  RouteTable table = file.load(3000)->table;
  for (int n = 1; n <= 1000; ++n)
    change(file, table, route(n, {"n" + std::to_string(n) + ".test"}, {backend(n)}));
  const auto before = std::filesystem::file_size(path("routes.journal"));
  change(file, table, route(2000, {"last.test"}, {backend(2000)}));
  EXPECT_LT(std::filesystem::file_size(path("routes.journal")) - before, 400u);
}

TEST(EdgeTable, AFreedSlotIsUsedAgainAndNotInTheSameChange) {
  RouteTable table(2);
  table.commit(*table.plan({route(1, {"one.test"}, {})}));
  const auto swap = *table.plan({route(1, {}, {}), route(2, {"one.test"}, {})});
  table.commit(swap);
  EXPECT_EQ(table.at(1), nullptr);
  EXPECT_EQ(table.routes().at(instance_id(2)).slot, 2);
  table.commit(*table.plan({route(3, {"three.test"}, {})}));
  EXPECT_EQ(table.routes().at(instance_id(3)).slot, 1);
  EXPECT_EQ(table.plan({route(4, {"four.test"}, {})}).error().reason, "slots_exhausted");
  EXPECT_EQ(table.missing_slots(
                {route(4, {"four.test"}, {}), route(5, {"five.test"}, {}), route(6, {}, {})}),
            2);
}

TEST(EdgeTable, ASplitFollowsItsTarget) {
  RouteTable table(4);
  auto one = route(1, {"one.test"}, {{replica_key(1), {"127.0.0.1", 80}}});
  one.split = RouteSplit{instance_id(2), 25};
  const auto split_of = [&] { return table.routes().at(instance_id(1)).split_slot; };
  table.commit(*table.plan({one}));
  EXPECT_EQ(split_of(), 0) << "no such route";
  table.commit(*table.plan({route(2, {"two.test"}, {})}));
  EXPECT_EQ(split_of(), 0) << "nothing serves there";
  auto two = route(2, {"two.test"}, {{replica_key(2), {"127.0.0.1", 81}}});
  EXPECT_EQ(table.plan({two})->size(), 2u) << "the splitting route changes, too";
  table.commit(*table.plan({two}));
  EXPECT_EQ(split_of(), 2);
  two.backends[0].weight = 0;
  table.commit(*table.plan({two}));
  EXPECT_EQ(split_of(), 0) << "a standby does not serve";
  two.backends[0] = {replica_key(2), {"127.0.0.1", 81}, true};
  table.commit(*table.plan({two}));
  EXPECT_EQ(split_of(), 0) << "nor what drains";
  two.backends[0].draining = false;
  table.commit(*table.plan({two}));
  table.commit(*table.plan({route(2, {}, {})}));
  EXPECT_EQ(split_of(), 0) << "it is gone";
}

TEST(EdgeTable, WhoClaimsAHostAnewGetsIt) {
  RouteTable table(4);
  auto one = route(1, {"a.test", "b.test"}, {});
  one.previews = {{"p.test", {}}};
  table.commit(*table.plan({one, route(2, {"two.test"}, {})}));
  const auto hosts = [&](int n) {
    const auto found = table.routes().find(instance_id(n));
    return found == table.routes().end() ? std::vector<std::string>() : found->second.route.hosts;
  };
  const std::vector<std::string> both{"a.test", "two.test"};
  auto two = route(2, both, {});
  two.previews = {{"p.test", {}}};
  for (const auto& changes : {std::vector<Route>{two}, {two, one}, {one, two}}) {
    RouteTable copy = table;
    const auto plan = table.plan(changes);
    ASSERT_TRUE(plan.ok()) << plan.error().detail;
    table.commit(*plan);
    EXPECT_EQ(hosts(1), std::vector<std::string>{"b.test"});
    EXPECT_EQ(hosts(2), both);
    EXPECT_TRUE(table.routes().at(instance_id(1)).route.previews.empty());
    EXPECT_EQ(table.hosts().at("p.test"), instance_id(2));
    EXPECT_EQ(table.hosts().at("a.test"), instance_id(2));
    table = copy;
  }
  const auto twice = table.plan({two, route(3, {"a.test"}, {})});
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().reason, "host_taken");
  table.commit(*table.plan({route(3, {"a.test", "b.test"}, {})}));
  EXPECT_FALSE(table.routes().contains(instance_id(1))) << "without a host there is no route";
}

TEST(EdgeTable, SlotNamesAreOpaqueAndSteady) {
  EXPECT_EQ(slot_name(1), "s0001");
  EXPECT_EQ(slot_name(12345), "s12345");
}

}  // namespace
}  // namespace gantry
