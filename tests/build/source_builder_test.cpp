// From an archive to an image: configuration, Dockerfile, arguments, cancelling, turns, sweeping.
#include "runtime/build/source_builder.hpp"

#include <fstream>
#include <future>

#include <gtest/gtest.h>

#include "proto/config_file.hpp"
#include "runtime/build/image_name.hpp"
#include "tests/build/builder_bench.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;
using testing::Tar;
using Paths = std::vector<std::string>;

class SourceBuilderTest : public testing::BuilderBench {};

Tar dockerized() { return Tar().file("Dockerfile", "FROM base\nARG A\n").file("main.go", "x"); }

TEST_F(SourceBuilderTest, ADockerfileIsBuiltUnderTheDeploymentsName) {
  variables_ = {{"A", "1"}, {"B", "2"}, {"RAILWAY_SERVICE_NAME", "api"}};
  const std::string name = deploy(dockerized());
  EXPECT_EQ(name, built_image_name(options_.installation_id, instance_, last_));
  EXPECT_EQ(built_image_owner(options_.installation_id, name)->deployment_id, last_);
  ASSERT_EQ(engine_.orders.size(), 1U);
  EXPECT_EQ(engine_.orders[0].dockerfile, "Dockerfile");
  EXPECT_EQ(engine_.orders[0].arguments, (std::map<std::string, std::string>{{"A", "1"}}));
  EXPECT_TRUE(engine_.orders[0].secrets.empty());
  EXPECT_FALSE(engine_.orders[0].no_cache);
  EXPECT_EQ(engine_.paths, (Paths{"Dockerfile", "main.go"}));
  const std::string log = log_text();
  EXPECT_NE(log.find("Using detected Dockerfile!\n"), std::string::npos) << log;
  EXPECT_NE(log.find("#1 FROM base\n#2 RUN make\n"), std::string::npos) << log;
  EXPECT_TRUE(detected_.empty());
  EXPECT_EQ(work_folders(), 0U);
}

TEST_F(SourceBuilderTest, SecretsAndNoCache) {
  variables_ = {{"TOKEN", "s3cret"}, {"NO_CACHE", "1"}};
  deploy(Tar().file("Dockerfile", "FROM b\nRUN --mount=type=secret,id=TOKEN true\n"));
  EXPECT_EQ(engine_.orders.at(0).secrets.at("TOKEN"), "s3cret");
  EXPECT_TRUE(engine_.orders.at(0).arguments.empty());
  EXPECT_TRUE(engine_.orders.at(0).no_cache);
}

TEST_F(SourceBuilderTest, WithoutADockerfileTheDetectorWritesOne) {
  variables_ = {{"API_KEY", "k"}};
  deploy(Tar().file("package.json", "{}").file("node_modules/m/i.js", "x"));
  EXPECT_EQ(engine_.paths, (Paths{"package.json", ".dockerignore", "Dockerfile"}));
  EXPECT_EQ(engine_.orders.at(0).arguments.at("API_KEY"), "k");
  EXPECT_NE(engine_.last_tar.find("FROM detected"), std::string::npos);
  const std::string log = log_text();
  EXPECT_NE(log.find("It is Node.\n"), std::string::npos);
  EXPECT_NE(log.find("  FROM detected\n  ARG API_KEY\n"), std::string::npos) << log;

  deploy(Tar().file("package.json", "{}").file(".dockerignore", "*.md").file("a.md", ""));
  EXPECT_EQ(engine_.paths, (Paths{".dockerignore", "package.json", "Dockerfile"}));
}

