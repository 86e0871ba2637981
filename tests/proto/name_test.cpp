#include "proto/name.hpp"

#include <gtest/gtest.h>

#include "proto/id.hpp"
#include "proto/model.hpp"

namespace gantry {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ProtoName, Names) {
  for (const std::string& text : {std::string("a"), std::string("web"), std::string("0"),
                                  std::string("my-api-2"), std::string(30, 'x')})
    EXPECT_TRUE(Name::parse(text).ok()) << text;
  for (const std::string& text :
       {std::string(), std::string("-a"), std::string("a-"), std::string("A"), std::string("a_b"),
        std::string("a.b"), std::string("a b"), std::string("ä"), std::string(31, 'x'),
        std::string("a\n"), std::string("a\0b", 3), std::string("../a"), std::string("a/b")}) {
    const auto parsed = Name::parse(text, "/there");
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().reason, "invalid_name");
  }
}

TEST(ProtoName, VariableNames) {
  for (const std::string& text :
       {std::string("A"), std::string("_"), std::string("a1_B"), std::string(255, 'x')})
    EXPECT_TRUE(parse_variable_name(text).ok()) << text;
  for (const std::string& text :
       {std::string(), std::string("1A"), std::string("A-B"), std::string("A B"), std::string("A="),
        std::string("Ä"), std::string("A.B"), std::string(256, 'x')})
    EXPECT_FALSE(parse_variable_name(text).ok()) << text;
}

TEST(ProtoName, VariableValues) {
  EXPECT_TRUE(check_variable_value("").ok());
  EXPECT_TRUE(check_variable_value("line\nline\ttab \x01 \xc3\xa4 \xf0\x9f\x98\x80").ok());
  EXPECT_TRUE(check_variable_value(std::string(128 * 1024, 'x')).ok());
  const std::vector<std::pair<std::string, std::string>> refused = {
      {std::string(128 * 1024 + 1, 'x'), "value_too_long"},
      {std::string("a\0b", 3), "value_has_nul"},
      {"\xff", "value_not_utf8"},
      {"\xc3", "value_not_utf8"},
      {"\xc0\xaf", "value_not_utf8"},          // overlong
      {"\xe0\x80\xaf", "value_not_utf8"},      // overlong
      {"\xed\xa0\x80", "value_not_utf8"},      // a surrogate
      {"\xf4\x90\x80\x80", "value_not_utf8"},  // above U+10FFFF
      {"\xf0\x80\x80\x80", "value_not_utf8"},  // overlong
  };
  for (const auto& [text, reason] : refused)
    EXPECT_EQ(check_variable_value(text).error().reason, reason);
}

TEST(ProtoName, Images) {
  for (const std::string& text :
       {std::string("nginx"), std::string("nginx:1.27"), std::string("nginx:1.27@" + kDigest),
        std::string("nginx@" + kDigest), std::string("library/nginx"),
        std::string("registry.example.com/team/app:v3"), std::string("localhost:5000/app"),
        std::string("registry.example.com:5000/a/b/c:x_y.z-1"), std::string("a__b/c-d:latest")}) {
    const auto parsed = ImageRef::parse(text);
    ASSERT_TRUE(parsed.ok()) << text;
    EXPECT_EQ(parsed->str(), text);
  }
  for (const std::string& text : {std::string(),
                                  std::string(":tag"),
                                  std::string("@" + kDigest),
                                  std::string("-rm"),
                                  std::string("/nginx"),
                                  std::string("nginx/"),
                                  std::string("a//b"),
                                  std::string("a/../b"),
                                  std::string("Nginx"),
                                  std::string("team/App"),
                                  std::string("nginx:"),
                                  std::string("nginx:-x"),
                                  std::string("nginx:.x"),
                                  std::string("nginx:a:b"),
                                  std::string("nginx:" + std::string(129, 'a')),
                                  std::string("nginx@sha256:abc"),
                                  std::string("nginx@md5:" + std::string(64, 'a')),
                                  std::string("a b"),
                                  std::string("a\n"),
                                  std::string("a;b"),
                                  std::string("$(a)"),
                                  std::string("a?b"),
                                  std::string("a#b"),
                                  std::string(513, 'a')})
    EXPECT_FALSE(ImageRef::parse(text).ok()) << text;
}

TEST(ProtoId, Parses) {
  const std::string good = "prj_01jd8yq5x8c5v0m6r7k2n4t9wz";
  EXPECT_TRUE(ProjectId::parse(good).ok());
  EXPECT_EQ(ProjectId::parse(good)->ulid(), "01jd8yq5x8c5v0m6r7k2n4t9wz");
  for (const std::string& text :
       {std::string(), std::string("prj"), std::string("prj_"), std::string("prj_1"),
        std::string("env_01jd8yq5x8c5v0m6r7k2n4t9wz"),
        std::string("prj_01JD8YQ5X8C5V0M6R7K2N4T9WZ"),
        std::string("prj_81jd8yq5x8c5v0m6r7k2n4t9wz"),
        std::string("prj_01jd8yq5x8c5v0m6r7k2n4t9wi"),
        std::string("prj-01jd8yq5x8c5v0m6r7k2n4t9wz"), good + "x", " " + good})
    EXPECT_FALSE(ProjectId::parse(text).ok()) << text;
}

TEST(ProtoId, AscendsEvenWhenTheClockDoesNot) {
  const TimePoint now = TimePoint(Seconds(2'000'000'000));
  std::string last = new_ulid(now);
  for (int i = 0; i < 1000; ++i) {
    const std::string next = new_ulid(now - Seconds(i));
    EXPECT_LT(last, next);
    EXPECT_TRUE(is_ulid(next));
    last = next;
  }
}

TEST(ProtoId, ReplicaKeysRoundTrip) {
  const auto deployment = DeploymentId::make(TimePoint(Seconds(2'000'000'000)));
  const ReplicaKey key{deployment, 12, 199};
  EXPECT_EQ(*ReplicaKey::parse(key.id()), key);
  const std::string ulid(deployment.ulid());
  for (const std::string& text :
       {std::string(), std::string("rep_"), "rep_" + ulid, "rep_" + ulid + "-1", ulid + "-1-2",
        "rep_" + ulid + "-1-2-3", "rep_" + ulid + "-x-2", "rep_" + ulid + "-1-",
        "rep_" + ulid + "--1-2", "rep_" + ulid + "-99999999999-2"})
    EXPECT_FALSE(ReplicaKey::parse(text).ok()) << text;
}

TEST(ProtoModel, EnumsTravelAsTheirText) {
  for (int i = 0; i <= static_cast<int>(DeploymentStatus::sleeping); ++i) {
    const auto status = static_cast<DeploymentStatus>(i);
    EXPECT_EQ(parse_deployment_status(name(status)), status);
  }
  for (int i = 0; i <= static_cast<int>(ReplicaStatus::removed); ++i) {
    const auto status = static_cast<ReplicaStatus>(i);
    EXPECT_EQ(parse_replica_status(name(status)), status);
  }
  for (int i = 0; i <= static_cast<int>(RestartPolicy::never); ++i) {
    const auto policy = static_cast<RestartPolicy>(i);
    EXPECT_EQ(parse_restart_policy(name(policy)), policy);
  }
  EXPECT_EQ(parse_restart_policy("on_failure"), RestartPolicy::on_failure);
  EXPECT_FALSE(parse_deployment_status("queued"));
  EXPECT_FALSE(parse_deployment_status(""));
}

}  // namespace
}  // namespace gantry
