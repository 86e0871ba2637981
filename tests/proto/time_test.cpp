#include "proto/time.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(ProtoTime, FormatsAndParsesBack) {
  const TimePoint time = TimePoint(Duration(1795371960123456));
  EXPECT_EQ(format_time(time), "2026-11-22T18:26:00.123456Z");
  EXPECT_EQ(*parse_time(format_time(time)), time);
}

TEST(ProtoTime, ReadsWhatTheEngineWrites) {
  EXPECT_EQ(format_time(*parse_time("2026-11-22T18:26:00.123456789Z")),
            "2026-11-22T18:26:00.123456Z");
  EXPECT_EQ(format_time(*parse_time("2026-11-22T20:26:00+02:00")), "2026-11-22T18:26:00.000000Z");
  EXPECT_TRUE(parse_time("0001-01-01T00:00:00Z").ok());
}

TEST(ProtoTime, RefusesWhatIsNoTime) {
  for (const char* text : {"", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                           "2026-11-22 18:26:00Z", "2026-11-22T25:00:00Z", "2026-11-22T18:26:00Zz"})
    EXPECT_FALSE(parse_time(text).ok()) << text;
}

}  // namespace
}  // namespace gantry