TEST_F(SourceBuilderTest, WhereADockerfileIsLookedFor) {
  struct Case {
    std::string root, named, variable, config_file;
    std::string dockerfile;  // in the context; empty: refused
    std::string text;        // of the one that is used
  };
  Tar tar;
  tar.file("Dockerfile", "FROM root").file("docker/api.Dockerfile", "FROM docker");
  tar.file("services/worker/Dockerfile", "FROM worker").file("services/worker/railway.json", "{}");
  tar.file("services/worker/Dockerfile.cron", "FROM cron").file("services/web/a", "");
  const std::vector<Case> cases = {
      {"", "", "", "", "Dockerfile", "root"},
      {"services/worker", "", "", "", "Dockerfile", "worker"},
      {"", "services/worker/Dockerfile", "", "", "services/worker/Dockerfile", "worker"},
      {"services/worker", "services/worker/Dockerfile", "", "", "Dockerfile", "worker"},
      {"services/worker", "docker/api.Dockerfile", "", "", ".gantry.Dockerfile", "docker"},
      {"services/web", "docker/api.Dockerfile", "", "", "Dockerfile", "docker"},
      {"", "Dockerfile.cron", "", "services/worker/railway.json", "services/worker/Dockerfile.cron",
       "cron"},
      {"", "", "docker/api.Dockerfile", "", "docker/api.Dockerfile", "docker"},
      {"", "", "/docker/api.Dockerfile", "", "docker/api.Dockerfile", "docker"},
      {"", "Dockerfile", "docker/api.Dockerfile", "", "Dockerfile", "root"},
      {"", "nope", "", "", "",
       "build.dockerfilePath asks for a Dockerfile, and there is none: "
       "looked for nope"},
      {"services/web", "nope", "", "", "", "looked for services/web/nope and nope"},
      {"", "", "../x", "", "", "leads out of the source"},
  };
  for (const auto& one : cases) {
    settings_.build = {};
    if (!one.root.empty()) settings_.build.root_directory = one.root;
    if (!one.named.empty()) settings_.build.dockerfile_path = one.named;
    if (!one.config_file.empty()) settings_.build.config_file = one.config_file;
    variables_.clear();
    if (!one.variable.empty()) variables_["RAILWAY_DOCKERFILE_PATH"] = one.variable;
    engine_.orders.clear();
    const std::string said = deploy(tar);
    if (one.dockerfile.empty()) {
      EXPECT_NE(said.find(one.text), std::string::npos) << said;
      EXPECT_TRUE(engine_.orders.empty());
      continue;
    }
    ASSERT_EQ(engine_.orders.size(), 1U) << said;
    EXPECT_EQ(engine_.orders[0].dockerfile, one.dockerfile);
    EXPECT_NE(engine_.last_tar.find("FROM " + one.text), std::string::npos) << one.dockerfile;
  }
}

TEST_F(SourceBuilderTest, ADockerfileOfTheWholeRepositoryIsNotThatOfAService) {
  settings_.build.root_directory = "services/web";
  deploy(Tar().file("Dockerfile", "FROM root").file("services/web/package.json", "{}"));
  EXPECT_EQ(engine_.paths, (Paths{"package.json", ".dockerignore", "Dockerfile"}));
  ASSERT_EQ(detected_.size(), 1U);
  EXPECT_TRUE(detected_[0].ends_with("/services/web"));
}

TEST_F(SourceBuilderTest, TheBuilderDockerfileWantsOne) {
  settings_.build.builder = "DOCKERFILE";
  EXPECT_NE(deploy(Tar().file("a", "x")).find("looked for Dockerfile"), std::string::npos);
  EXPECT_TRUE(detected_.empty());
  EXPECT_EQ(work_folders(), 0U);
}

TEST_F(SourceBuilderTest, TheDockerfilesOwnIgnoreFileComesFirst) {
  Tar tar = dockerized();
  tar.file(".dockerignore", "*.md").file("Dockerfile.dockerignore", "*\n!main.go").file("a.md", "");
  deploy(tar);
  EXPECT_EQ(engine_.paths, (Paths{".dockerignore", "Dockerfile", "main.go"}));
}

TEST_F(SourceBuilderTest, ALinkedDockerfileIsSentAsAFile) {
  Tar tar;
  tar.file("docker/x", "FROM linked");
  tar.add({.name = "Dockerfile", .type = '2', .link = "docker/x"});
  deploy(tar);
  EXPECT_EQ(engine_.paths, (Paths{"docker/", "docker/x", "Dockerfile"}));
}

