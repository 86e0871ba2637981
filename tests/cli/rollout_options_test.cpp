#include "cli/rollout_options.hpp"

#include <gtest/gtest.h>

#include "cli/failure.hpp"
#include "cli/wait.hpp"

namespace gantry::cli {
namespace {

std::string body_of(const std::vector<std::string>& arguments) {
  std::string out;
  {
    JsonObject object(out);
    append_rollout_options(object, parse_arguments(arguments));
  }
  return out;
}

TEST(CliRolloutOptions, BecomeMembersOfTheDeployment) {
  EXPECT_EQ(body_of({"deploy"}), "{}");
  EXPECT_EQ(
      body_of({"deploy", "--strategy", "canary", "--steps", "10,50%,100", "--interval", "15m"}),
      R"({"rollout":{"strategy":"CANARY","steps":[10,50,100],"interval_seconds":900}})");
  EXPECT_EQ(
      body_of({"up", "--strategy", "blue-green", "--keep=2h", "--sticky"}),
      R"({"rollout":{"strategy":"BLUE_GREEN","keep_seconds":7200},"traffic":{"sticky":true}})");
  EXPECT_EQ(body_of({"deploy", "--max-surge", "25%", "--max-unavailable=0", "--observe", "0",
                     "--manual", "--no-judge", "--min-requests", "7"}),
            R"({"rollout":{"min_requests":7,"max_surge_percent":25,"max_unavailable_percent":0,)"
            R"("observe_seconds":0,"automatic":false,"judge":false}})");
}

TEST(CliRolloutOptions, WhatCannotBeReadIsSaid) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"deploy", "--strategy", "fast"},
        {"deploy", "--steps", "10,x"},
        {"deploy", "--steps", ""},
        {"deploy", "--interval", "soon"},
        {"deploy", "--max-surge", "a lot"},
        {"deploy", "--min-requests", "1.5"}}) {
    try {
      ADD_FAILURE() << body_of(arguments);
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.exit_code, kUnreadable);
      EXPECT_NE(failure.message.find(arguments[1]), std::string::npos) << failure.message;
    }
  }
}

TEST(CliRolloutOptions, AWaitEndsWhereAPersonHasToPromote) {
  const auto waits = [](const char* text) { return waits_for_promotion(*Json::parse(text)); };
  EXPECT_TRUE(waits(R"({"status":"DEPLOYING","rollout":{"waiting":true,"order":"NONE"}})"));
  EXPECT_FALSE(waits(R"({"status":"DEPLOYING","rollout":{"waiting":true,"order":"PROMOTE"}})"));
  EXPECT_FALSE(waits(R"({"status":"DEPLOYING","rollout":{"waiting":false,"order":"NONE"}})"));
  EXPECT_FALSE(waits(R"({"status":"SUCCESS"})"));
}

}  // namespace
}  // namespace gantry::cli
