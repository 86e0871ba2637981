// What the forges send, read; and what is refused.
#include <gtest/gtest.h>

#include "proto/forge.hpp"

namespace gantry {
namespace {

const std::string kA(40, 'a'), kB(40, 'b'), kNone(40, '0');

template <class T>
T read(Forge forge, const std::string& type, const std::string& body) {
  const auto events = parse_hook(forge, type, body);
  if (!events) {
    ADD_FAILURE() << events.error().detail;
    return {};
  }
  if (events->size() != 1 || !std::holds_alternative<T>(events->front())) {
    ADD_FAILURE() << events->size() << " events, the first one " << events->front().index();
    return {};
  }
  return std::get<T>(events->front());
}

TEST(GitHook, APushOfEachForge) {
  const std::string body = R"({"ref":"refs/heads/main","before":")" + kB + R"(","after":")" + kA +
                           R"(","head_commit":{"message":"hi","author":{"name":"Ada"}}})";
  for (const auto& [forge, type] :
       {std::pair(Forge::github, "push"), std::pair(Forge::gitea, "push"),
        std::pair(Forge::gitlab, "Push Hook")}) {
    const auto push = read<PushEvent>(forge, type, body);
    EXPECT_EQ(push.branch, "main");
    EXPECT_EQ(push.commit, kA);
    EXPECT_EQ(push.previous, kB);
    EXPECT_EQ(push.message, "hi");
  }
  const auto push = read<PushEvent>(
      Forge::bitbucket, "repo:push",
      R"({"push":{"changes":[{"old":null,"new":{"type":"branch","name":"main","target":{"hash":")" +
          kA + R"("}}}]}})");
  EXPECT_EQ(push.branch, "main");
  EXPECT_EQ(push.commit, kA);
}

TEST(GitHook, OnePushOfSeveralBranches) {
  const auto events = parse_hook(
      Forge::bitbucket, "repo:push",
      R"({"push":{"changes":[{"new":{"type":"branch","name":"main","target":{"hash":")" + kA +
          R"("}}},{"new":{"type":"tag","name":"v1"}},{"new":null,"old":{"type":"branch","name":"x"}},
          {"new":{"type":"branch","name":"next","target":{"hash":")" +
          kB + R"("}}}]}})");
  ASSERT_TRUE(events) << events.error().detail;
  ASSERT_EQ(events->size(), 4u);
  EXPECT_EQ(std::get<PushEvent>(events->at(0)).branch, "main");
  EXPECT_TRUE(std::holds_alternative<OtherEvent>(events->at(1)));
  EXPECT_EQ(std::get<PushEvent>(events->at(2)).commit, "");
  EXPECT_EQ(std::get<PushEvent>(events->at(3)).branch, "next");
  EXPECT_EQ(std::get<PushEvent>(events->at(3)).commit, kB);
  EXPECT_FALSE(
      parse_hook(Forge::bitbucket, "repo:push",
                 R"({"push":{"changes":[{"new":{"type":"branch","name":"main","target":{"hash":")" +
                     kA + R"("}}},{"new":{"type":"branch","name":"-x"}}]}})"))
      << "half of a push is none";
}

TEST(GitHook, ADeletedBranchHasNoCommit) {
  EXPECT_EQ(read<PushEvent>(Forge::github, "push",
                            R"({"ref":"refs/heads/x","deleted":true,"after":")" + kNone + "\"}")
                .commit,
            "");
  EXPECT_EQ(
      read<PushEvent>(Forge::bitbucket, "repo:push",
                      R"({"push":{"changes":[{"new":null,"old":{"type":"branch","name":"x"}}]}})")
          .commit,
      "");
}

TEST(GitHook, TagsAndStrangersAreOtherEvents) {
  read<OtherEvent>(Forge::github, "push", R"({"ref":"refs/tags/v1","after":")" + kA + "\"}");
  read<OtherEvent>(Forge::github, "ping", "{}");
  read<OtherEvent>(Forge::github, "status",
                   R"({"sha":")" + kA + R"(","state":"pending","context":"gantry/x/y"})");
  read<OtherEvent>(Forge::gitlab, "Pipeline Hook",
                   R"({"object_attributes":{"source":"external","sha":")" + kA + "\"}}");
}

