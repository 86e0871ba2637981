#include "runtime/edge/weights.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace gantry {
namespace {

// Beyond the scale's end, 1 to 256, nothing nearer exists: one replica against six cannot get 99 %.
TEST(EdgeWeights, AreWithinAPercentagePointOfWhatIsWanted) {
  int beyond = 0;
  for (int stable = 1; stable <= 20; ++stable)
    for (int canary = 1; canary <= 20; ++canary)
      for (int percent = 1; percent <= 99; ++percent) {
        const auto weights = weights_for(stable, canary, percent);
        for (const int weight : {weights.stable, weights.canary}) {
          ASSERT_GE(weight, 1);
          ASSERT_LE(weight, kMostWeight);
        }
        const double off = std::abs(canary_percent(stable, canary, weights) - percent);
        if (off <= 1.0) continue;
        ++beyond;
        ASSERT_TRUE(canary > 5 * stable || stable > 5 * canary)
            << stable << " and " << canary << " replicas, " << percent << " percent: off by "
            << off;
        const bool end =
            weights == GroupWeights{kMostWeight, 1} || weights == GroupWeights{1, kMostWeight};
        ASSERT_TRUE(end) << stable << " and " << canary << " replicas, " << percent << " percent";
      }
  EXPECT_LT(beyond, 400) << "of 39600";
}

TEST(EdgeWeights, AreTheSmallestOnesThatFit) {
  EXPECT_EQ(weights_for(1, 1, 50), (GroupWeights{1, 1}));
  EXPECT_EQ(weights_for(3, 1, 25), (GroupWeights{1, 1}));
  EXPECT_EQ(weights_for(1, 1, 10), (GroupWeights{9, 1}));
}

TEST(EdgeWeights, AllOrNothingAndEmptyGroups) {
  EXPECT_EQ(weights_for(3, 2, 0), (GroupWeights{kFullWeight, 0}));
  EXPECT_EQ(weights_for(3, 2, 100), (GroupWeights{0, kFullWeight}));
  EXPECT_EQ(weights_for(0, 2, 10), (GroupWeights{0, kFullWeight}));
  EXPECT_EQ(weights_for(3, 0, 10), (GroupWeights{kFullWeight, 0}));
  EXPECT_EQ(weights_for(0, 0, 10), (GroupWeights{0, 0}));
}

}  // namespace
}  // namespace gantry