TEST_F(SourceBuilderTest, NixpacksIsRunWhenItIsInstalled) {
  fs::create_directories(place_ + "/bin");
  std::ofstream(place_ + "/bin/nixpacks")
      << "#!/bin/bash\necho \"plan for $*\"; mkdir -p $4/.nixpacks; cp -r $2/. $4\n"
         "echo \"FROM nix\nARG K\n# $K ${LD_PRELOAD:-none}\" > $4/.nixpacks/Dockerfile\n"
         "[ ! -e $2/broken ]\n";
  fs::permissions(place_ + "/bin/nixpacks", fs::perms(0755));
  settings_.build.builder = "NIXPACKS";
  settings_.build.build_command = "make all";
  variables_ = {{"K", "value"}, {"LD_PRELOAD", "/evil.so"}};
  deploy(Tar().file("package.json", "{}"));
  EXPECT_EQ(engine_.orders.at(0).dockerfile, ".nixpacks/Dockerfile");
  EXPECT_EQ(engine_.orders.at(0).arguments.at("K"), "value");
  EXPECT_NE(engine_.last_tar.find("# value none"), std::string::npos);
  const std::string log = log_text();
  EXPECT_NE(log.find("--build-cmd make all --env K"), std::string::npos) << log;
  EXPECT_EQ(log.find("LD_PRELOAD"), std::string::npos);
  EXPECT_NE(deploy(Tar().file("broken", "")).find("nixpacks ended with 1"), std::string::npos);

  settings_.build.builder = "RAILPACK";
  deploy(Tar().file("package.json", "{}"));
  EXPECT_EQ(detected_.size(), 1U);
}

TEST_F(SourceBuilderTest, TheFileOfTheSourceCountsForItsDeployment) {
  settings_.deploy.replicas = 2;
  settings_.deploy.draining_seconds = 33;
  settings_.build.root_directory = "services/api";
  Tar tar;
  tar.file("railway.json", R"({"deploy":{"numReplicas":7}})");
  tar.file("services/api/gantry.yaml",
           "deploy: {numReplicas: 5, cronSchedule: '0 6 * * *', wrongKey: 1}\n"
           "environments: {production: {deploy: {healthcheckPath: /up}}}\n");
  auto order = prepare_order(upload(tar));
  const auto prepared = builder_->prepare(order);
  ASSERT_TRUE(prepared.ok()) << prepared.error().detail;
  EXPECT_EQ(prepared->settings.deploy.replicas, 5);
  EXPECT_EQ(prepared->settings.deploy.draining_seconds, 33);
  EXPECT_EQ(prepared->settings.deploy.healthcheck_path, "/up");
  EXPECT_EQ(prepared->settings.source.archive, order.archive);
  EXPECT_NE(prepared->config.find("services/api/gantry.yaml"), std::string::npos);
  EXPECT_EQ(prepared->settings.deploy.cron.schedule, "0 6 * * *");
  EXPECT_NE(prepared->config.find("with a cronSchedule"), std::string::npos);
  const std::string log = log_text();
  EXPECT_NE(log.find("wrongKey"), std::string::npos) << log;

  settings_.build.config_file = "railway.json";
  order = prepare_order(order.archive);
  EXPECT_EQ(builder_->prepare(order)->settings.deploy.replicas, 7);
  settings_.build.config_file = "conf/nope.json";
  EXPECT_NE(refusal(tar).find("conf/nope.json is not in the source"), std::string::npos);
  settings_.build.config_file.reset();
  settings_.build.root_directory.reset();
  EXPECT_EQ(builder_->prepare(prepare_order(order.archive))->settings.deploy.replicas, 7);
  EXPECT_EQ(builder_->prepare(prepare_order(upload(dockerized())))->config, "");
}

