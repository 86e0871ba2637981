// .dockerignore as Docker reads it. The table follows the behaviour of its own matcher, quirks
// included: "**x" without another wildcard is an ending. (Version 20.10 of its client has another
// opinion of that one, and of exceptions with wildcards below a directory that is ignored.)
#include "runtime/build/dockerignore.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

struct Case {
  std::string rules;
  std::string path;
  bool ignored;
};

const std::vector<Case> kCases = {
    {"", "a", false},
    {"a", "a", true},
    {"a", "a/b/c", true},
    {"a", "b/a", false},
    {"a", "ab", false},
    {"/a", "a", true},
    {"/a", "b/a", false},
    {"./a/", "a/b", true},
    {"a/../b", "b", true},
    {"../a", "a", false},
    {"*", "a", true},
    {"*", "a/b", true},
    {"*.md", "README.md", true},
    {"*.md", "docs/README.md", false},
    {"*/*.md", "docs/README.md", true},
    {"*/*.md", "docs/a/README.md", false},
    {"a*c", "abbbc", true},
    {"a*c", "ab/c", false},
    {"**", "a", true},
    {"**", "a/b", true},
    {"**/", "a/b", true},
    {"**/foo", "foo", true},
    {"**/foo", "a/b/foo", true},
    {"**/foo", "a/foo/b", true},
    {"**/foo", "a/xfoo", false},
    {"**foo", "a/xfoo", true},
    {"**foo", "foo/bar", true},
    {"**/*.go", "main.go", true},
    {"**/*.go", "a/b/main.go", true},
    {"**/*.go", "a/main.gox", false},
    {"foo/**", "foo/bar", true},
    {"foo/**", "foo", false},
    {"foo/**", "food", false},
    {"foo**", "food", true},
    {"a/**/b", "a/b", true},
    {"a/**/b", "a/x/y/b", true},
    {"a/**/b", "a/xb", false},
    {"a/**/b", "ab", false},
    {"**/a/**/b/**", "x/a/y/b/z", true},
    {"**/node_modules", "packages/api/node_modules/x/index.js", true},
    {"?", "a", true},
    {"?", "ab", false},
    {"?", "ü", true},
    {"a?b", "a/b", false},
    {"[a-c]x", "bx", true},
    {"[a-c]x", "dx", false},
    {"[^a-c]x", "dx", true},
    {"[^a-c]x", "ax", false},
    {"[!a]x", "!x", true},
    {"[!a]x", "bx", false},
    {"a[ü]", "aü", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\#x", "#x", true},
    {"a+b(c)|$.{d}", "a+b(c)|$.{d}", true},
    {"a.c", "abc", false},
    {"# a comment\nb", "# a comment", false},
    {" # no comment", "# no comment", true},
    {"\xef\xbb\xbf"
     "a\nb",
     "a", true},
    {"a\r\nb\r\n", "a", true},
    {"  a  ", "a", true},
    {"a b", "a b", true},
    {"*\n!a", "a", false},
    {"*\n!a", "b", true},
    {"*\n!a", "a/b", false},
    {"*\n!a/b", "a/b", false},
    {"*\n!a/b", "a/c", true},
    {"*\n! /a", "a", false},
    {"a\n!a/b\na/b/c", "a/b/c", true},
    {"a\n!a/b\na/b/c", "a/b/d", false},
    {"!a\na", "a", true},
    {"**\n!**/*.go", "a/main.go", false},
    {"**\n!**/*.go", "a/main.c", true},
    {".", "a", false},
    {"/", "a", false},
    {"a/b/c", "a/b", false},
    {"]", "]", true},
};

TEST(DockerignoreTest, Table) {
  for (const auto& one : kCases) {
    const auto ignore = DockerIgnore::parse(one.rules);
    ASSERT_TRUE(ignore.ok()) << one.rules << " " << ignore.error().detail;
    EXPECT_EQ(ignore->ignores(one.path), one.ignored) << one.rules << " | " << one.path;
  }
}

TEST(DockerignoreTest, WhatCannotBeReadHasItsLine) {
  for (const std::string bad : {"[", "a[", "[]", "[^]", "[a-]", "[-a]", "[z-a]", "a\\", "!", "! "})
    EXPECT_EQ(DockerIgnore::parse("ok\n\n" + bad).error().detail.find(".dockerignore:3: "), 0U)
        << bad;
}

TEST(DockerignoreTest, ManyStarsEnd) {
  std::string rule;
  for (int i = 0; i < 200; ++i) rule += "**/*a";
  const auto ignore = DockerIgnore::parse(rule);
  ASSERT_TRUE(ignore.ok());
  EXPECT_FALSE(ignore->ignores(std::string(1000, 'a') + "b"));
}

TEST(DockerignoreTest, ExceptionsAreKnown) {
  EXPECT_FALSE(DockerIgnore::parse("a\nb")->has_exceptions());
  EXPECT_TRUE(DockerIgnore::parse("a\n!a/b")->has_exceptions());
}

}  // namespace
}  // namespace gantry
