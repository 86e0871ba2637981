// The keeper on a real store: an environment goes when its grace is over, never before, and its
// volumes then have a grace of their own.
#include "scheduler/environment_keeper.hpp"

#include <gtest/gtest.h>

#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

class StoreEnvironmentKeeper : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store_ = open();
    world_ = make_world(*store_);
  }
  EnvironmentId make(const std::string& name) {
    const auto made = write(*store_, [&](Transaction& t) {
      return t.create_environment(world_.project.id, name_of(name));
    });
    EXPECT_TRUE(made.ok());
    return made->id;
  }
  void erase(const EnvironmentId& id) {
    ASSERT_TRUE(write(*store_, [&](Transaction& t) { return t.delete_environment(id, {}); }).ok());
  }
  Result<Environment> restore(const EnvironmentId& id) {
    return write(*store_, [&](Transaction& t) { return t.restore_environment(id); });
  }
  bool there(const EnvironmentId& id) {
    return store_->project(world_.project.id.str())->environments.contains(id);
  }
  void purge_in(Seconds span) {
    EnvironmentKeeper(
        {*store_,
         {.grace = Seconds(3600), .log = [this](const std::string& line) { log_ += line + "\n"; }}})
        .purge(system_clock().now() + span);
  }

  std::unique_ptr<Store> store_;
  World world_;
  std::string log_;
};

TEST_F(StoreEnvironmentKeeper, PurgesWhatIsDeletedWhenItsGraceIsOver) {
  const EnvironmentId kept = make("kept"), gone = make("gone"), back = make("back");
  erase(gone);
  erase(back);
  purge_in(Seconds(3000));
  EXPECT_TRUE(there(gone)) << "within its grace";
  ASSERT_TRUE(restore(back).ok());
  purge_in(Seconds(3700));
  EXPECT_FALSE(there(gone));
  EXPECT_TRUE(there(kept));
  EXPECT_TRUE(there(back)) << "restored";
  EXPECT_TRUE(there(world_.environment));
  EXPECT_FALSE(restore(gone).ok());
  EXPECT_NE(log_.find("name=gone"), std::string::npos) << log_;
  EXPECT_EQ(log_.find("not purged"), std::string::npos) << log_;
}

TEST_F(StoreEnvironmentKeeper, ItsVolumesHaveAGraceOfTheirOwn) {
  const auto volume = write(*store_, [&](Transaction& t) {
    return t.create_volume({world_.environment, name_of("data"), 0});
  });
  ASSERT_TRUE(volume.ok());
  erase(world_.environment);
  EXPECT_FALSE(store_->volumes()->at(0).deleted_at) << "it comes back with its environment";
  purge_in(Seconds(3700));
  EXPECT_FALSE(there(world_.environment));
  ASSERT_EQ(store_->volumes()->size(), 1U);
  EXPECT_TRUE(store_->volumes()->at(0).deleted_at);
}

TEST_F(StoreEnvironmentKeeper, ANameThatWasTakenMeanwhileStandsInTheWay) {
  const EnvironmentId old = make("staging");
  erase(old);
  make("staging");
  const auto refused = restore(old);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "name_taken");
}

}  // namespace
}  // namespace gantry