// Strongest first: the exact name, "pr", the base environment, the file, the settings.
TEST_F(SourceBuilderTest, BlocksOfAPullRequestCountInItsEnvironment) {
  const std::string archive = upload(Tar().file("railway.json", R"({
    "deploy": {"numReplicas": 2, "healthcheckPath": "/file", "drainingSeconds": 2},
    "environments": {
      "production": {"deploy": {"numReplicas": 3, "healthcheckPath": "/base", "overlapSeconds": 3}},
      "pr": {"deploy": {"numReplicas": 4, "healthcheckPath": "/pr"}},
      "pr-5": {"deploy": {"numReplicas": 5}}}})"));
  std::optional<std::string> base = "production";
  options_.preview_base = [&](const InstanceId& id) -> Result<std::optional<std::string>> {
    EXPECT_EQ(id, instance_);
    return base;
  };
  restart();
  auto order = prepare_order(archive);
  order.environment = "pr-5";
  const auto preview = builder_->prepare(order)->settings.deploy;
  EXPECT_EQ(preview.replicas, 5);
  EXPECT_EQ(preview.healthcheck_path, "/pr");
  EXPECT_EQ(preview.overlap_seconds, 3);
  EXPECT_EQ(preview.draining_seconds, 2);
  base.reset();  // somebody's environment that is called so
  order = prepare_order(archive);
  order.environment = "pr-5";
  const auto plain = builder_->prepare(order)->settings.deploy;
  EXPECT_EQ(plain.replicas, 5);
  EXPECT_EQ(plain.healthcheck_path, "/file");
  EXPECT_EQ(plain.overlap_seconds, 0);
  options_.preview_base = [](const InstanceId&) -> Result<std::optional<std::string>> {
    return Error{Code::unavailable, "database_unavailable", "the database is away"};
  };
  restart();
  EXPECT_EQ(builder_->prepare(prepare_order(archive)).error().code, Code::unavailable)
      << "tried again, not guessed";
}

TEST_F(SourceBuilderTest, ARequiredMountPathIsThatOfAVolume) {
  auto order = prepare_order(
      upload(dockerized().file("railway.toml", "[deploy]\nrequiredMountPath = '/d/'")));
  order.mount_paths = {"/data"};
  EXPECT_EQ(builder_->prepare(order).error().reason, "volume_missing");
  order.mount_paths = {"/data", "/d"};
  EXPECT_TRUE(builder_->prepare(order).ok()) << "a volume is mounted there";
}

TEST_F(SourceBuilderTest, WhatIsWrongInTheFileIsSaidWithItsPlace) {
  EXPECT_NE(refusal(Tar().file("railway.json", "{\n \"deploy\": {\"numReplicas\": \"many\"}}"))
                .find("railway.json:2:28: deploy.numReplicas: "),
            std::string::npos)
      << refusal(Tar().file("railway.json", "{\n \"deploy\": {\"numReplicas\": \"many\"}}"));
  EXPECT_NE(refusal(Tar().file("railway.toml", "[deploy]\nrequiredMountPath = '/data'"))
                .find("railway.toml:2:21: deploy.requiredMountPath: no volume is mounted at /data"),
            std::string::npos)
      << refusal(Tar().file("railway.toml", "[deploy]\nrequiredMountPath = '/data'"));
  Tar tar;
  tar.file("gantry.yaml", "services: {api: {rootDirectory: services/api}}").file("apps/x", "");
  EXPECT_EQ(refusal(tar),
            "the root directory services/api is not in the source, which holds "
            "apps/, gantry.yaml");
  EXPECT_EQ(work_folders(), 0U);
  EXPECT_NE(log_text().find("the root directory services/api"), std::string::npos);
}

