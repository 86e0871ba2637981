// Addresses and branches: what is taken, what is refused, and why.
#include <gtest/gtest.h>

#include "proto/git_url.hpp"

namespace gantry {
namespace {

TEST(GitUrl, EachFormIsReadIntoItsParts) {
  struct Case {
    const char *text, *scheme, *host, *owner, *name;
  };
  for (const Case& each : {
           Case{"https://git.example.com/team/app.git", "https", "git.example.com", "team", "app"},
           Case{"http://127.0.0.1:3000/a/b/c", "http", "127.0.0.1:3000", "a/b", "c"},
           Case{"ssh://git@Git.Example.com:22/team/app.git", "ssh", "git.example.com:22", "team",
                "app"},
           Case{"git@git.example.com:team/app.git", "ssh", "git.example.com", "team", "app"},
           Case{"file:///srv/repos/app.git", "file", "", "srv/repos", "app"},
       }) {
    const auto url = parse_repository_url(each.text);
    ASSERT_TRUE(url) << each.text;
    EXPECT_EQ(url->scheme, each.scheme) << each.text;
    EXPECT_EQ(url->host, each.host) << each.text;
    EXPECT_EQ(url->owner(), each.owner) << each.text;
    EXPECT_EQ(url->name(), each.name) << each.text;
    EXPECT_EQ(url->url, each.text);
  }
}

TEST(GitUrl, WhatWouldReadAsAnOptionOrAProgramIsRefused) {
  for (const char* text : {"",
                           "-oProxyCommand=x",
                           "ext::sh -c x",
                           "--upload-pack=x",
                           "https://",
                           "https://host",
                           "https://host/",
                           "ftp://host/a",
                           "git@-oProxyCommand=x:a/b",
                           "ssh://-oProxyCommand=x/a",
                           "https://host/../a",
                           "https://host/a b",
                           "https://host/a\nb",
                           "https://host/$(id)",
                           "https://host/`id`",
                           "https://host/a;b",
                           "/srv/repos/app",
                           "./app",
                           "host:path",
                           "fd::17/a",
                           "https://host/-a"})
    EXPECT_FALSE(parse_repository_url(text)) << text;
  const auto password = parse_repository_url("https://me:secret@host/a/b");
  ASSERT_FALSE(password);
  EXPECT_EQ(password.error().reason, "credentials_in_url");
  EXPECT_EQ(password.error().detail.find("secret"), std::string::npos);
}

TEST(GitUrl, BranchesKeepToGitsRules) {
  for (const char* good : {"main", "feature/x", "release-1.2", "a@b", "ümlaut"})
    EXPECT_TRUE(is_branch_name(good)) << good;
  for (const char* bad :
       {"",   "-x", "/x", "x/",   ".x",     "x.",       "a..b", "a b",   "a~1",  "a^",   "a:b",
        "a?", "a*", "a[", "a\\b", "a.lock", "a.lock/b", "@",    "a@{1}", "a//b", "a/.b", "a\nb"})
    EXPECT_FALSE(is_branch_name(bad)) << bad;
  EXPECT_TRUE(is_commit(std::string(40, 'a')));
  EXPECT_FALSE(is_commit(std::string(39, 'a')));
  EXPECT_FALSE(is_commit(std::string(40, 'A')));
}

}  // namespace
}  // namespace gantry
