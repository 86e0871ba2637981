#include "proto/ignore.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

namespace gantry {
namespace {

namespace fs = std::filesystem;

bool ignored(const std::string& rules, const std::string& path, bool directory = false) {
  const IgnoreRules parsed = IgnoreRules::parse(rules);
  const IgnoreRule* rule = parsed.decide(path, directory);
  return rule != nullptr && !rule->negated;
}

TEST(ProtoIgnore, Table) {
  EXPECT_TRUE(ignored("*.log", "a/b/x.log"));
  EXPECT_FALSE(ignored("/*.log", "a/x.log"));
  EXPECT_TRUE(ignored("/*.log", "x.log"));
  EXPECT_TRUE(ignored("build/", "a/build", true));
  EXPECT_FALSE(ignored("build/", "a/build", false));
  EXPECT_TRUE(ignored("doc/*.txt", "doc/a.txt"));
  EXPECT_FALSE(ignored("doc/*.txt", "doc/sub/a.txt"));
  EXPECT_TRUE(ignored("**/foo/bar", "a/b/foo/bar"));
  EXPECT_TRUE(ignored("**/foo", "foo"));
  EXPECT_TRUE(ignored("a/**/b", "a/b"));
  EXPECT_TRUE(ignored("a/**/b", "a/x/y/b"));
  EXPECT_TRUE(ignored("abc/**", "abc/x"));
  EXPECT_FALSE(ignored("abc/**", "abc", true));
  EXPECT_TRUE(ignored("\\#x", "#x"));
  EXPECT_TRUE(ignored("\\!x", "!x"));
  EXPECT_TRUE(ignored("x   ", "x"));
  EXPECT_TRUE(ignored("x\\ ", "x "));
  EXPECT_TRUE(ignored("\xef\xbb\xbfx\r\ny\r\n", "x"));
  EXPECT_TRUE(ignored("[a-c]x", "bx"));
  EXPECT_FALSE(ignored("[!a-c]x", "bx"));
  EXPECT_TRUE(ignored("[[:digit:]]", "7"));
  EXPECT_FALSE(ignored("*.log\n!keep.log", "keep.log"));
  EXPECT_FALSE(ignored("# comment\n\n", "comment"));
  EXPECT_TRUE(ignored("***/x", "a/b/x"));
  EXPECT_TRUE(ignored("a/***/x", "a/x"));
  EXPECT_TRUE(ignored("a\\/b", "a/b"));
  EXPECT_TRUE(ignored("/[!/]x", "ax"));
  EXPECT_FALSE(ignored("a[/]b", "a/b"));
  EXPECT_FALSE(ignored("a//b", "a/b"));
  EXPECT_TRUE(ignored("[[:graph:]]", "a"));
  EXPECT_FALSE(ignored("[a", "[a")) << "a class without an end matches nothing";
}

TEST(ProtoIgnore, RulesOfADirectoryCountBelowIt) {
  const IgnoreRules rules = IgnoreRules::parse("/x\ny", "a/b");
  EXPECT_TRUE(rules.decide("a/b/x", false));
  EXPECT_FALSE(rules.decide("x", false));
  EXPECT_FALSE(rules.decide("a/b/c/x", false));
  EXPECT_TRUE(rules.decide("a/b/c/y", false));
  EXPECT_FALSE(rules.decide("a/bc/y", false));
}

TEST(ProtoIgnore, WatchPatternsIncludeWhatTheyName) {
  const std::vector<std::string> paths{"README.md", "packages/lib/a.ts", "services/api/a.ts",
                                       "services/api/doc/x.md", "services/web/a.ts"};
  using Paths = std::vector<std::string>;
  EXPECT_EQ(watched({"services/api/**"}, paths), (Paths{paths[2], paths[3]}));
  EXPECT_EQ(watched({"/services/api"}, paths), (Paths{paths[2], paths[3]}));
  EXPECT_EQ(watched({"services/api/**", "!**/*.md"}, paths), Paths{paths[2]});
  EXPECT_EQ(watched({"!**/*.md", "services/api/**"}, paths), (Paths{paths[2], paths[3]}));
  EXPECT_EQ(watched({"*.md"}, paths), (Paths{paths[0], paths[3]}));
  EXPECT_EQ(watched({"nothing/**"}, paths), Paths{});
  EXPECT_EQ(watched({"services/**", "!services/web/"}, paths), (Paths{paths[2], paths[3]}));
}

TEST(ProtoIgnore, HostilePatternsTakeNoTime) {
  std::string stars, name(2000, 'a');
  for (int i = 0; i < 200; ++i) stars += "*a";
  EXPECT_FALSE(glob_matches(stars + "b", name));
  std::string deep, path;
  for (int i = 0; i < 200; ++i) {
    deep += "**/a/";
    path += "a/";
  }
  EXPECT_FALSE(ignored(deep + "b", path + "c"));
}

// Whatever the rules and the tree: what a walk leaves is what git would add.
TEST(ProtoIgnore, AgreesWithGit) {
  if (std::system("git --version >/dev/null 2>&1") != 0) FAIL() << "git is missing";
  const fs::path root = fs::temp_directory_path() / ("gantry-ignore-" + std::to_string(getpid()));
  const std::vector<std::string> atoms{"a",    "b",   "*",   "?",     "**", "a*", "[ab]",
                                       "[!a]", "*.c", "a.c", "\\a",   "!",  "/",  "/",
                                       "/",    " ",   "#",   "[a-b]", "ab", ".c"};
  for (unsigned seed = 1; seed <= 150; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](const std::vector<std::string>& from) {
      return from[random() % from.size()];
    };
    fs::remove_all(root);
    fs::create_directories(root);
    std::string rules;
    for (unsigned i = 1 + random() % 4; i > 0; --i) {
      if (random() % 3 == 0) rules += '!';
      for (unsigned j = 1 + random() % 5; j > 0; --j) rules += pick(atoms);
      if (random() % 4 == 0) rules += '/';
      rules += '\n';
    }
    std::ofstream(root / ".gitignore") << rules;
    for (int i = 0; i < 25; ++i) {
      fs::path path = root;
      const std::vector<std::string> names{"a", "b", "ab", "a.c", "c"};
      for (unsigned j = random() % 3; j > 0; --j) path /= "d" + pick(names);
      fs::create_directories(path);
      std::ofstream(path / pick(names)) << "x";
    }
    const std::string list = (root / ".list").string();
    const std::string command =
        "cd " + root.string() +
        " && git init -q . 2>/dev/null && git -c core.excludesFile=/dev/null "
        "ls-files -o --exclude-standard -z > " +
        list;
    ASSERT_EQ(std::system(command.c_str()), 0);
    std::ifstream in(list);
    std::set<std::string> expected;
    for (std::string path; std::getline(in, path, '\0');)
      if (path != ".list") expected.insert(path);
    std::set<std::string> left;
    const IgnoreRules parsed = IgnoreRules::parse(rules);
    for (auto at = fs::recursive_directory_iterator(root); at != fs::end(at); ++at) {
      const std::string path = fs::relative(at->path(), root).string();
      const IgnoreRule* rule = parsed.decide(path, at->is_directory());
      const bool out = (rule != nullptr && !rule->negated) || path == ".git" || path == ".list";
      if (out && at->is_directory()) at.disable_recursion_pending();
      if (!out && !at->is_directory()) left.insert(path);
    }
    EXPECT_EQ(left, expected) << "seed " << seed << ", rules:\n" << rules;
  }
  fs::remove_all(root);
}

}  // namespace
}  // namespace gantry
