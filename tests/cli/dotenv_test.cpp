#include "proto/dotenv.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

struct Case {
  const char* text;
  DotenvEntries entries;
};

TEST(CliDotenv, ReadsWhatItsGrammarSays) {
  const Case cases[] = {
      {"", {}},
      {"\n# comment\n   # another\n\n", {}},
      {"A=1", {{"A", "1"}}},
      {"A=1\r\nB=2\r\n", {{"A", "1"}, {"B", "2"}}},
      {"\xEF\xBB\xBF"
       "A=1\n",
       {{"A", "1"}}},
      {"export A=1\nexport\tB=2\nexport=3\n", {{"A", "1"}, {"B", "2"}, {"export", "3"}}},
      {"A = spaced out  \n", {{"A", "spaced out"}}},
      {"A=\nB=''\nC=\"\"\n", {{"A", ""}, {"B", ""}, {"C", ""}}},
      {"A=x#y\nB=x #y\nC=#y\n", {{"A", "x#y"}, {"B", "x"}, {"C", ""}}},
      {"A='x #y' # z\n", {{"A", "x #y"}}},
      {"A='no \\n escape'\nB=\"an\\nescape\"\n", {{"A", "no \\n escape"}, {"B", "an\nescape"}}},
      {"A=\"\\\"q\\\" \\\\ \\$X \\d\"\n", {{"A", "\"q\" \\ $X \\d"}}},
      {"A=$X ${Y}\n", {{"A", "$X ${Y}"}}},
      {"KEY=\"-----BEGIN\nabc\n-----END\"\nB=1\n",
       {{"KEY", "-----BEGIN\nabc\n-----END"}, {"B", "1"}}},
      {"A='one\r\ntwo'\n", {{"A", "one\ntwo"}}},
      {"A=`it's \"so\"`\n", {{"A", "it's \"so\""}}},
      {"A=it's\n", {{"A", "it's"}}},
      {"URL=postgres://u:p=w@h/db?x=1\n", {{"URL", "postgres://u:p=w@h/db?x=1"}}},
      {"A=1\nB=2\nA=3\n", {{"A", "3"}, {"B", "2"}}},
  };
  for (const Case& each : cases) {
    const auto read = parse_dotenv(each.text);
    ASSERT_TRUE(read) << each.text << ": " << read.error().detail;
    EXPECT_EQ(*read, each.entries) << each.text;
  }
}

TEST(CliDotenv, NamesTheLineOfWhatItRefuses) {
  const struct {
    const char* text;
    const char* reason;
    const char* line;
  } cases[] = {
      {"A=1\nnonsense\n", "missing_equals", "line 2:"},
      {"A=1\n\n1A=2\n", "bad_name", "line 3:"},
      {"=2\n", "bad_name", "line 1:"},
      {"A-B=2\n", "bad_name", "line 1:"},
      {"A=\"x\nB=2\n", "unbalanced_quote", "line 1:"},
      {"#\nA='x", "unbalanced_quote", "line 2:"},
      {"A=\"x\ny\" z\n", "text_after_quote", "line 2:"},
      {"A=\"x\ny\"\nnope\n", "missing_equals", "line 3:"},
      {"A=\"x\\", "unbalanced_quote", "line 1:"},
  };
  for (const auto& each : cases) {
    const auto read = parse_dotenv(each.text);
    ASSERT_FALSE(read) << each.text;
    EXPECT_EQ(read.error().reason, each.reason) << each.text;
    EXPECT_EQ(read.error().detail.rfind(each.line, 0), 0u) << read.error().detail;
  }
}

TEST(CliDotenv, ReadsBackWhatItWrites) {
  for (const std::string value :
       {"",    "plain", "two words", " outer ", "it's",   "'q'",         "\"q\"",
        "`b`", "a #b",  "#a",        "x\ny",    "x\r\ny", "back\\slash", "\\",
        "\\n", "$X",    "a\tb",      "\t",      "\r",     "\"\\\n'`# "}) {
    const auto read = parse_dotenv("A=" + dotenv_value(value) + "\nB=1\n");
    ASSERT_TRUE(read) << value << ": " << read.error().detail;
    EXPECT_EQ(*read, (DotenvEntries{{"A", value}, {"B", "1"}})) << value;
  }
}

}  // namespace
}  // namespace gantry
