// Images by the real engine's BuildKit.
#include "runtime/build/buildkit.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "proto/id.hpp"
#include "runtime/build/engine_exchange.hpp"
#include "tests/support/driver_bench.hpp"

namespace gantry::testing {
namespace {

namespace fs = std::filesystem;

class BuildKitTest : public ::testing::Test {
 protected:
  BuildKitTest() {
    fs::create_directories(folder_);
    options_.socket_path = test_engine_socket();
    options_.limits.memory_bytes = 256 << 20;
    options_.limits.pids = 200;
    options_.limits.disk_bytes = 512 << 20;
    options_.limits.cgroup = cgroup_of_engine();
    write("file", "content " + tag_ + "\n");
  }
  ~BuildKitTest() override {
    for (const StoredImage& image : *make_buildkit(options_)->list(repository_))
      EXPECT_TRUE(make_buildkit(options_)->remove(image.name).ok());
    fs::remove_all(folder_);
  }
  // An engine with a cgroup of its own says so in the environment.
  static std::string cgroup_of_engine() {
    const char* given = std::getenv("GANTRY_TEST_BUILD_CGROUP");
    return given == nullptr ? "docker/buildkit" : given;
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  Result<> build(const std::string& dockerfile, std::stop_token stop = {}) {
    write("Dockerfile", dockerfile);
    output_.clear();
    auto context = BuildContext::open({.folder = folder_, .always = {}, .extra = {}, .ignore = {}});
    if (!context) return context.error();
    if (order_.name.empty()) order_.name = repository_ + ":1";
    order_.dockerfile = "Dockerfile";
    return make_buildkit(options_)->build(
        order_, *context, [this](std::string_view bytes) { output_ += bytes; }, std::move(stop));
  }
  Error failure(const std::string& dockerfile) {
    const auto built = build(dockerfile);
    EXPECT_FALSE(built.ok()) << output_;
    return built ? Error{} : built.error();
  }
  bool says(const std::string& text) const { return output_.find(text) != std::string::npos; }

  const std::string tag_ = new_ulid(system_clock().now());
  const std::string repository_ = "gantry-test-build/" + tag_;
  const std::string folder_ = (fs::temp_directory_path() / ("gantry-build-" + tag_)).string();
  DockerBench bench_;  // its base image
  BuildKitOptions options_;
  ImageOrder order_;
  std::string output_;
};

const std::string kFrom = "FROM gantry-test/web:1\n";

TEST_F(BuildKitTest, BuildsAndTellsEachStep) {
  ASSERT_TRUE(build(kFrom + "COPY file /file\nRUN echo hello; echo bad >&2; cat /file\n").ok())
      << output_;
  EXPECT_TRUE(says("hello\n")) << output_;
  EXPECT_TRUE(says("bad\n"));
  EXPECT_TRUE(says("content " + tag_));
  EXPECT_TRUE(says("[2/3] COPY file /file\n"));
  EXPECT_TRUE(says("DONE"));
  const auto images = *make_buildkit(options_)->list(repository_);
  ASSERT_EQ(images.size(), 1u);
  EXPECT_EQ(images[0].name, repository_ + ":1");
  EXPECT_GT(images[0].bytes, 1000u);
}

TEST_F(BuildKitTest, BuildsTheSameFromItsCache) {
  const std::string dockerfile = kFrom + "COPY file /file\nRUN sleep 1; cat /file > /copy\n";
  ASSERT_TRUE(build(dockerfile).ok()) << output_;
  // Steps are numbered as BuildKit comes to them.
  const auto cached = [&] {
    const auto at = output_.rfind("RUN sleep 1; cat /file > /copy\n#");
    return at != std::string::npos &&
           output_.substr(output_.find("\n#", at) + 4).substr(0, 7).find("CACHED") !=
               std::string::npos;
  };
  EXPECT_FALSE(cached());
  ASSERT_TRUE(build(dockerfile).ok());
  EXPECT_TRUE(cached()) << output_;
  order_.no_cache = true;
  ASSERT_TRUE(build(dockerfile).ok());
  EXPECT_FALSE(cached()) << output_;
}

TEST_F(BuildKitTest, ArgumentsAndStages) {
  order_.arguments = {{"COLOUR", "deep \"blue\" ${x}\nline"}, {"UNUSED", "1"}};
  ASSERT_TRUE(
      build("FROM gantry-test/web:1 AS one\nARG COLOUR\nRUN printf '<%s>' \"$COLOUR\" > /colour\n" +
            kFrom + "COPY --from=one /colour /colour\nRUN echo " + tag_ + "; cat /colour\n")
          .ok())
      << output_;
  EXPECT_TRUE(says("<deep \"blue\" ${x}\n")) << output_;
}

TEST_F(BuildKitTest, SecretsReachTheirStepAndNoLayer) {
  const std::string secret = "s3cret-" + tag_ + "\nsecond line\x01";
  order_.secrets = {{"TOKEN", secret}, {"OTHER", std::string(300'000, 'x')}};
  ASSERT_TRUE(
      build(kFrom +
            "RUN --mount=type=secret,id=TOKEN --mount=type=secret,id=OTHER "
            "echo " +
            tag_ +
            " && cat /run/secrets/TOKEN | sed 's/^/got /' && cat /run/secrets/OTHER | wc -c\n")
          .ok())
      << output_;
  EXPECT_TRUE(says("got s3cret-" + tag_)) << output_;
  EXPECT_TRUE(says("300000"));
  const std::string history = bench_.engine("GET", "/images/" + order_.name + "/history") +
                              bench_.engine("GET", "/images/" + order_.name + "/json");
  EXPECT_EQ(history.find("s3cret"), std::string::npos);
  const std::string tar = bench_.engine("GET", "/images/" + order_.name + "/get");
  EXPECT_EQ(tar.find("s3cret-" + tag_), std::string::npos);
}

TEST_F(BuildKitTest, AMissingSecretIsNamed) {
  order_.secrets = {{"TOKEN", "x"}};
  const Error error =
      failure(kFrom + "RUN --mount=type=secret,id=NOPE,required=true cat /run/secrets/NOPE\n");
  EXPECT_NE(error.detail.find("NOPE"), std::string::npos) << error.detail;
}

TEST_F(BuildKitTest, AFailureNamesTheStepAndItsLastLines) {
  const Error error = failure(kFrom + "RUN echo before; echo the reason >&2; exit 7\n");
  EXPECT_EQ(error.code, Code::invalid);
  EXPECT_EQ(error.reason, "build_failed");
  EXPECT_NE(error.detail.find("[2/2] RUN echo before"), std::string::npos) << error.detail;
  EXPECT_NE(error.detail.find("exit code 7"), std::string::npos) << error.detail;
  EXPECT_NE(error.detail.find("the reason"), std::string::npos) << error.detail;
}

TEST_F(BuildKitTest, WhatIsWrongWithADockerfileIsSaid) {
  Error error = failure("FROM gantry-test/no-such-base:1\n");
  EXPECT_NE(error.detail.find("gantry-test/no-such-base:1"), std::string::npos) << error.detail;
  error = failure("FROM gantry-test/web:1\nRUNN x\n");
  EXPECT_NE(error.detail.find("RUNN"), std::string::npos) << error.detail;
  error = failure("");
  EXPECT_NE(error.detail.find("empty"), std::string::npos) << error.detail;
  error = failure(kFrom + "COPY not-there /x\n");
  EXPECT_NE(error.detail.find("not-there"), std::string::npos) << error.detail;
}

TEST_F(BuildKitTest, IsCancelledWithinSeconds) {
  std::stop_source stop;
  TimePoint asked;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(Seconds(2));
    asked = system_clock().now();
    stop.request_stop();
  });
  const auto built = build(kFrom + "RUN echo " + tag_ + "; sleep 321\n", stop.get_token());
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.error().reason, "cancelled");
  EXPECT_LT(system_clock().now() - asked, Seconds(5));
  EXPECT_TRUE(eventually([] { return std::system("pgrep -f '^sleep 321$' >/dev/null") != 0; }));
}

TEST_F(BuildKitTest, EndsAtItsDeadline) {
  order_.deadline = Seconds(2);
  const Error error = failure(kFrom + "RUN echo " + tag_ + "; sleep 322\n");
  EXPECT_EQ(error.reason, "build_deadline");
  EXPECT_EQ(error.code, Code::exhausted);
  EXPECT_TRUE(eventually([] { return std::system("pgrep -f '^sleep 322$' >/dev/null") != 0; }));
}

TEST_F(BuildKitTest, MemoryWithoutEndIsEndedWithItsReason) {
  const Error error =
      failure(kFrom + "RUN echo " + tag_ + "; x=aaaaaaaa; while :; do x=$x$x; done\n");
  EXPECT_EQ(error.reason, "build_memory") << error.detail;
  EXPECT_NE(error.detail.find("256 MiB"), std::string::npos) << error.detail;
}

TEST_F(BuildKitTest, ForksWithoutEndAreEndedWithTheirReason) {
  order_.deadline = Seconds(20);
  const Error error =
      failure(kFrom + "RUN echo " + tag_ + "; f() { f | f & }; f; while :; do sleep 1 & done\n");
  EXPECT_EQ(error.reason, "build_pids") << error.detail;
}

TEST_F(BuildKitTest, WritesWithoutEndAreEndedWithTheirReason) {
  const Error error = failure(kFrom + "RUN echo " + tag_ +
                              "; while :; do cat /web /web /web /web /bin/busybox /bin/busybox >> "
                              "/big; cat /big >> /big2; done\n");
  EXPECT_EQ(error.reason, "build_disk") << error.detail;
}

// Writes beside a build what would be too much for it, on the disk of the engine.
class Neighbour {
 public:
  Neighbour() : thread_([this](const std::stop_token& stop) { write(stop); }) {}
  ~Neighbour() {
    thread_.request_stop();
    thread_.join();
    fs::remove(file_);
  }
  std::int64_t written() const { return written_; }

