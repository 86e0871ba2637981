// Watch patterns: gitignore rules that say what is worth a deployment.
#include "runtime/build/watch.hpp"

#include <gtest/gtest.h>

#include "proto/ignore.hpp"
#include "tests/build/builder_bench.hpp"

namespace gantry {
namespace {

struct Case {
  std::vector<std::string> patterns;
  std::string path;
  bool watched;
};

const std::vector<Case> kCases = {
    {{"*.go"}, "main.go", true},
    {{"*.go"}, "a/b/main.go", true},
    {{"/*.go"}, "a/main.go", false},
    {{"/*.go"}, "main.go", true},
    {{"src"}, "src/a/b", true},
    {{"src"}, "lib/src/a", true},
    {{"src/"}, "src/a", true},
    {{"src/"}, "src", false},
    {{"/src"}, "lib/src/a", false},
    {{"services/api/**"}, "services/api/a/b.go", true},
    {{"services/api/**"}, "services/api", false},
    {{"services/api/**"}, "services/web/a", false},
    {{"services/api"}, "services/api/a", true},
    {{"/services/api/**"}, "services/api/x", true},
    {{"services/api"}, "x/services/api/a", false},
    {{"**/api"}, "a/b/api/c", true},
    {{"**/api"}, "api", true},
    {{"a/**/b"}, "a/b", true},
    {{"a/**/b"}, "a/x/y/b", true},
    {{"a/**/b"}, "a/x/y", false},
    {{"a*/b"}, "abc/b", true},
    {{"a*b"}, "a/b", false},
    {{"a**b"}, "axxb", true},
    {{"*"}, "a/b", true},
    {{"**"}, "a", true},
    {{"?.md"}, "a.md", true},
    {{"?.md"}, "ab.md", false},
    {{"[a-c].md"}, "b.md", true},
    {{"[!a-c].md"}, "b.md", false},
    {{"[^a-c].md"}, "d.md", true},
    {{"[]x].md"}, "].md", true},
    {{"a\\*"}, "a*", true},
    {{"a\\*"}, "ab", false},
    {{"\\!a"}, "!a", true},
    {{"\\#a"}, "#a", true},
    {{"#a"}, "#a", false},
    {{"a "}, "a", true},
    {{"a\\ "}, "a ", true},
    {{"src", "!*.md"}, "src/a.md", false},
    {{"src", "!*.md"}, "src/a.go", true},
    {{"src", "!src/docs/"}, "src/docs/a", false},
    {{"!*.md", "src"}, "src/a.md", true},
    {{"!*.md"}, "a.go", false},
    {{}, "a", false},
};

TEST(SourceWatchTest, Table) {
  for (const auto& one : kCases)
    EXPECT_EQ(!watched(one.patterns, {one.path}).empty(), one.watched)
        << (one.patterns.empty() ? "" : one.patterns[0]) << " | " << one.path;
}

TEST(SourceWatchTest, ManyStarsEnd) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a/**/";
  std::string path(2000, 'a');
  for (std::size_t i = 1; i < path.size(); i += 7) path[i] = '/';
  EXPECT_TRUE(watched({pattern + "x"}, {path}).empty());
  EXPECT_TRUE(watched({std::string(50, '*') + "a*a*a*a*a*a*b"}, {std::string(2000, 'a')}).empty());
}

TEST(SourceWatchTest, TheReasonNamesWhatWasWatched) {
  EXPECT_EQ(skip_reason({"src/**", "*.go"}, {"a.md", "b.md"}),
            "No changes to watched files (2 files changed; patterns: src/**, *.go)");
  EXPECT_EQ(skip_reason({"src"}, {"a"}),
            "No changes to watched files (1 file changed; patterns: src)");
  EXPECT_EQ(skip_reason({"src"}, {}),
            "No changes to watched files (0 files changed; patterns: src)");
  EXPECT_EQ(skip_reason({"src"}, {"a", "src/b"}), "");
  EXPECT_EQ(skip_reason({}, {"a"}), "");
}

class SourceBuilderWatchTest : public testing::BuilderBench {
 protected:
  std::string skipped(const std::string& now, const std::string& before) {
    auto order = prepare_order(now);
    order.compared_with = before;
    const auto prepared = builder_->prepare(order);
    EXPECT_TRUE(prepared.ok());
    return prepared ? prepared->skip_reason : prepared.error().detail;
  }
};

TEST_F(SourceBuilderWatchTest, OnlyWhatIsWatchedIsDeployed) {
  const auto source = [](const std::string& api, const std::string& web) {
    return testing::Tar()
        .file("api/main.go", api)
        .file("web/a.js", web)
        .file("railway.json", R"({"build":{"watchPatterns":["api/**"]}})");
  };
  const auto first = upload(source("1", "1")), web = upload(source("1", "2")),
             api = upload(source("2", "2"));
  EXPECT_EQ(skipped(first, ""), "");
  EXPECT_EQ(work_folders(), 1U);
  EXPECT_EQ(skipped(web, first), "No changes to watched files (1 file changed; patterns: api/**)");
  EXPECT_EQ(work_folders(), 1U);
  EXPECT_EQ(skipped(api, web), "");
  EXPECT_NE(log_text().find("No changes to watched files (1 file"), std::string::npos);
  // The archive may be gone, its manifest says enough; without that there is something to do.
  std::filesystem::remove(source_file(options_.sources, project_, first));
  EXPECT_NE(skipped(web, first), "");
  std::filesystem::remove_all(options_.sources);
  EXPECT_EQ(skipped(upload(source("1", "2")), first), "");
}

}  // namespace
}  // namespace gantry
