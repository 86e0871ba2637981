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

TEST(EdgeTable, SlotNamesAreOpaqueAndSteady) {
  EXPECT_EQ(slot_name(1), "s0001");
  EXPECT_EQ(slot_name(12345), "s12345");
}

}  // namespace
}  // namespace gantry