 private:
  void write(const std::stop_token& stop) {
    std::ofstream out(file_);
    const std::string piece(1 << 20, 'x');
    while (!stop.stop_requested() && written_ < 2LL << 30) {
      out << piece << std::flush;
      written_ += 1 << 20;
    }
  }
  const std::string file_ = "/var/tmp/gantry-neighbour-" + new_ulid(system_clock().now());
  std::atomic<std::int64_t> written_{0};
  std::jthread thread_;
};

TEST_F(BuildKitTest, WhatOthersWriteMeanwhileIsNotTheBuilds) {
  options_.limits.disk_bytes = 64 << 20;
  const Neighbour neighbour;
  ASSERT_TRUE(build(kFrom + "RUN echo " + tag_ + "; cat /web > /copy; sleep 6\n").ok()) << output_;
  EXPECT_GT(neighbour.written(), 128 << 20);
}

TEST_F(BuildKitTest, ABuildThatWritesTooMuchBesideOthersIsToldSo) {
  options_.limits.disk_bytes = 64 << 20;
  const Neighbour neighbour;
  const Error error =
      failure(kFrom + "RUN echo " + tag_ + "; while :; do cat /web /bin/busybox >> /big; done\n");
  EXPECT_EQ(error.reason, "build_disk") << error.detail;
}

TEST_F(BuildKitTest, WhatACacheHadBeforeIsNotTheBuilds) {
  options_.limits.disk_bytes = 64 << 20;
  const std::string mount = "RUN --mount=type=cache,id=" + tag_ + ",target=/cache echo ";
  ASSERT_TRUE(build(kFrom + mount + "one; head -c 50000000 /dev/zero > /cache/a; sleep 3\n").ok());
  ASSERT_TRUE(build(kFrom + mount + "two; head -c 50000000 /dev/zero > /cache/b; sleep 3\n").ok())
      << output_;
  const Error error =
      failure(kFrom + mount + "three; head -c 90000000 /dev/zero > /cache/c; sleep 30\n");
  EXPECT_EQ(error.reason, "build_disk") << error.detail;
}

TEST_F(BuildKitTest, ADiskThatIsNearlyFullIsNobodysFault) {
  options_.limits.least_free_bytes = 1LL << 60;
  const Error error = failure(kFrom + "RUN echo " + tag_ + "; sleep 30\n");
  EXPECT_EQ(error.reason, "build_disk_full") << error.detail;
}

TEST_F(BuildKitTest, ALongLineComesInPieces) {
  ASSERT_TRUE(build(kFrom + "RUN echo " + tag_ +
                    "; head -c 90000 /dev/zero | tr '\\0' x; echo; echo the $((6 + 1))\n")
                  .ok())
      << output_.substr(0, 2000);
  std::size_t longest = 0;
  for (std::size_t at = 0; at < output_.size();) {
    const std::size_t end = std::min(output_.find('\n', at), output_.size());
    longest = std::max(longest, end - at);
    at = end + 1;
  }
  EXPECT_LT(longest, 70'000u);
  EXPECT_TRUE(says("the 7"));
}

TEST_F(BuildKitTest, ACacheWithinItsBudgetStays) {
  ASSERT_TRUE(build(kFrom + "RUN echo " + tag_ + " > /x\n").ok()) << output_;
  ASSERT_TRUE(make_buildkit(options_)->trim_cache(1ULL << 50).ok());
  ASSERT_TRUE(build(kFrom + "RUN echo " + tag_ + " > /x\n").ok()) << output_;
  EXPECT_TRUE(says("CACHED")) << output_;
}

TEST_F(BuildKitTest, TwoAtOnceDoNotMeet) {
  std::string other_output;
  ImageOrder other = order_;
  other.name = repository_ + ":2";
  other.dockerfile = "Dockerfile";
  other.secrets = {{"S", "two"}};
  order_.secrets = {{"S", "one"}};
  const std::string dockerfile =
      kFrom + "RUN --mount=type=secret,id=S echo " + tag_ + " $(cat /run/secrets/S); sleep 1\n";
  write("Dockerfile", dockerfile + "RUN true\n");
  auto context = BuildContext::open({.folder = folder_, .always = {}, .extra = {}, .ignore = {}});
  ASSERT_TRUE(context.ok());
  while (context->next()->size() > 0) {
  }
  std::jthread second([&] {
    auto mine = BuildContext::open({.folder = folder_, .always = {}, .extra = {}, .ignore = {}});
    EXPECT_TRUE(
        make_buildkit(options_)
            ->build(other, *mine, [&](std::string_view bytes) { other_output += bytes; }, {})
            .ok());
  });
  auto mine = BuildContext::open({.folder = folder_, .always = {}, .extra = {}, .ignore = {}});
  order_.name = repository_ + ":1";
  order_.dockerfile = "Dockerfile";
  EXPECT_TRUE(make_buildkit(options_)
                  ->build(order_, *mine, [&](std::string_view bytes) { output_ += bytes; }, {})
                  .ok());
  second.join();
  EXPECT_EQ(make_buildkit(options_)->list(repository_)->size(), 2u);
}

TEST_F(BuildKitTest, AnEngineThatIsAwayIsUnavailable) {
  options_.socket_path = "/nowhere/docker.sock";
  const auto built = build(kFrom);
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.error().code, Code::unavailable);
  options_.socket_path = test_engine_socket();
}

}  // namespace
}  // namespace gantry::testing
