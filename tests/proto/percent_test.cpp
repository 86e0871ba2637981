#include "proto/percent.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

TEST(ProtoPercent, LeavesUnreservedCharactersAlone) {
  const std::string plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  EXPECT_EQ(percent_encode(plain), plain);
  EXPECT_EQ(percent_encode(""), "");
}

TEST(ProtoPercent, EscapesEveryOtherByte) {
  EXPECT_EQ(percent_encode("a b/c?d=e&f%g+h"), "a%20b%2Fc%3Fd%3De%26f%25g%2Bh");
  EXPECT_EQ(percent_encode("\xc3\xa4\xff"), "%C3%A4%FF");
  EXPECT_EQ(percent_encode(std::string_view("\0\n\x7f", 3)), "%00%0A%7F");
}

TEST(ProtoPercent, LeavesWhatTheCallerKeeps) {
  EXPECT_EQ(percent_encode("a/b c", "/"), "a/b%20c");
  EXPECT_EQ(percent_encode("a/b:c", "/:"), "a/b:c");
}

}  // namespace
}  // namespace gantry
