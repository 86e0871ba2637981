#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

class SetClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint(Duration(at.load())); }
  void advance(Duration by) { at += by.count(); }
  std::atomic<Duration::rep> at = system_clock().now().time_since_epoch().count();
};

class StoreTokens : public StoreTest {
 protected:
  std::unique_ptr<Store> open_at(const Clock& clock) {
    StoreOptions with_clock = options();
    with_clock.clock = &clock;
    return *open_store(with_clock);
  }
  static IssuedToken issue(Store& store, const Token& wanted) {
    const auto issued = write(store, [&](Transaction& t) { return t.create_token(wanted); });
    EXPECT_TRUE(issued.ok()) << issued.error().detail;
    return *issued;
  }
  static Token account(const std::string& name) {
    Token token;
    token.name = name;
    return token;
  }
  static Token of(const World& world) {
    Token token = account("ci");
    token.kind = TokenKind::project;
    token.project_id = world.project.id;
    token.environment_id = world.environment;
    return token;
  }
  static bool within_a_moment(const std::function<bool()>& holds) {
    for (int i = 0; i < 300 && !holds(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return holds();
  }
  std::string last_used(const TokenId& id) const {
    return sql("select coalesce(last_used_at::text, '') from tokens where id = '" + id.str() +
               "'")[0][0]
        .c_str();
  }
};

TEST_F(StoreTokens, WhatWasIssuedIsReadBackAtOnceAndAfterAReload) {
  auto store = open();
  const World world = make_world(*store);
  Token wanted = of(world);
  wanted.expires_at = system_clock().now() + std::chrono::hours(1);
  const IssuedToken issued = issue(*store, wanted);
  for (int round = 0; round < 2; ++round) {
    const auto found = store->verify_token(issued.secret);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, issued.token.id);
    EXPECT_EQ(found->kind, TokenKind::project);
    EXPECT_EQ(found->environment_id, world.environment);
    EXPECT_EQ(found->expires_at, wanted.expires_at);
    EXPECT_EQ(store->tokens().size(), 2U);
    ASSERT_TRUE(store->reload().ok());
  }
}

TEST_F(StoreTokens, TwoMayHaveOneName) {
  auto store = open();
  EXPECT_NE(issue(*store, account("ci")).secret, issue(*store, account("ci")).secret);
  EXPECT_EQ(store->tokens().size(), 3U);
}

TEST_F(StoreTokens, ARolledBackTokenNeverCounted) {
  auto store = open();
  std::string secret;
  {
    auto t = store->begin({});
    secret = (*t)->create_token(account("ghost"))->secret;
  }
  EXPECT_FALSE(store->verify_token(secret));
}

TEST_F(StoreTokens, AnotherDaemonLearnsAtOnce) {
  auto one = open();
  auto other = open();
  const IssuedToken issued = issue(*one, account("ci"));
  EXPECT_TRUE(within_a_moment([&] { return other->verify_token(issued.secret).has_value(); }));
  ASSERT_TRUE(write(*one, [&](Transaction& t) { return t.revoke_token(issued.token.id); }).ok());
  EXPECT_FALSE(one->verify_token(issued.secret));
  EXPECT_TRUE(within_a_moment([&] { return !other->verify_token(issued.secret).has_value(); }));
}

TEST_F(StoreTokens, AnotherDaemonLearnsOfAnEnvironmentThatWentWithItsToken) {
  auto one = open();
  const World world = make_world(*one);
  auto other = open();
  const auto empty = write(*one, [&](Transaction& t) {
    return t.create_environment(world.project.id, name_of("empty"));
  });
  Token wanted = of(world);
  wanted.environment_id = empty->id;
  const IssuedToken issued = issue(*one, wanted);
  EXPECT_TRUE(within_a_moment([&] { return other->verify_token(issued.secret).has_value(); }));
  ASSERT_TRUE(write(*one, [&](Transaction& t) { return t.purge_environment(empty->id, {}); }).ok());
  EXPECT_FALSE(one->verify_token(issued.secret));
  EXPECT_TRUE(within_a_moment([&] { return !other->verify_token(issued.secret).has_value(); }));
  EXPECT_EQ(sql("select count(*) from tokens")[0][0].as<int>(), 1);
}

TEST_F(StoreTokens, OfTheLastTwoAccountTokensOneStays) {
  auto store = open();
  for (int round = 0; round < 10; ++round) {
    const TokenId mine = store->tokens().front().id;
    const TokenId another = issue(*store, account("second")).token.id;
    std::atomic<int> revoked = 0;
    {
      std::vector<std::jthread> both;
      for (const TokenId& id : {mine, another})
        both.emplace_back([&, id] {
          const auto done = write(*store, [&](Transaction& t) { return t.revoke_token(id); });
          if (done.ok()) return void(++revoked);
          EXPECT_EQ(done.error().reason, "last_account_token");
        });
    }
    EXPECT_EQ(revoked, 1);
    ASSERT_EQ(store->tokens().size(), 1U);
  }
}

TEST_F(StoreTokens, NeitherAProjectTokenNorOneThatExpiresIsALastOne) {
  auto store = open();
  const TokenId first = store->tokens().front().id;
  const IssuedToken of_project = issue(*store, of(make_world(*store)));
  Token wanted = account("short");
  wanted.expires_at = system_clock().now() + std::chrono::hours(1);
  const IssuedToken expiring = issue(*store, wanted);
  const auto revoke = [&](const TokenId& id) {
    return write(*store, [&](Transaction& t) { return t.revoke_token(id); });
  };
  EXPECT_EQ(revoke(first).error().reason, "last_account_token");
  EXPECT_TRUE(revoke(of_project.token.id).ok());
  EXPECT_TRUE(revoke(expiring.token.id).ok());
  EXPECT_EQ(revoke(expiring.token.id).error().code, Code::not_found);
}

TEST_F(StoreTokens, UseIsSeenAtOnceAndWrittenAtMostOnceAMinute) {
  SetClock clock;
  auto store = open_at(clock);
  const TokenId id = store->tokens().front().id;
  EXPECT_FALSE(store->token(id)->last_used_at);
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(last_used(id), "") << "nobody has used it";
  (void)store->verify_token(first_token_);
  EXPECT_EQ(store->token(id)->last_used_at, clock.now());
  EXPECT_EQ(last_used(id), "") << "not on the request's path";
  ASSERT_TRUE(store->reload().ok());
  const std::string written = last_used(id);
  EXPECT_NE(written, "");
  clock.advance(std::chrono::seconds(30));
  (void)store->verify_token(first_token_);
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(last_used(id), written) << "twice within a minute";
  EXPECT_EQ(store->token(id)->last_used_at, clock.now()) << "a reload forgets no use";
  clock.advance(std::chrono::seconds(31));
  ASSERT_TRUE(store->reload().ok());
  EXPECT_NE(last_used(id), written);
}

TEST_F(StoreTokens, WhatHasExpiredIsNotUsed) {
  SetClock clock;
  auto store = open_at(clock);
  Token wanted = account("short");
  wanted.expires_at = clock.now() + std::chrono::seconds(1);
  const IssuedToken issued = issue(*store, wanted);
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(store->verify_token(issued.secret)) << "who asks is told why";
  EXPECT_FALSE(store->token(issued.token.id)->last_used_at);
}

TEST_F(StoreTokens, AnEnvironmentIsCopiedWhole) {
  auto store = open();
  const World world = make_world(*store);
  const auto copied = write(*store, [&](Transaction& t) -> Result<Environment> {
    if (auto put = t.put_variable(world.instance.id, "OWN", "1", {}); !put) return put.error();
    if (auto put = t.put_shared_variable(world.environment, "SHARED", "2", {}); !put)
      return put.error();
    auto made = t.create_environment(world.project.id, name_of("copy"));
    if (!made) return made;
    GANTRY_TRY(t.copy_environment(world.environment, made->id));
    return made;
  });
  ASSERT_TRUE(copied.ok()) << copied.error().detail;
  for (int round = 0; round < 2; ++round) {
    const auto project = store->project("shop");
    const auto* view = project->instance(world.service.id, copied->id);
    ASSERT_NE(view, nullptr);
    EXPECT_EQ(view->variables->at("OWN").value, "1");
    EXPECT_EQ(view->instance.host_label, "web-copy");
    EXPECT_EQ(project->environment("copy")->shared->at("SHARED").value, "2");
    EXPECT_TRUE(view->deployments.empty());
    ASSERT_TRUE(store->reload().ok());
  }
}

}  // namespace
}  // namespace gantry
