// The small parts of a build: what a Dockerfile declares, log lines, images that may go.
#include <gtest/gtest.h>

#include "runtime/build/build_log.hpp"
#include "runtime/build/dockerfile.hpp"
#include "runtime/build/image_name.hpp"
#include "runtime/build/retention.hpp"
#include "tests/support/fake_logs.hpp"

namespace gantry {
namespace {

using Names = std::set<std::string>;
using Texts = std::vector<std::string>;

TEST(BuildDockerfileTest, DeclaredArguments) {
  EXPECT_EQ(declared_arguments("\xef\xbb\xbf"
                               "ARG BASE=x\nFROM $BASE\narg A B=1 \\\n# no\n\n  C\r\n"
                               "RUN echo ARG D\n# ARG E\nENV ARG=F\nARG\tG="),
            (Names{"A", "B", "BASE", "C", "G"}));
  EXPECT_EQ(declared_arguments("# escape=`\nFROM x\nRUN a `\n ARG X\nARG Y `\n Z"),
            (Names{"Y", "Z"}));
  EXPECT_EQ(declared_arguments(""), Names{});
  EXPECT_EQ(declared_arguments("ARG \"q\"\nARG"), Names{});
}

class BuildLogTest : public ::testing::Test {
 protected:
  Texts lines() {
    Texts texts;
    for (const auto& line : *logs_.read({.instance_id = options_.instance_id,
                            .deployment_id = {},
                            .replica_id = {},
                            .since = {}}))
      texts.push_back(line.text);
    return texts;
  }
  testing::FakeLogs logs_;
  BuildLogOptions options_{.instance_id = InstanceId::make(TimePoint(Seconds(1))),
                           .deployment_id = DeploymentId::make(TimePoint(Seconds(1)))};
};

TEST_F(BuildLogTest, PiecesBecomeLines) {
  {
    BuildLog log(logs_, options_);
    log.output("a");
    log.output("b\nc\r\n\n10%\r50%\r100%\nend");
    log.say("own");
    log.output("last");
  }
  EXPECT_EQ(lines(), (Texts{"ab", "c", "", "100%", "end", "own", "last"}));
}

TEST_F(BuildLogTest, LinesAndLogsHaveAnEnd) {
  options_.bytes = 200'000;
  BuildLog log(logs_, options_);
  log.output(std::string(150'000, 'x') + "\n");
  EXPECT_EQ(lines().size(), 3U);
  EXPECT_EQ(lines()[0].size(), 65536U);
  for (int i = 0; i < 10; ++i) log.output(std::string(60'000, 'y') + "\n");
  log.say("own");
  const auto all = lines();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_NE(all[3].find("The log is cut here"), std::string::npos);
  EXPECT_EQ(all[4], "own");
}

class BuildRetentionTest : public ::testing::Test {
 protected:
  // Deployment `number` of `instance`, built two hours ago.
  std::string image(const InstanceId& instance, std::uint64_t bytes = 100, int age = 7200) {
    const auto id = DeploymentId::make(now_);
    const auto name = built_image_name(installation_, instance, id);
    images_.push_back({name, bytes, now_ - Seconds(age)});
    releases_.push_back({instance, {}, id, name, "", false});
    return name;
  }
  Texts removed() { return images_to_remove(images_, releases_, retention_); }

  const TimePoint now_{Seconds(1795371960)};
  const InstallationId installation_ = InstallationId::make(now_);
  const InstanceId api_ = InstanceId::make(now_), web_ = InstanceId::make(now_);
  std::vector<StoredImage> images_;
  std::vector<Release> releases_;
  Retention retention_{.installation_id = installation_,
                       .per_instance = 2,
                       .high_bytes = 1000,
                       .low_bytes = 500,
                       .now = now_};
};

TEST_F(BuildRetentionTest, TheNewestOfEachInstanceAndTheLiveStay) {
  const auto a = image(api_), b = image(api_), c = image(api_), d = image(api_);
  image(web_);
  EXPECT_EQ(removed(), (Texts{a, b}));
  releases_[0].live = true;
  EXPECT_EQ(removed(), Texts{b});
}

TEST_F(BuildRetentionTest, WhatNoReleaseNamesGoesUnlessItIsYoung) {
  const auto old = image(api_), young = image(api_, 100, 60), other = image(api_);
  releases_.clear();
  EXPECT_EQ(removed(), (Texts{old, other}));
  images_.push_back({"gantry-build/other000/x:y", 1, now_ - Seconds(7200)});
  images_.push_back({"postgres:16", 1, now_ - Seconds(7200)});
  EXPECT_EQ(removed(), (Texts{old, other}));
}

TEST_F(BuildRetentionTest, AboveTheHighMarkTheOldestGoDownToTheLowOne) {
  const auto a = image(api_, 400), w = image(web_, 400), b = image(api_, 200);
  EXPECT_EQ(removed(), Texts{});
  const auto x = image(web_, 100);
  EXPECT_EQ(removed(), (Texts{a, w}));
  retention_.low_bytes = 700;
  EXPECT_EQ(removed(), Texts{a});
  retention_.low_bytes = 500;
  releases_[0].live = true;  // 400 that must stay: the rest goes, but for the newest of each
  EXPECT_EQ(removed(), Texts{w});
  retention_.low_bytes = 0;
  EXPECT_EQ(removed(), Texts{w});
  retention_.high_bytes = 0;
  EXPECT_EQ(removed(), Texts{});
}

TEST(BuildImageNameTest, OnlyOwnNamesAreRead) {
  const TimePoint now(Seconds(1795371960));
  const auto installation = InstallationId::make(now), other = InstallationId::make(now);
  const auto instance = InstanceId::make(now);
  const auto deployment = DeploymentId::make(now);
  const std::string name = built_image_name(installation, instance, deployment);
  EXPECT_EQ(built_image_owner(installation, name)->instance_id, instance);
  EXPECT_FALSE(built_image_owner(other, name));
  EXPECT_FALSE(built_image_owner(installation, name + "x"));
  EXPECT_FALSE(built_image_owner(installation, built_image_prefix(installation)));
}

}  // namespace
}  // namespace gantry
