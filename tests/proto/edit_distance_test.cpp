#include "proto/edit_distance.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(ProtoEditDistance, CountsWhatAPersonMistypes) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("replicas", "replicas"), 0u);
  EXPECT_EQ(edit_distance("replcas", "replicas"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3u);
}

}  // namespace
}  // namespace gantry
