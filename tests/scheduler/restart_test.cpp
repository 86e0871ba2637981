#include "scheduler/restart.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(SchedulerRestart, WhatFollowsAnExit) {
  struct Case {
    RestartPolicy policy;
    int exit_code;
    int restarts;
    int max_retries;
    AfterExit expected;
  };
  const std::vector<Case> cases = {
      {RestartPolicy::never, 0, 0, 10, AfterExit::completed},
      {RestartPolicy::never, 1, 0, 10, AfterExit::give_up},
      {RestartPolicy::on_failure, 0, 0, 10, AfterExit::completed},
      {RestartPolicy::on_failure, 0, 10, 10, AfterExit::completed},
      {RestartPolicy::on_failure, 1, 0, 10, AfterExit::restart},
      {RestartPolicy::on_failure, 137, 9, 10, AfterExit::restart},
      {RestartPolicy::on_failure, 137, 10, 10, AfterExit::give_up},
      {RestartPolicy::on_failure, 1, 0, 0, AfterExit::give_up},
      {RestartPolicy::always, 0, 0, 10, AfterExit::restart},
      {RestartPolicy::always, 1, 9, 10, AfterExit::restart},
      {RestartPolicy::always, 0, 10, 10, AfterExit::give_up},
      {RestartPolicy::always, 0, 0, 0, AfterExit::give_up},
  };
  for (const Case& c : cases)
    EXPECT_EQ(after_exit(c.policy, c.exit_code, c.restarts, c.max_retries), c.expected)
        << name(c.policy) << " code " << c.exit_code << " after " << c.restarts << " of "
        << c.max_retries;
}

TEST(SchedulerRestart, TheDelayDoublesUpToHalfAMinute) {
  const std::vector<int> seconds = {0, 1, 2, 4, 8, 16, 30, 30, 30};
  for (std::size_t i = 0; i < seconds.size(); ++i)
    EXPECT_EQ(restart_delay(static_cast<int>(i) + 1), Duration(Seconds(seconds[i]))) << i + 1;
  EXPECT_EQ(restart_delay(0), Duration(0));
  EXPECT_EQ(restart_delay(1'000'000), Duration(Seconds(30)));
}

}  // namespace
}  // namespace gantry
