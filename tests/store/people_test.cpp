// People in the store: what another daemon on the same database sees, and what is left of the gone.
#include "store/audit_queue.hpp"
#include "store/open_ledger.hpp"
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

class StorePeople : public StoreTest {
 protected:
  static User make_user(Store& store, People& people, const std::string& name) {
    const auto user =
        write(store, [&](Transaction& t) { return people.within(t).create_user(name_of(name)); });
    EXPECT_TRUE(user.ok());
    return *user;
  }
  static bool within_a_moment(const std::function<bool()>& holds) {
    for (int i = 0; i < 300 && !holds(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return holds();
  }
};

TEST_F(StorePeople, ARoleIsSeenAtOnceByTheOtherDaemonToo) {
  auto store = open();
  auto people = open_people(*store);
  auto other = open();
  auto others = open_people(*other);
  const World world = make_world(*store);
  const User user = make_user(*store, *people, "alice");
  const Membership wanted{.user_id = user.id, .project_id = world.project.id, .role = Role::editor};
  const auto made =
      write(*store, [&](Transaction& t) { return people->within(t).add_member(wanted); });
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(people->roles(user.id)->in(world.project.id), Role::editor);
  EXPECT_TRUE(within_a_moment([&] {
    const RolesPtr roles = others->roles(user.id);
    return roles && roles->in(world.project.id) == Role::editor;
  }));
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return people->within(t).remove_member(wanted);
              }).ok() == true);
  EXPECT_TRUE(within_a_moment([&] { return !others->roles(user.id)->in(world.project.id); }));
}

TEST_F(StorePeople, WhatIsRolledBackIsNowhere) {
  auto store = open();
  auto people = open_people(*store);
  {
    auto transaction = store->begin({});
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(people->within(**transaction).create_user(name_of("alice")).ok());
  }
  EXPECT_FALSE(people->user("alice"));
  ASSERT_TRUE(store->reload().ok());
  EXPECT_FALSE(people->user("alice"));
}

TEST_F(StorePeople, AFloodOfStrangersLeavesALineThatSaysHowMany) {
  AuditQueue queue;
  const TimePoint now = system_clock().now();
  for (int i = 0; i < 5000; ++i)
    queue.add({.at = now, .refused = true, .action = "request.refused"});
  queue.add({.at = now, .refused = true, .action = "request.refused", .token_id = "tok_known"});
  const auto taken = queue.take(now);
  ASSERT_EQ(taken.size(), 102U);
  EXPECT_EQ(taken[100].token_id, "tok_known");
  EXPECT_EQ(taken[101].message, "4900 more requests were refused than are listed one by one");
  EXPECT_TRUE(queue.empty());
}

TEST_F(StorePeople, NotedLinesAreReadInTheirOrderAndOutliveTheLog) {
  auto store = open();
  auto audit = open_audit(*store);
  audit->note({.at = system_clock().now(), .refused = true, .action = "one"});
  audit->note({.at = system_clock().now(), .refused = true, .action = "two"});
  const auto lines = audit->read({}, 0, 10);
  ASSERT_TRUE(lines.ok());
  ASSERT_GE(lines->size(), 2U);
  EXPECT_EQ((*lines)[0].action, "two");
  EXPECT_EQ((*lines)[1].action, "one");
  audit->note({.at = system_clock().now(), .refused = true, .action = "three"});
  audit.reset();  // writes what waits
  EXPECT_EQ(sql("select count(*) from audit where action = 'three'")[0][0].as<int>(), 1);
}

}  // namespace
}  // namespace gantry
