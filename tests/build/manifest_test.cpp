// What an archive held, and what has changed since.
#include "runtime/build/manifest.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "proto/id.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;
using Paths = std::vector<std::string>;

TEST(ManifestTest, AnyNameSurvivesItsText) {
  const Manifest manifest{{"a b", 0644, std::string(64, 'a'), ""},
                          {"new\nline\tand 100%", 0755, std::string(64, 'b'), ""},
                          {"\xff%41", 0777, "", "to\n%"}};
  const auto again = parse_manifest(manifest_text(manifest));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, manifest);
  EXPECT_EQ(parse_manifest(manifest_text({}))->size(), 0U);
}

TEST(ManifestTest, WhatIsNotWholeIsRefused) {
  const std::string text = manifest_text({{"a", 0644, "x", ""}, {"b", 0644, "x", ""}});
  for (std::size_t cut = 0; cut < text.size(); ++cut)
    EXPECT_FALSE(parse_manifest(text.substr(0, cut)).ok()) << cut;
  EXPECT_FALSE(parse_manifest("manifest 1\nnine\tx\ta\t\nend\n").ok());
}

TEST(ManifestTest, ChangesOfContentsModeAndTarget) {
  const Manifest before{{"added-x", 0644, "1", ""}, {"gone", 0644, "1", ""},
                        {"group", 0664, "1", ""},   {"link", 0777, "", "a"},
                        {"same", 0644, "1", ""},    {"text", 0644, "1", ""},
                        {"turned", 0644, "1", ""}};
  const Manifest now{{"added-x", 0755, "1", ""}, {"group", 0600, "1", ""}, {"link", 0777, "", "b"},
                     {"new", 0644, "1", ""},     {"same", 0644, "1", ""},  {"text", 0644, "2", ""},
                     {"turned", 0777, "", "1"}};
  EXPECT_EQ(changed_paths(before, now),
            (Paths{"added-x", "gone", "link", "new", "text", "turned"}));
  EXPECT_EQ(changed_paths(now, before),
            (Paths{"added-x", "gone", "link", "new", "text", "turned"}));
  EXPECT_EQ(changed_paths(now, now), Paths{});
  EXPECT_EQ(changed_paths({}, {{"a", 0644, "1", ""}}), Paths{"a"});
}

TEST(ManifestTest, TheSameRepositoryIsHalfTheSame) {
  const Manifest one{{"a", 0644, "1", ""}, {"b", 0644, "2", ""}, {"c", 0644, "3", ""}};
  const Manifest later{
      {"a", 0644, "1", ""}, {"b", 0644, "x", ""}, {"c", 0644, "3", ""}, {"d", 0644, "4", ""}};
  const Manifest other{{"a", 0644, "9", ""}, {"b", 0644, "8", ""}, {"c", 0644, "3", ""}};
  EXPECT_TRUE(same_repository(one, later));
  EXPECT_TRUE(same_repository(later, one));
  EXPECT_FALSE(same_repository(one, other));
  EXPECT_FALSE(same_repository(one, {}));
  EXPECT_FALSE(same_repository({}, {}));
}

TEST(ManifestTest, ReadsAFolderByPath) {
  const std::string folder =
      ::testing::TempDir() + "gantry-manifest-" + new_ulid(system_clock().now());
  fs::create_directories(folder + "/b/empty");
  std::ofstream(folder + "/b/f") << "abc";
  std::ofstream(folder + "/a") << "";
  fs::permissions(folder + "/b/f", fs::perms(0750));
  fs::create_symlink("b/f", folder + "/c");
  const auto manifest = read_manifest(folder, {});
  ASSERT_TRUE(manifest.ok());
  ASSERT_EQ(manifest->size(), 3U);
  EXPECT_EQ((*manifest)[0].path, "a");
  EXPECT_EQ(
      (*manifest)[1],
      (ManifestEntry{"b/f", 0750,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", ""}));
  EXPECT_EQ((*manifest)[2].link_target, "b/f");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace gantry
