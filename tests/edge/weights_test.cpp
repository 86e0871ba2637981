#include "runtime/edge/weights.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(EdgeWeights, AreWithinAPercentagePointOfWhatIsWanted) {
  for (int stable = 1; stable <= 20; ++stable)
    for (int canary = 1; canary <= 20; ++canary)
      for (int percent = 1; percent <= 99; ++percent) {
        const auto weights = weights_for(stable, canary, percent);
        ASSERT_GE(weights.stable, 1);
        ASSERT_GE(weights.canary, 1);
        ASSERT_LE(weights.stable, kMostWeight);
        ASSERT_LE(weights.canary, kMostWeight);
        ASSERT_LE(std::abs(canary_percent(stable, canary, weights) - percent), 1.0)
            << stable << " and " << canary << " replicas, " << percent << " percent";
      }
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
