// People in the store: what another daemon on the same database sees, and what is left of the gone.
#include <algorithm>

#include "api/write.hpp"
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
  // By nobody whose role counts: the operator's hand.
  template <class F>
  static auto by_itself(Store& store, F&& body) {
    auto transaction = store.begin({});
    EXPECT_TRUE(transaction.ok());
    auto result = body(**transaction);
    const bool committed = result.ok() && (*transaction)->commit().ok();
    EXPECT_EQ(committed, result.ok());
    return result;
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
      by_itself(*store, [&](Transaction& t) { return people->within(t).add_member(wanted); });
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(people->roles(user.id)->in(world.project.id), Role::editor);
  EXPECT_TRUE(within_a_moment([&] {
    const RolesPtr roles = others->roles(user.id);
    return roles && roles->in(world.project.id) == Role::editor;
  }));
  ASSERT_TRUE(by_itself(*store, [&](Transaction& t) {
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

// ---- how long the log is kept ----

class StoreAuditKept : public StorePeople {
 protected:
  void SetUp() override {
    StorePeople::SetUp();
    store = open();
  }
  static std::string day(int ago) {
    return format_time(std::chrono::floor<std::chrono::days>(system_clock().now()) -
                       std::chrono::days(ago));
  }
  void add(const std::string& at, const std::string& message) const {
    sql("insert into audit (at, outcome, action, token_id, token_name, user_id, user_name, "
        "request_id, project_id, environment_id, service_id, deployment_id, message) values ('" +
        at + "', 'DONE', 'old', '', '', '', '', '', '', '', '', '', '" + message + "')");
  }
  int count(const std::string& action) const {
    return sql("select count(*) from audit where action = '" + action + "'")[0][0].as<int>();
  }
  std::unique_ptr<Store> store;
};

TEST_F(StoreAuditKept, WholeDaysGoAndALineTellsOfEach) {
  for (const int ago : {12, 12, 11, 10, 3}) add(day(ago), "m" + std::to_string(ago));
  std::string twelfth;
  {
    auto audit = open_audit(*store);
    AuditFilter of_day;
    of_day.since = *parse_time(day(12));
    of_day.until = *parse_time(day(11));
    const auto lines = audit->read(of_day, 0, 10);  // as an export has them
    ASSERT_EQ(lines->size(), 2U);
    for (const AuditEntry& each : *lines) {
      append_json(twelfth, each);
      twelfth += '\n';
    }
  }
  auto audit = open_audit(*store, 10);
  ASSERT_TRUE(within_a_moment([&] { return count("audit.removed") == 2; }));
  EXPECT_EQ(count("old"), 2);  // of ten days ago, which is kept, and of three
  const auto told = sql("select message from audit where action = 'audit.removed' order by seq");
  const std::string first = told[0][0].c_str();
  EXPECT_NE(first.find("2 lines from " + day(12).substr(0, 10)), std::string::npos) << first;
  EXPECT_NE(first.find(api::sha256_hex(twelfth)), std::string::npos) << first << "\n" << twelfth;
  EXPECT_NE(std::string(told[1][0].c_str()).find("1 lines from"), std::string::npos);
}

TEST_F(StoreAuditKept, ForEverUnlessSomebodySaysOtherwise) {
  add("2001-01-01T00:00:00Z", "ancient");
  { auto audit = open_audit(*store); }
  EXPECT_EQ(count("old"), 1);
}

TEST_F(StoreAuditKept, NothingElseTakesALineAway) {
  add(day(12), "old");
  for (const std::string& statement :
       {std::string("delete from audit"), std::string("update audit set message = ''"),
        std::string("truncate audit"), std::string("delete from audit_actors"),
        std::string("update audit_actors set token_name = 'x'"),
        // In a daemon's words: not what is younger than a day, nor without the line about it.
        "set gantry.audit_removes_before = '" + day(-1) + "'; delete from audit",
        "set gantry.audit_removes_before = '" + day(11) + "'; update audit set message = ''"})
    EXPECT_THROW(sql(statement), pqxx::sql_error) << statement;
  EXPECT_EQ(count("old"), 1);
  sql("set gantry.audit_removes_before = '" + day(11) + "'; delete from audit where at < '" +
      day(11) + "'");
  EXPECT_EQ(count("audit.removed"), 1);
}

// Neither the token nor its user is there any more.
TEST_F(StoreAuditKept, NamesOutliveWhoHadThem) {
  auto people = open_people(*store);
  auto audit = open_audit(*store);
  const User alice = make_user(*store, *people, "alice");
  Token wanted;
  wanted.name = "laptop";
  wanted.user_id = alice.id;
  const auto issued = write(*store, [&](Transaction& t) { return t.create_token(wanted); });
  ASSERT_TRUE(issued.ok());
  {
    auto transaction = store->begin({.token_id = issued->token.id.str(), .request_id = "r"});
    ASSERT_TRUE((*transaction)->create_project(name_of("shop")).ok());
    ASSERT_TRUE((*transaction)->revoke_token(issued->token.id).ok());
    ASSERT_TRUE((*transaction)->commit().ok());
  }
  ASSERT_TRUE(by_itself(*store, [&](Transaction& t) {
                return people->within(t).remove_user(alice.id);
              }).ok());
  const auto lines = audit->read({}, 0, 10);
  ASSERT_TRUE(lines.ok());
  for (const std::string action : {"project.created", "token.revoked"}) {
    const auto line = std::find_if(lines->begin(), lines->end(),
                                   [&](const AuditEntry& each) { return each.action == action; });
    ASSERT_NE(line, lines->end()) << action;
    EXPECT_EQ(line->token_name, "laptop");
    EXPECT_EQ(line->user_name, "alice");
    EXPECT_EQ(line->user_id, alice.id.str());
  }
}

}  // namespace
}  // namespace gantry
