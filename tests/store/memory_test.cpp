#include "store/memory.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

const ProjectId kProject = ProjectId::make(TimePoint(Seconds(1'000)));

Edit rename_to(const std::string& text, std::int64_t seq) {
  return {kProject, kProject.str(), seq,
          [text](ProjectSnapshot& project) { project.project.name = *Name::parse(text); }};
}

Edit creation(std::int64_t seq) {
  Edit edit{kProject, kProject.str(), seq,
            [](ProjectSnapshot& project) {
              project.project.id = kProject;
              project.project.name = *Name::parse("first");
            },
            Edit::Kind::create_project};
  return edit;
}

Edit deletion(std::int64_t seq) {
  return {kProject, kProject.str(), seq, [](ProjectSnapshot&) {}, Edit::Kind::delete_project};
}

LoadedState nothing_loaded(const std::string& snapshot) {
  return {DatabaseSnapshot::parse(snapshot), {}, {}};
}

std::string name_in(const Memory& memory) {
  const auto project = memory.project(kProject.str());
  return project ? project->project.name.str() : "(none)";
}

TEST(StoreMemory, CommitsPublishedInReverseOrderLeaveTheNewerState) {
  Memory memory;
  memory.publish(10, {creation(1)});
  memory.publish(12, {rename_to("newer", 3)});
  memory.publish(11, {rename_to("older", 2)});
  EXPECT_EQ(name_in(memory), "newer");
  EXPECT_EQ(memory.project("older"), nullptr);
  memory.publish(13, {rename_to("newest", 4)});
  EXPECT_EQ(name_in(memory), "newest");
}

TEST(StoreMemory, OneRowsOrderDoesNotHinderAnother) {
  Memory memory;
  memory.publish(10, {creation(1)});
  Edit late = rename_to("other-row", 2);
  late.row = "another row";
  memory.publish(12, {rename_to("newer", 3)});
  memory.publish(11, {late});
  EXPECT_EQ(name_in(memory), "other-row");
}

TEST(StoreMemory, ADeletedProjectDoesNotComeBack) {
  Memory memory;
  memory.publish(10, {creation(1)});
  memory.publish(12, {deletion(3)});
  memory.publish(11, {rename_to("late", 2)});
  EXPECT_EQ(name_in(memory), "(none)");
  EXPECT_EQ(memory.project("first"), nullptr);
}

TEST(StoreMemory, ALoadDropsWhatItSawAndKeepsWhatItDidNot) {
  Memory memory;
  memory.publish(10, {creation(1)});
  memory.begin_load();
  memory.publish(20, {creation(5), rename_to("seen", 6)});
  memory.publish(21, {creation(7), rename_to("unseen", 8)});
  memory.replace(nothing_loaded("21:22:21"));  // saw 20, not 21
  EXPECT_EQ(name_in(memory), "unseen");
  memory.publish(19, {rename_to("told late", 4)});
  EXPECT_EQ(name_in(memory), "unseen");
}

TEST(StoreMemory, AnAbandonedLoadChangesNothing) {
  Memory memory;
  memory.publish(10, {creation(1)});
  memory.begin_load();
  memory.publish(11, {rename_to("meanwhile", 2)});
  memory.abandon_load();
  EXPECT_EQ(name_in(memory), "meanwhile");
}

TEST(StoreMemory, SnapshotsAreReadAsPostgresWritesThem) {
  const auto snapshot = DatabaseSnapshot::parse("10:20:10,14");
  EXPECT_TRUE(snapshot.sees(9));
  EXPECT_FALSE(snapshot.sees(10));
  EXPECT_TRUE(snapshot.sees(11));
  EXPECT_FALSE(snapshot.sees(14));
  EXPECT_TRUE(snapshot.sees(19));
  EXPECT_FALSE(snapshot.sees(20));
  EXPECT_TRUE(DatabaseSnapshot::parse("7:7:").running.empty());
}

}  // namespace
}  // namespace gantry
