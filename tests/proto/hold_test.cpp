#include "proto/hold.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

const std::string kCommit = "0123456789abcdef0123456789abcdef01234567";

class ProtoHold : public ::testing::Test {
 protected:
  ProtoHold() {
    project_.name = *Name::parse("shop");
    environment_.name = *Name::parse("production");
  }
  Hold hold(std::string_view checks_of = {}) const {
    return hold_of(project_, environment_, id_, checks_of);
  }
  Project project_;
  Environment environment_;
  DeploymentId id_ = DeploymentId::make(TimePoint{});
};

TEST_F(ProtoHold, NothingIsAskedFor) { EXPECT_EQ(hold(), Hold{}); }

TEST_F(ProtoHold, ChecksAreAwaited) {
  EXPECT_EQ(hold(kCommit).status, DeploymentStatus::waiting);
  EXPECT_EQ(hold(kCommit).reason, "waits for the checks of 0123456");
}

TEST_F(ProtoHold, AnApprovalComesFirstAndSaysHow) {
  environment_.protection.needs_approval = true;
  for (const Hold& each : {hold(), hold(kCommit)}) {
    EXPECT_EQ(each.status, DeploymentStatus::needs_approval);
    EXPECT_NE(each.reason.find("owner of project shop"), std::string::npos);
    EXPECT_NE(each.reason.find("approve " + id_.str()), std::string::npos);
    EXPECT_NE(each.reason.find("reject " + id_.str()), std::string::npos);
  }
}

TEST_F(ProtoHold, AGuardedOneHoldsNothing) {
  environment_.protection.guarded = true;
  EXPECT_EQ(hold(), Hold{});
}

}  // namespace
}  // namespace gantry