TEST_F(SourceBuilderTest, AFileOfSeveralServicesIsTold) {
  Tar tar;
  tar.file("railway.json", "{\"deploy\":{\"startCommand\":\"a\"}}").file("a", "a").file("b", "b");
  tar.file("own/railway.json", "{}");
  const auto first = prepare_order(upload(tar));
  ASSERT_TRUE(builder_->prepare(first).ok());
  tar.file("c", "c");
  auto order = prepare_order(upload(tar));
  const std::string other = upload(Tar().file("railway.json", "{}").file("x", "x").file("y", "y"));
  ASSERT_TRUE(builder_->prepare(prepare_order(other)).ok());
  BuildSettings own;
  own.config_file = "own/railway.json";
  order.neighbours = {{"workers", first.archive, {}},
                      {"itself", order.archive, own},
                      {"stranger", other, {}},
                      {"gone", "sha256:" + std::string(64, 'a'), {}},
                      {"webhooks", order.archive, {}}};
  const auto told = [&] {
    order.deployment_id = DeploymentId::make(system_clock().now());
    const auto prepared = builder_->prepare(order);
    EXPECT_TRUE(prepared.ok());
    const std::size_t at = prepared->config.find("it is also the file of ");
    return at == std::string::npos
               ? ""
               : prepared->config.substr(at, prepared->config.find(',', at + 34) - at);
  };
  EXPECT_EQ(told(), "it is also the file of workers, webhooks");
  EXPECT_NE(log_text().find("railway.json: warning: it is also the file of workers, webhooks, "),
            std::string::npos);
  order.neighbours.clear();
  EXPECT_EQ(told(), "");
}

TEST_F(SourceBuilderTest, AStartCommandWithVariablesOfADockerfileIsTold) {
  Tar tar;
  tar.file("railway.json", "{\"deploy\":{\"startCommand\":\"app $PORT\"}}");
  ASSERT_TRUE(builder_->prepare(prepare_order(upload(tar))).ok());
  EXPECT_EQ(log_text().find("are put in when a replica starts"), std::string::npos);
  tar.file("Dockerfile", "FROM x");
  ASSERT_TRUE(builder_->prepare(prepare_order(upload(tar))).ok());
  EXPECT_NE(
      log_text().find("railway.json:1:27: warning: deploy.startCommand: its variables are put "
                      "in when a replica starts"),
      std::string::npos)
      << log_text();
}

TEST_F(SourceBuilderTest, ABrokenArchiveIsInvalidAndAGoneOneIsGone) {
  EXPECT_NE(refusal(Tar().file("../x", "x")).find("../x leads out"), std::string::npos);
  const auto gone = builder_->prepare(prepare_order("sha256:" + std::string(64, 'a')));
  EXPECT_EQ(gone.error().reason, "source_gone");
  EXPECT_EQ(gone.error().code, Code::not_found);
}

TEST_F(SourceBuilderTest, ABuildBeginsAnewAfterARestart) {
  const auto order = prepare_order(upload(dockerized()));
  const auto prepared = builder_->prepare(order);
  ASSERT_TRUE(prepared.ok());
  EXPECT_EQ(work_folders(), 1U);
  restart();
  EXPECT_EQ(work_folders(), 0U);
  EXPECT_TRUE(builder_->build(build_order(order, prepared->settings)).ok());
  EXPECT_EQ(engine_.paths, (Paths{"Dockerfile", "main.go"}));
}

TEST_F(SourceBuilderTest, ManyPreparedSourcesDoNotPileUp) {
  const std::string archive = upload(dockerized());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(builder_->prepare(prepare_order(archive)).ok());
  EXPECT_EQ(work_folders(), options_.kept_folders);
}

TEST_F(SourceBuilderTest, AFailedBuildSaysSo) {
  engine_.fails = Error{Code::invalid, "build_failed", "RUN make: exit code 2"};
  EXPECT_EQ(deploy(dockerized()), "RUN make: exit code 2");
  EXPECT_NE(log_text().find("RUN make: exit code 2\n"), std::string::npos);
  EXPECT_EQ(work_folders(), 0U);
}

