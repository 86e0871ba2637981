// Fetching with the real program, from repositories on this disk.
#include "runtime/git/fetch.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "runtime/build/unpack.hpp"
#include "runtime/git/git_program.hpp"
#include "runtime/git/work.hpp"
#include "runtime/process.hpp"
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

class GitFetch : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(tree());
    git({"init", "-q", "-b", "main"});
    commit({{"app.txt", "one"}, {"api/a.txt", "a"}, {"web/w.txt", "w"}}, "first");
    options_.directory = folder_.path() + "/git";
    options_.allow_files = true;
    options_.reserve_bytes = 0;
  }

  std::string tree() const { return folder_.path() + "/tree"; }
  std::string url() const { return "file://" + tree(); }

  std::string git(std::vector<std::string> arguments) {
    Program program;
    program.argv = {"/usr/bin/git", "-C", tree()};
    program.argv.insert(program.argv.end(), arguments.begin(), arguments.end());
    program.environment = {{"HOME", folder_.path()},      {"PATH", "/usr/bin:/bin"},
                           {"GIT_AUTHOR_NAME", "Ada"},    {"GIT_AUTHOR_EMAIL", "a@example.com"},
                           {"GIT_COMMITTER_NAME", "Ada"}, {"GIT_COMMITTER_EMAIL", "a@example.com"}};
    const auto finished = run(program, 30);
    EXPECT_TRUE(finished && finished->exit_code == 0) << (finished ? finished->output : "");
    return finished ? finished->output.substr(0, finished->output.find('\n')) : "";
  }

  std::string commit(const std::vector<std::pair<std::string, std::string>>& files,
                     const std::string& message) {
    for (const auto& [path, text] : files) {
      fs::create_directories(fs::path(tree() + "/" + path).parent_path());
      std::ofstream(tree() + "/" + path) << text;
    }
    git({"add", "-A"});
    git({"commit", "-q", "--allow-empty", "-m", message});
    return git({"rev-parse", "HEAD"});
  }

  Result<Fetched> fetch(const std::string& branch = "main",
                        const std::function<void(FetchOrder&)>& change = nullptr) {
    remote_ = make_git_remote(options_, *sources_);
    FetchOrder order{.project_id = project_, .url = url(), .ref = "refs/heads/" + branch};
    if (change) change(order);
    return remote_->fetch(order);
  }
  std::string reason(const std::string& branch = "main") {
    const auto fetched = fetch(branch);
    return fetched ? "" : fetched.error().reason;
  }
  // What the archive holds.
  std::string unpacked(const Fetched& fetched) {
    const std::string to = folder_.path() + "/out" + std::to_string(++count_);
    const auto done_it =
        unpack({.archive = source_file(folder_.path() + "/sources", project_, fetched.archive),
                .folder = to});
    EXPECT_TRUE(done_it);
    return to;
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Sources> sources_ =
      make_sources({.directory = folder_.path() + "/sources", .reserve_bytes = 0});
  GitOptions options_;
  std::unique_ptr<GitRemote> remote_;
  ProjectId project_ = ProjectId::make(system_clock().now());
  int count_ = 0;
};

TEST_F(GitFetch, TheNewestCommitBecomesAnArchive) {
  const std::string head = commit({{"app.txt", "two"}}, "second\n\nwith a body");
  const auto fetched = fetch();
  ASSERT_TRUE(fetched) << fetched.error().detail;
  EXPECT_EQ(fetched->commit, head);
  EXPECT_EQ(fetched->author, "Ada");
  EXPECT_EQ(fetched->message, "second\n\nwith a body");
  const std::string out = unpacked(*fetched);
  std::ifstream file(out + "/app.txt");
  std::string text;
  std::getline(file, text);
  EXPECT_EQ(text, "two");
  EXPECT_FALSE(fs::exists(out + "/.git"));
  const auto again = fetch();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->archive, fetched->archive) << "the same files, the same bytes";
  EXPECT_TRUE(fs::is_empty(options_.directory + "/work"));
}

TEST_F(GitFetch, AForcePushDeploysWhatIsThere) {
  commit({{"app.txt", "two"}}, "second");
  git({"reset", "-q", "--hard", "HEAD~1"});
  const std::string head = commit({{"app.txt", "other"}}, "another second");
  const auto fetched = fetch();
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->commit, head);
}

