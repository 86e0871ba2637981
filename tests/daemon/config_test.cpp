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

TEST(DaemonConfig, PortsForServices) {
  const auto ports = [](const std::string& text) {
    const auto config = parse_config("edge: {tcp_ports: " + text + "}", "g");
    return config ? std::make_pair(config->edge.first_tcp_port, config->edge.last_tcp_port)
                  : std::make_pair(-1, -1);
  };
  EXPECT_EQ(parse_config("{}", "g")->edge.first_tcp_port, 20000);
  EXPECT_EQ(parse_config("{}", "g")->edge.last_tcp_port, 20999);
  EXPECT_EQ(ports("30000-30009"), std::make_pair(30000, 30009));
  EXPECT_EQ(ports("30000"), std::make_pair(30000, 30000));
  EXPECT_EQ(ports("none"), std::make_pair(0, 0));
  EXPECT_EQ(ports("0"), std::make_pair(0, 0));
  for (const char* bad : {"30009-30000", "1-65536", "0-9", "a-b", "1-", "-5", "\"\"", "[1, 2]"})
    EXPECT_EQ(ports(bad).first, -1) << bad;
  EXPECT_NE(
      refused("edge:\n  tcp_ports: many\n").find("gantry.yaml:2: edge.tcp_ports: expected a range"),
      std::string::npos);
}

}  // namespace
}  // namespace gantry
