// The daemon's file: values in range, and what is said of those that are not.
#include "daemon/config.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

std::string refused(const std::string& text) {
  const auto config = parse_config(text, "gantry.yaml");
  return config ? "" : config.error().detail;
}

TEST(DaemonConfig, BudgetsOfImagesAndCache) {
  const auto plain = parse_config("{}", "gantry.yaml");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->build.images_low_bytes, 0);
  const auto own = parse_config(
      "build: {keep_images: 3, images_bytes: 2Gi, images_low_bytes: 1Gi, cache_bytes: 0}", "g");
  ASSERT_TRUE(own.ok());
  EXPECT_EQ(own->build.keep_images, 3);
  EXPECT_EQ(own->build.images_bytes, 2LL << 30);
  EXPECT_EQ(own->build.images_low_bytes, 1LL << 30);
  EXPECT_EQ(own->build.cache_bytes, 0);
  EXPECT_TRUE(parse_config("build: {images_bytes: 0, images_low_bytes: 5}", "g").ok());
  EXPECT_NE(refused("build:\n  images_bytes: 1Gi\n  images_low_bytes: 2Gi\n")
                .find("gantry.yaml:3: build.images_low_bytes: expected at most"),
            std::string::npos);
  EXPECT_NE(refused("build: {keep_images: 0}").find("build.keep_images"), std::string::npos);
  EXPECT_NE(refused("build: {cache_bytes: much}").find("build.cache_bytes"), std::string::npos);
}

}  // namespace
}  // namespace gantry