TEST_F(SourceBuilderTest, TurnsAndCancel) {
  options_.concurrency = 1;
  restart();
  engine_.block(true);
  const auto order = [&] { return prepare_order(upload(dockerized())); };
  const auto build = [this](const PrepareOrder& one) {
    return std::async(std::launch::async,
                      [this, one] { return builder_->build(build_order(one, settings_)); });
  };
  const auto first = order(), second = order(), third = order(), never = order();
  auto one = build(first);
  while (engine_.running_now() == 0) std::this_thread::yield();
  auto two = build(second);
  while (log_text().find("waits for another build") == std::string::npos) std::this_thread::yield();
  builder_->cancel(second.deployment_id);
  EXPECT_EQ(two.get().error().reason, "cancelled");
  auto three = build(third);
  builder_->cancel(first.deployment_id);
  EXPECT_EQ(one.get().error().reason, "cancelled");
  engine_.block(false);
  EXPECT_TRUE(three.get().ok());
  EXPECT_EQ(engine_.most, 1);
  builder_->cancel(never.deployment_id);
  EXPECT_EQ(builder_->prepare(never).error().reason, "cancelled");
  EXPECT_EQ(builder_->build(build_order(never, settings_)).error().reason, "cancelled");
  EXPECT_EQ(work_folders(), 0U);
}

TEST_F(SourceBuilderTest, CancelDropsWhatWasPrepared) {
  const auto order = prepare_order(upload(dockerized()));
  ASSERT_TRUE(builder_->prepare(order).ok());
  EXPECT_EQ(work_folders(), 1U);
  builder_->cancel(order.deployment_id);
  EXPECT_EQ(work_folders(), 0U);
}

TEST_F(SourceBuilderTest, SweepKeepsWhatAReleaseNeeds) {
  const std::string kept = upload(dockerized()), old = upload(Tar().file("a", "x"));
  for (const auto& digest : {kept, old}) {
    ASSERT_TRUE(builder_->prepare(prepare_order(digest)).ok());
    fs::last_write_time(source_file(options_.sources, project_, digest),
                        fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  const auto long_ago = system_clock().now() - Seconds(7200);
  std::vector<Release> releases;
  for (int i = 0; i < 8; ++i) {
    const auto id = DeploymentId::make(system_clock().now());
    const auto name = built_image_name(options_.installation_id, instance_, id);
    engine_.images.push_back({name, 100, long_ago});
    releases.push_back({instance_, project_, id, name, i == 7 ? kept : "", i == 0});
  }
  const auto orphan = built_image_name(options_.installation_id, instance_,
                                       last_ = DeploymentId::make(system_clock().now()));
  engine_.images.push_back({orphan, 100, long_ago});
  engine_.images.push_back({"somebody/elses:1", 100, long_ago});
  ASSERT_TRUE(builder_->sweep(releases).ok());
  std::vector<std::string> left;
  for (const auto& image : engine_.images) left.push_back(image.name);
  EXPECT_EQ(left, (Paths{releases[0].image, releases[3].image, releases[4].image, releases[5].image,
                         releases[6].image, releases[7].image, "somebody/elses:1"}));
  EXPECT_EQ(engine_.trimmed_to, options_.cache_bytes);
  EXPECT_TRUE(fs::exists(source_file(options_.sources, project_, kept)));
  EXPECT_FALSE(fs::exists(source_file(options_.sources, project_, old)));
}

TEST_F(SourceBuilderTest, SweepSparesWhatWasBuiltJustNowFromAnOldCache) {
  engine_.created_at = system_clock().now() - Seconds(7 * 86400);
  const std::string name = deploy(dockerized());
  ASSERT_TRUE(builder_->sweep({}).ok());
  ASSERT_EQ(engine_.images.size(), 1U);
  EXPECT_EQ(engine_.images[0].name, name);
  restart();  // nobody knows it any more: what it was built for begins again
  ASSERT_TRUE(builder_->sweep({}).ok());
  EXPECT_TRUE(engine_.images.empty());
}

}  // namespace
}  // namespace gantry