std::string pull(const std::string& action, const std::string& head_repo,
                 const std::string& type = "User") {
  return R"({"action":")" + action +
         R"(","pull_request":{"number":7,"title":"t","user":{"login":"ada","type":")" + type +
         R"("},"head":{"ref":"f","sha":")" + kA + R"(","repo":)" + head_repo +
         R"(},"base":{"ref":"main","repo":{"id":1}}}})";
}

TEST(GitHook, PullRequestsTellForksAndBots) {
  const auto own = read<PullEvent>(Forge::github, "pull_request", pull("opened", R"({"id":1})"));
  EXPECT_EQ(own.action, PullEvent::Action::opened);
  EXPECT_EQ(own.number, 7);
  EXPECT_FALSE(own.fork);
  EXPECT_FALSE(own.bot);
  EXPECT_TRUE(read<PullEvent>(Forge::github, "pull_request", pull("opened", R"({"id":2})")).fork);
  EXPECT_TRUE(read<PullEvent>(Forge::github, "pull_request", pull("opened", "null")).fork)
      << "a fork that was deleted";
  EXPECT_TRUE(
      read<PullEvent>(Forge::github, "pull_request", pull("opened", R"({"id":1})", "Bot")).bot);
  EXPECT_EQ(
      read<PullEvent>(Forge::gitea, "pull_request", pull("synchronized", R"({"id":1})")).action,
      PullEvent::Action::updated);
  EXPECT_EQ(read<PullEvent>(Forge::github, "pull_request", pull("closed", R"({"id":1})")).action,
            PullEvent::Action::closed);
  read<OtherEvent>(Forge::github, "pull_request", pull("labeled", R"({"id":1})"));
}

TEST(GitHook, MergeRequestsToo) {
  const auto body = [](const std::string& action, int source) {
    return R"({"user":{"username":"ada"},"object_attributes":{"iid":3,"action":")" + action +
           R"(","title":"t","source_branch":"f","target_branch":"main","source_project_id":)" +
           std::to_string(source) + R"(,"target_project_id":1,"last_commit":{"id":")" + kA +
           "\"}}}";
  };
  const auto opened = read<PullEvent>(Forge::gitlab, "Merge Request Hook", body("open", 1));
  EXPECT_EQ(opened.number, 3);
  EXPECT_EQ(opened.head_commit, kA);
  EXPECT_FALSE(opened.fork);
  EXPECT_TRUE(read<PullEvent>(Forge::gitlab, "Merge Request Hook", body("update", 2)).fork);
  EXPECT_EQ(read<PullEvent>(Forge::gitlab, "Merge Request Hook", body("merge", 1)).action,
            PullEvent::Action::closed);
}

TEST(GitHook, PullRequestsOfBitbucketTellForks) {
  const auto body = [](const std::string& source, const std::string& destination) {
    return R"({"pullrequest":{"id":4,"title":"t","author":{"nickname":"ada"},"source":{"branch":)"
           R"({"name":"f"},"commit":{"hash":"0123456789ab"})" +
           source + R"(},"destination":{"branch":{"name":"main"})" + destination + "}}}";
  };
  const std::string one = R"(,"repository":{"uuid":"{1}"})",
                    other = R"(,"repository":{"uuid":"{2}"})";
  const auto fork = [&](const std::string& source, const std::string& destination) {
    return read<PullEvent>(Forge::bitbucket, "pullrequest:created", body(source, destination)).fork;
  };
  EXPECT_FALSE(fork(one, one));
  EXPECT_TRUE(fork(other, one));
  EXPECT_TRUE(fork(R"(,"repository":null)", one)) << "a fork that was deleted";
  EXPECT_TRUE(fork(R"(,"repository":{})", one)) << "nobody says";
  EXPECT_TRUE(fork("", ""));
}