TEST_F(GitFetch, EachEndHasItsReason) {
  EXPECT_EQ(reason("nobody"), "unknown_branch");
  options_.allow_files = false;
  EXPECT_EQ(reason(), "protocol_refused");
  options_.allow_files = true;
  const auto nowhere =
      fetch("main", [&](FetchOrder& order) { order.url = "file://" + folder_.path() + "/none"; });
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Code::invalid) << nowhere.error().detail;
  options_.program = "/nowhere/git";
  EXPECT_EQ(reason(), "exec_failed");
}

TEST_F(GitFetch, ABigRepositoryEndsAndLeavesNothing) {
  std::string noise(3 << 20, '\0');
  std::ifstream("/dev/urandom", std::ios::binary)
      .read(noise.data(), static_cast<long>(noise.size()));
  commit({{"noise", noise}}, "big");
  options_.bytes = 2 << 20;
  EXPECT_EQ(reason(), "repository_too_large");
  EXPECT_TRUE(fs::is_empty(options_.directory + "/work"));
  EXPECT_FALSE(fs::exists(folder_.path() + "/sources"));
}

TEST_F(GitFetch, LfsPointersAreNamed) {
  commit({{"web/photo.jpg", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"}},
         "pointer");
  const auto fetched = fetch();
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().reason, "lfs_pointers");
  EXPECT_NE(fetched.error().detail.find("web/photo.jpg"), std::string::npos);
}

TEST_F(GitFetch, HooksAndFiltersOfTheRepositoryDoNotRun) {
  commit({{".gitattributes", "* filter=evil\n"}, {"a", "b"}}, "filter");
  git({"config", "filter.evil.smudge", "touch " + folder_.path() + "/evil"});
  ASSERT_TRUE(fetch());
  EXPECT_FALSE(fs::exists(folder_.path() + "/evil"));
}

TEST_F(GitFetch, LinksStayLinks) {
  fs::create_symlink("/etc/passwd", tree() + "/outside");
  fs::create_symlink("app.txt", tree() + "/inside");
  commit({}, "links");
  const auto fetched = fetch();
  ASSERT_TRUE(fetched) << fetched.error().detail;
}

TEST_F(GitFetch, WhatHasChangedIsTold) {
  const std::string first = git({"rev-parse", "HEAD"});
  git({"checkout", "-q", "-b", "feature"});
  commit({{"api/a.txt", "changed"}}, "of the api");
  git({"checkout", "-q", "main"});
  commit({{"web/w.txt", "changed"}}, "meanwhile");
  auto fetched = fetch("feature", [](FetchOrder& order) { order.compare = "refs/heads/main"; });
  ASSERT_TRUE(fetched) << fetched.error().detail;
  ASSERT_TRUE(fetched->changed);
  EXPECT_EQ(*fetched->changed, std::vector<std::string>{"api/a.txt"}) << "not what main has since";
  fetched = fetch("main", [&](FetchOrder& order) {
    order.compare = std::string(40, 'f');
    order.against = "refs/heads/feature";
  });
  ASSERT_TRUE(fetched);
  EXPECT_EQ(*fetched->changed, std::vector<std::string>{"web/w.txt"}) << "the second is asked";
  fetched = fetch("main", [](FetchOrder& order) { order.compare = "refs/heads/none"; });
  ASSERT_TRUE(fetched);
  EXPECT_FALSE(fetched->changed);
}

TEST_F(GitFetch, HeadsNameTheDefaultBranch) {
  git({"branch", "other"});
  remote_ = make_git_remote(options_, *sources_);
  const auto heads = remote_->heads(url(), {});
  ASSERT_TRUE(heads) << heads.error().detail;
  EXPECT_EQ(heads->standard, "main");
  EXPECT_EQ(heads->branches.size(), 2u);
}

TEST_F(GitFetch, AStopEndsIt) {
  std::stop_source source;
  source.request_stop();
  const auto fetched = fetch("main", [&](FetchOrder& order) { order.stop = source.get_token(); });
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().reason, "interrupted");
}

