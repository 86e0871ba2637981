// An archive on its way to a server that behaves well and badly.
#include "cli/upload.hpp"

#include <random>

#include <gtest/gtest.h>

#include "cli/failure.hpp"
#include "tests/cli/scratch.hpp"
#include "tests/cli/source_server.hpp"

namespace gantry::cli {
namespace {

using Mischief = SourceServer::Mischief;

class CliUpload : public ::testing::Test {
 protected:
  CliUpload() {
    std::mt19937 random(7);
    std::string noise(700'000, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    here_.write("noise", noise);
    archive_ = pack_directory({.root = here_.path()}, {}).archive;
    ::setenv("GANTRY_TOKEN", "x", 1);
  }
  ~CliUpload() override { ::unsetenv("GANTRY_TOKEN"); }

  Uploaded send(const SourceServer& server) {
    Call call;
    call.options["--url"] = {server.url()};
    call.options["--json"] = {"true"};
    Session session(call);
    Progress progress(session);
    return upload(session, Place{.project_id = "prj_1"}, archive_, progress);
  }
  Failure failure_of_send(const SourceServer& server) {
    try {
      send(server);
    } catch (const Failure& failure) {
      return failure;
    }
    return {"none", "none", ""};
  }
  std::string bytes() const {
    std::string bytes(archive_.bytes, '\0');
    EXPECT_EQ(::pread(archive_.file.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    return bytes;
  }

  Scratch here_;
  Archive archive_;
};

TEST_F(CliUpload, OnceAndThenNothing) {
  SourceServer server;
  EXPECT_EQ(send(server), Uploaded::now);
  EXPECT_EQ(send(server), Uploaded::before);
  server.stop();
  EXPECT_EQ(server.offsets, std::vector<std::string>{"0"});
  EXPECT_EQ(server.received[archive_.digest], bytes());
}

TEST_F(CliUpload, GoesOnWhereAConnectionBroke) {
  SourceServer server({Mischief::breaks_in_the_middle, Mischief::breaks_in_the_middle});
  EXPECT_EQ(send(server), Uploaded::now);
  server.stop();
  EXPECT_EQ(server.received[archive_.digest], bytes());
  ASSERT_GE(server.offsets.size(), 3u);
  EXPECT_EQ(server.offsets.front(), "0");
  EXPECT_GT(std::stoul(server.offsets.back()), archive_.bytes / 2);
}

TEST_F(CliUpload, GoesOnFromWhatTheServerKept) {
  SourceServer server({Mischief::loses_its_bytes, Mischief::busy});
  EXPECT_EQ(send(server), Uploaded::now);
  server.stop();
  EXPECT_EQ(server.received[archive_.digest], bytes());
  EXPECT_EQ(server.offsets.back(), "1");
}

TEST_F(CliUpload, WhatWasDamagedIsSentOnceMore) {
  SourceServer once({Mischief::damaged});
  EXPECT_EQ(send(once), Uploaded::now);
  SourceServer twice({Mischief::damaged, Mischief::damaged});
  EXPECT_EQ(failure_of_send(twice).code, "digest_mismatch");
}

TEST_F(CliUpload, TooLargeNamesTheFix) {
  SourceServer server({Mischief::too_large});
  const Failure failure = failure_of_send(server);
  EXPECT_EQ(failure.code, "source_too_large");
  EXPECT_EQ(failure.message, "at most 5 bytes");
  EXPECT_NE(failure.hint.find(".gantryignore"), std::string::npos);
  server.stop();
  EXPECT_EQ(server.offsets.size(), 1u);
}

TEST_F(CliUpload, ProgressInWords) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1234567), "1.2 MB");
  EXPECT_EQ(bytes_text(999'960), "1.0 MB");
  EXPECT_EQ(bytes_text(5'000'000'000), "5.0 GB");
  EXPECT_EQ(bar_text(0, 100), "[                        ] 0% of 100 B");
  EXPECT_EQ(bar_text(50, 100), "[############            ] 50% of 100 B");
  EXPECT_EQ(bar_text(7, 0), "[########################] 100% of 0 B");
}

}  // namespace
}  // namespace gantry::cli
