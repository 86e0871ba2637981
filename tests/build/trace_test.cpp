#include "runtime/build/trace.hpp"

#include <gtest/gtest.h>

#include "runtime/build/narrator.hpp"

namespace gantry {
namespace {

std::string field(int number, const std::string& bytes) {
  return std::string(1, static_cast<char>(number << 3 | 2)) +
         std::string(1, static_cast<char>(bytes.size())) + bytes;
}
std::string number(int field, int value) {
  return std::string(1, static_cast<char>(field << 3)) + std::string(1, static_cast<char>(value));
}
std::string time(int seconds) { return number(1, seconds); }

TEST(BuildTrace, ReadsWhatItKnowsAndPassesOverTheRest) {
  const std::string vertex = field(1, "sha256:a") + field(2, "input") + field(3, "[1/2] FROM x") +
                             number(4, 1) + field(5, time(10)) + field(6, time(12)) +
                             field(99 - 90, "later");
  const std::string log =
      field(1, "sha256:a") + field(2, time(11)) + number(3, 2) + field(4, "hello\n");
  const Trace trace = parse_trace(field(1, vertex) + field(2, "status") + field(3, log));
  ASSERT_EQ(trace.vertexes.size(), 1u);
  EXPECT_EQ(trace.vertexes[0].name, "[1/2] FROM x");
  EXPECT_TRUE(trace.vertexes[0].cached);
  EXPECT_EQ(trace.vertexes[0].completed, 12);
  ASSERT_EQ(trace.logs.size(), 1u);
  EXPECT_EQ(trace.logs[0].text, "hello\n");
  EXPECT_EQ(trace.logs[0].stream, 2);
}

TEST(BuildTrace, SurvivesNonsense) {
  const std::string whole = field(1, field(1, "sha256:a") + field(3, "name"));
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) parse_trace(whole.substr(0, cut));
  std::string random = "x";
  for (unsigned seed = 1; seed < 20'000; ++seed) {
    random.clear();
    for (unsigned i = 0, x = seed; i < seed % 60; ++i)
      random += static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
    parse_trace(random);
  }
}

TEST(BuildTrace, DecodesBase64) {
  EXPECT_EQ(decode_base64("aGVsbG8="), "hello");
  EXPECT_EQ(decode_base64("aGVsbG8h"), "hello!");
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("no base64!"), "");
}

TEST(BuildNarrator, SaysWhyAndCutsLines) {
  std::string out;
  Narrator narrator([&](std::string_view bytes) { out += bytes; });
  narrator.feed("{\"id\":\"moby.image.id\",\"aux\":{\"ID\":\"sha256:1\"}}\n{\"nonsense\n");
  EXPECT_EQ(*narrator.outcome(200), "sha256:1");
  narrator.feed("{\"errorDetail\":{\"message\":\"failed to solve: no space\"},");
  narrator.feed("\"error\":\"failed to solve: no space\"}");
  narrator.finish();
  const auto outcome = narrator.outcome(200);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().detail, "the build failed: no space");
  EXPECT_EQ(outcome.error().code, Code::invalid);
}

TEST(BuildNarrator, AnEngineThatBreaksMayPass) {
  const Narrator narrator([](std::string_view) {});
  EXPECT_EQ(narrator.outcome(500).error().code, Code::unavailable);
  EXPECT_EQ(narrator.outcome(200).error().code, Code::invalid);
}

}  // namespace
}  // namespace gantry