TEST(GitProgram, TheTokenGoesToItsHostAlone) {
  const auto environment =
      git_environment({.directory = "/d"}, "https://git.example.com/a/b.git",
                      {.username = {}, .token = "s3cr3t", .ssh_key = {}}, "/h");
  int found = 0;
  for (const auto& [name, value] : environment) {
    EXPECT_EQ(value.find("s3cr3t"), std::string::npos) << name;
    if (value == "http.https://git.example.com/.extraHeader") ++found;
  }
  EXPECT_EQ(found, 1);
  EXPECT_EQ(environment.at("GIT_ALLOW_PROTOCOL"), "https:http:ssh");
  EXPECT_EQ(environment.at("GIT_TERMINAL_PROMPT"), "0");
  for (const auto& [name, value] :
       git_environment({.directory = "/d"}, "git@host:a/b",
                       {.username = {}, .token = "s3cr3t", .ssh_key = {}}, "/h"))
    EXPECT_EQ(value.find("extraHeader"), std::string::npos) << "not over ssh";
}

TEST(GitProgram, OverSshNoKeyButTheRepositorysOwn) {
  const auto line = [](const GitCredential& credential) {
    return git_environment({.directory = "/d"}, "git@host:a/b", credential, "/h")
        .at("GIT_SSH_COMMAND");
  };
  const std::string with = line({.username = {}, .token = {}, .ssh_key = "PRIVATE KEY"});
  EXPECT_NE(with.find("-i '/h/key'"), std::string::npos) << with;
  const std::string without = line({});
  EXPECT_NE(without.find("IdentityFile=none"), std::string::npos) << without;
  for (const std::string& each : {with, without})
    for (const char* part : {"BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none",
                             "UserKnownHostsFile='/d/known_hosts'"})
      EXPECT_NE(each.find(part), std::string::npos) << each;
}

TEST(GitProgram, ComplaintsHaveAMeaningAndNoSecret) {
  const auto reason = [](const std::string& said) { return git_error(said, "x", {}).reason; };
  EXPECT_EQ(reason("fatal: Authentication failed for 'https://h/'"), "auth_refused");
  EXPECT_EQ(reason("fatal: couldn't find remote ref refs/heads/x"), "unknown_branch");
  EXPECT_EQ(reason("remote: Repository not found.\nfatal: repository 'x' not found"),
            "unknown_repository");
  EXPECT_EQ(reason("fatal: unable to access 'x': Failed to connect"), "git_unreachable");
  EXPECT_EQ(reason("Host key verification failed.\nfatal: Could not read from remote repository."),
            "host_key_changed");
  const std::string end = "\nfatal: Could not read from remote repository.";
  for (const std::string said : {"ssh: connect to host h port 22: Connection refused",
                                 "ssh: Could not resolve hostname h: Name or service not known",
                                 "kex_exchange_identification: Connection closed by remote host",
                                 "Connection reset by 127.0.0.1 port 22"})
    EXPECT_EQ(reason(said + end), "git_unreachable") << said;
  for (const std::string said :
       {"git@h: Permission denied (publickey).", "Load key \"/k\": error in libcrypto"})
    EXPECT_EQ(reason(said + end), "auth_refused") << said;
  EXPECT_EQ(reason("fatal: something new"), "git_failed");
  EXPECT_EQ(git_error("fatal: bad s3cr3t", "x", {.username = {}, .token = "s3cr3t", .ssh_key = {}})
                .detail.find("s3cr3t"),
            std::string::npos);
}

TEST(GitProgram, WhatAServiceIsTouchedBy) {
  BuildSettings build;
  EXPECT_TRUE(is_touched(build, {"x"}));
  build.root_directory = "api";
  EXPECT_TRUE(is_touched(build, {"web/a", "api/a"}));
  EXPECT_FALSE(is_touched(build, {"web/a", "apiary/a", "README.md"}));
  build.watch_patterns = {"shared/**"};
  EXPECT_TRUE(is_touched(build, {"shared/x"}));
  EXPECT_FALSE(is_touched(build, {"api/a"})) << "patterns come before the folder";
}

}  // namespace
}  // namespace gantry
