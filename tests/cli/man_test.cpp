// docs/man/gantry.1 is what the command table gives; `gantry completion man` writes it.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "cli/help.hpp"

namespace gantry::cli {
namespace {

TEST(CliMan, ThePageIsThatOfTheTable) {
  std::ifstream file(GANTRY_SOURCE_DIR "/docs/man/gantry.1");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), man_page()) << "gantry completion man > docs/man/gantry.1";
}

}  // namespace
}  // namespace gantry::cli