TEST(GitHook, ChecksOfACommit) {
  const auto suite = [](const std::string& status, const std::string& conclusion) {
    return R"({"check_suite":{"head_sha":")" + kA + R"(","status":")" + status +
           R"(","conclusion":)" + conclusion + R"(,"app":{"name":"ci"}}})";
  };
  EXPECT_EQ(read<CheckEvent>(Forge::github, "check_suite", suite("completed", "\"success\"")).state,
            CheckState::success);
  EXPECT_EQ(read<CheckEvent>(Forge::github, "check_suite", suite("in_progress", "null")).state,
            CheckState::pending);
  EXPECT_EQ(
      read<CheckEvent>(Forge::github, "check_suite", suite("completed", "\"timed_out\"")).state,
      CheckState::failure);
  EXPECT_EQ(read<CheckEvent>(Forge::gitlab, "Pipeline Hook",
                             R"({"object_attributes":{"sha":")" + kA + R"(","status":"failed"}})")
                .state,
            CheckState::failure);
}

TEST(GitHook, WhatIsMissingIsNamed) {
  for (const auto& [type, body] : {
           std::pair<std::string, std::string>{"push", "[]"},
           {"push", "no json"},
           {"push", "{}"},
           {"push", R"({"ref":"refs/heads/main","after":"HEAD"})"},
           {"pull_request", R"({"action":"opened","pull_request":{"number":-1}})"},
           {"pull_request", R"({"action":"opened","pull_request":"x"})"},
           {"status", R"({"sha":"--upload-pack=x","state":"success","context":"x"})"},
       }) {
    const auto event = parse_hook(Forge::github, type, body);
    ASSERT_FALSE(event) << body;
    EXPECT_EQ(event.error().reason, "malformed_hook");
  }
}

TEST(GitHook, AnswersOfTheForges) {
  EXPECT_EQ(*parse_checks(Forge::github, R"({"check_suites":[]})"), std::nullopt);
  EXPECT_EQ(*parse_checks(Forge::github,
                          R"({"check_suites":[{"status":"completed","conclusion":"success"},
                             {"status":"queued","conclusion":null}]})"),
            CheckState::pending);
  EXPECT_EQ(*parse_checks(Forge::github,
                          R"({"check_suites":[{"status":"queued","latest_check_runs_count":0},
                             {"status":"completed","conclusion":"success"}]})"),
            CheckState::success)
      << "an application that runs nothing";
  EXPECT_EQ(*parse_checks(Forge::github, R"({"statuses":[{"context":"gantry/a","state":"pending"},
                                            {"context":"ci","state":"success"}]})"),
            CheckState::success)
      << "our own does not count";
  EXPECT_EQ(*parse_checks(Forge::gitlab, R"([{"source":"push","status":"failed"}])"),
            CheckState::failure);
  EXPECT_FALSE(parse_checks(Forge::github, "<html>"));
  EXPECT_EQ(comment_id(R"({"id":12})"), "12");
  EXPECT_EQ(comment_id("[]"), "");
}

TEST(GitHook, RequestsToTheForges) {
  const CommitStatus status{.state = CheckState::failure,
                            .context = "gantry/production/api",
                            .description = "d",
                            .url = "u"};
  EXPECT_EQ(status_request(Forge::github, "t/a", kA, status).path, "/repos/t/a/statuses/" + kA);
  const auto lab = status_request(Forge::gitlab, "t/a", kA, status);
  EXPECT_EQ(lab.path, "/projects/t%2Fa/statuses/" + kA);
  EXPECT_NE(lab.body.find(R"("state":"failed")"), std::string::npos);
  EXPECT_EQ(comment_request(Forge::gitea, "t/a", 4, "", "x").path, "/repos/t/a/issues/4/comments");
  EXPECT_EQ(comment_request(Forge::gitea, "t/a", 4, "9", "x").method, "PATCH");
  EXPECT_EQ(comment_request(Forge::gitlab, "t/a", 4, "9", "x").path,
            "/projects/t%2Fa/merge_requests/4/notes/9");
  EXPECT_EQ(api_url_of(Forge::github, "https", "github.com"), "https://api.github.com");
  EXPECT_EQ(api_url_of(Forge::gitea, "ssh", "git.example.com:22"),
            "https://git.example.com/api/v1");
}

}  // namespace
}  // namespace gantry
