// Which files an upload takes: by table, and against git itself.
#include "cli/tree.hpp"

#include <cstdlib>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/failure.hpp"
#include "cli/git_files.hpp"
#include "tests/cli/scratch.hpp"

namespace gantry::cli {
namespace {

using Names = std::set<std::string>;

Names files_of(const Tree& tree) {
  Names names;
  for (const TreeEntry& entry : tree.entries)
    if (!entry.is_directory) names.insert(entry.path);
  return names;
}

Names files_in(const std::string& root, GitIgnore gitignore = GitIgnore::counts) {
  return files_of(read_tree({.root = root, .gitignore = gitignore}));
}

Failure failure_of(const TreeOrder& order) {
  try {
    read_tree(order);
  } catch (const Failure& failure) {
    return failure;
  }
  return {"none", "none", ""};
}

// The user's own git configuration has no part in these tests.
class CliTree : public ::testing::Test {
 protected:
  CliTree() {
    ::setenv("HOME", home_.path().c_str(), 1);
    ::unsetenv("XDG_CONFIG_HOME");
  }
  ~CliTree() override { ::setenv("HOME", before_.c_str(), 1); }
  void make_repository() const { here_.make_directory(".git/info"); }

  const std::string before_ = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
  Scratch home_;
  Scratch here_;
};

TEST_F(CliTree, GitignoreCountsOnlyInAWorkTree) {
  here_.write("a.log", "1");
  here_.write("b", "1");
  here_.write(".gitignore", "*.log\n");
  EXPECT_EQ(files_in(here_.path()), (Names{".gitignore", "a.log", "b"}));
  make_repository();
  EXPECT_EQ(files_in(here_.path()), (Names{".gitignore", "b"}));
  EXPECT_EQ(files_in(here_.path(), GitIgnore::is_passed_over), (Names{".gitignore", "a.log", "b"}));
}

TEST_F(CliTree, GitAndNodeModulesAreNeverTaken) {
  here_.write("node_modules/x/a", "1");
  here_.write("web/node_modules/y", "1");
  here_.write(".git/config", "1");
  here_.write("lib/.git", "gitdir: ../x");
  here_.write(".railwayignore", "!node_modules\n!node_modules/**\n");
  here_.write("lib/a", "1");
  EXPECT_EQ(files_in(here_.path()), (Names{".railwayignore", "lib/a"}));
}

TEST_F(CliTree, TheStrongerFileDecides) {
  make_repository();
  here_.write(".gitignore", "one\ntwo\nthree\nfour\n");
  here_.write(".ignore", "!two\n!three\nfive\n");
  here_.write(".railwayignore", "three\n!four\nsix\nseven\n");
  here_.write(".gantryignore", "!seven\neight\n");
  here_.write(".git/info/exclude", "nine\n!one\n");
  home_.write(".config/git/ignore", "ten\n!nine\n");
  for (const char* name :
       {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "zero"})
    here_.write(name, "1");
  const Names rules{".gitignore", ".ignore", ".railwayignore", ".gantryignore"};
  Names expected{"two", "four", "seven", "zero"};
  expected.insert(rules.begin(), rules.end());
  EXPECT_EQ(files_in(here_.path()), expected);
  // Without .gitignore the rules beside it stay.
  expected.insert("one");
  EXPECT_EQ(files_in(here_.path(), GitIgnore::is_passed_over), expected);
}

TEST_F(CliTree, RulesFromAboveCountUpToTheTopOfTheWorkTree) {
  make_repository();
  here_.write(".gitignore", "/services/api/out\n*.tmp\n");
  here_.write("services/.railwayignore", "secret\n");
  for (const char* name : {"out", "a.tmp", "secret", "kept"})
    here_.write(std::string("services/api/") + name, "1");
  EXPECT_EQ(files_in(here_.at("services/api")), Names{"kept"});
  const Tree part = read_tree({.root = here_.path(), .below = "services/api"});
  EXPECT_EQ(files_of(part), Names{"services/api/kept"});
  ASSERT_EQ(part.entries.size(), 3u);
  EXPECT_EQ(part.entries[0].path, "services");
  EXPECT_TRUE(part.entries[1].is_directory);
  const Tree root =
      read_tree({.root = here_.path(), .below = "services/api", .below_is_root = true});
  EXPECT_EQ(root.entries.size(), 1u);
  EXPECT_EQ(root.entries[0].path, "kept");
}

TEST_F(CliTree, ARepositoryInsideHasItsOwnRules) {
  make_repository();
  here_.write(".gitignore", "*.x\n");
  here_.write("inner/.git/HEAD", "1");
  here_.write("inner/a.x", "1");
  here_.write("inner/a.y", "1");
  here_.write("inner/.gitignore", "*.y\n");
  EXPECT_EQ(files_in(here_.path()), (Names{".gitignore", "inner/.gitignore", "inner/a.x"}));
}

TEST_F(CliTree, WhatIsLeftOutNamesItsRule) {
  make_repository();
  here_.write("a/.gitignore", "# built\n\nout/\n");
  here_.write("a/out/b", "1");
  here_.write("node_modules/b", "1");
  here_.write("c", "1");
  const Tree tree = read_tree({.root = here_.path()});
  std::set<std::string> notes;
  for (const TreeNote& note : tree.left_out) notes.insert(note.path + " " + note.why);
  EXPECT_EQ(notes, (Names{".git/ always", "node_modules/ always", "a/out/ a/.gitignore:3: out/"}));
}

TEST_F(CliTree, LinksAreFollowedInsideTheRoot) {
  here_.write("lib/shared.js", "abc");
  here_.link("../lib/shared.js", "api/shared.js");
  here_.link("../lib", "api/lib");
  EXPECT_EQ(files_in(here_.path()), (Names{"api/lib/shared.js", "api/shared.js", "lib/shared.js"}));
  const Tree part = read_tree({.root = here_.path(), .below = "api", .below_is_root = true});
  EXPECT_EQ(files_of(part), (Names{"lib/shared.js", "shared.js"}));
}

TEST_F(CliTree, BadLinksAreNamed) {
  const Scratch outside;
  outside.write("secret", "1");
  here_.write("a/b", "1");
  here_.link("nowhere", "a/dangling");
  Failure failure = failure_of({.root = here_.path()});
  EXPECT_EQ(failure.code, "bad_link");
  EXPECT_NE(failure.message.find("a/dangling -> nowhere leads nowhere"), std::string::npos)
      << failure.message;
  here_.write(".gantryignore", "dangling\n");
  EXPECT_EQ(failure_of({.root = here_.path()}).code, "none");

  here_.link(outside.path(), "a/out");
  failure = failure_of({.root = here_.path()});
  EXPECT_NE(failure.message.find("a/out leads out of"), std::string::npos) << failure.message;
  here_.write(".gantryignore", "dangling\nout\n");

  here_.link("..", "a/up");
  failure = failure_of({.root = here_.path()});
  EXPECT_NE(failure.message.find("a/up leads in a circle"), std::string::npos) << failure.message;
  here_.write(".gantryignore", "dangling\nout\nup\n");

  here_.link("self", "a/self");
  failure = failure_of({.root = here_.path()});
  EXPECT_NE(failure.message.find("a/self -> self leads in a circle"), std::string::npos)
      << failure.message;
}

TEST_F(CliTree, CirclesThroughSeveralLinks) {
  here_.write("a/x", "1");
  here_.write("b/x", "1");
  here_.link("../b", "a/b");
  here_.link("../a", "b/a");
  EXPECT_NE(failure_of({.root = here_.path()}).message.find("circle"), std::string::npos);
}

TEST_F(CliTree, PipesArePassedOver) {
  here_.write("a", "1");
  ASSERT_EQ(::mkfifo(here_.at("pipe").c_str(), 0600), 0);
  const Tree tree = read_tree({.root = here_.path()});
  EXPECT_EQ(files_of(tree), Names{"a"});
  ASSERT_EQ(tree.passed_over.size(), 1u);
  EXPECT_EQ(tree.passed_over[0].path, "pipe");
}

TEST(CliGitFiles, ExcludesFileOfAConfiguration) {
  EXPECT_EQ(excludes_setting("[core]\n\texcludesFile = ~/.gitignore_global\n"),
            "~/.gitignore_global");
  EXPECT_EQ(excludes_setting("[user]\nname = x\n[CORE]\nEXCLUDESFILE=\"/a b\" # note\n"), "/a b");
  EXPECT_EQ(excludes_setting("[core] excludesfile = /x\n"), "/x");
  EXPECT_EQ(excludes_setting("[core]\n#excludesfile = /x\n[other]\nexcludesfile = /y\n"),
            std::nullopt);
}

// Random rules at every level of a random tree: what is taken is what git would add.
TEST_F(CliTree, AgreesWithGit) {
  ASSERT_EQ(std::system("git --version >/dev/null 2>&1"), 0) << "git is missing";
  const std::vector<std::string> atoms{"a",   "b",   "*",     "?",  "**", "a*", "[ab]", "[!a]",
                                       "*.c", "a.c", "\\a",   "!",  "/",  "/",  "/",    " ",
                                       "#",   "x",   "[a-b]", "ab", ".c", "x/", "**/",  "/**"};
  const std::vector<std::string> names{"a", "b", "ab", "a.c", "x", "c"};
  for (unsigned seed = 1; seed <= 120; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](const std::vector<std::string>& from) {
      return from[random() % from.size()];
    };
    const Scratch scratch;
    std::string all;
    const auto write_rules = [&](const std::string& file) {
      std::string rules;
      for (unsigned i = 1 + random() % 4; i > 0; --i) {
        if (random() % 3 == 0) rules += '!';
        for (unsigned j = 1 + random() % 4; j > 0; --j) rules += pick(atoms);
        rules += random() % 4 == 0 ? "\r\n" : "\n";
      }
      scratch.write(file, rules);
      all += "--- " + file + "\n" + rules;
    };
    for (int i = 0; i < 30; ++i) {
      std::string path;
      for (unsigned j = random() % 3; j > 0; --j) path += "d" + pick(names) + "/";
      scratch.write(path + pick(names), "1");
      if (random() % 5 == 0) write_rules(path + ".gitignore");
    }
    write_rules(".gitignore");
    const std::string list = home_.at("list");
    ASSERT_EQ(std::system(("cd " + scratch.path() +
                           " && git init -q . 2>/dev/null && git "
                           "ls-files -o --exclude-standard -z > " +
                           list)
                              .c_str()),
              0);
    if (random() % 2 == 0) {
      write_rules(".git/info/exclude");
      ASSERT_EQ(std::system(
                    ("cd " + scratch.path() + " && git ls-files -o --exclude-standard -z > " + list)
                        .c_str()),
                0);
    }
    std::ifstream in(list);
    Names expected;
    for (std::string path; std::getline(in, path, '\0');) expected.insert(path);
    ASSERT_EQ(files_in(scratch.path()), expected) << "seed " << seed << "\n" << all;
  }
}

}  // namespace
}  // namespace gantry::cli
