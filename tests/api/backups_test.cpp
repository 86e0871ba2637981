// Backups over the API: who may see and restore what, and what is never shown.
#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiBackups : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    seed_backups();
  }
  static inline const std::string kBackup = "bak_01jd8yq5x8c5v0m6r7k2n4t9wz";
};

TEST_F(ApiBackups, TheContentComesWithItsLength) {
  const auto reply = get(kInstance + "/backups/" + kBackup + "/content");
  ASSERT_EQ(reply.status, 200);
  EXPECT_EQ(header(reply, "Content-Length"), "6");
  EXPECT_NE(header(reply, "Content-Disposition").find("api-" + kBackup + ".dump"),
            std::string::npos);
  std::string all, piece;
  while (reply.stream->read(piece)) all += piece;
  EXPECT_EQ(all, "a dump");
}

TEST_F(ApiBackups, SecretsAreNeverShown) {
  const auto list = get("/v1/backup-destinations");
  EXPECT_EQ(list.body.find("nobody reads it"), std::string::npos);
  EXPECT_NE(list.body.find("\"local\""), std::string::npos) << list.body;
  const auto made = post("/v1/backup-destinations", {{"name", "x"},
                                                     {"kind", "s3"},
                                                     {"endpoint", "https://s3.example.com"},
                                                     {"bucket", "backups"},
                                                     {"access_key_id", "AK"},
                                                     {"secret_access_key", "s3cr3t"}});
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.body.find("s3cr3t"), std::string::npos);
  EXPECT_EQ(code(post("/v1/backup-destinations", {{"name", "local"}, {"kind", "directory"}})),
            "reserved_name");
}

TEST_F(ApiBackups, AForeignBackupIsUnknown) {
  ASSERT_EQ(post("/v1/projects", {{"name", "other"}}).status, 201);
  ASSERT_EQ(
      post("/v1/projects/other/services", {{"name", "api"}, {"source", {{"image", "nginx:1.27"}}}})
          .status,
      201);
  const std::string path = "/v1/projects/other/environments/production/services/api/restores";
  const auto foreign =
      as(project_token("other", "production"),
         {.method = "POST", .target = path, .body = Json{{"backup", kBackup}}.dump()});
  EXPECT_EQ(foreign.status, 422);
  EXPECT_EQ(code(foreign), "unknown_backup");
  const auto missing = as(project_token("other", "production"),
                          {.method = "POST",
                           .target = path,
                           .body = Json{{"backup", "bak_00000000000000000000000000"}}.dump()});
  EXPECT_EQ(code(missing), "unknown_backup") << "as what does not exist";
  EXPECT_EQ(post(path, {{"backup", kBackup}}).status, 202) << "an account may";
}

TEST_F(ApiBackups, ABackupIsOfOneInstance) {
  ASSERT_EQ(post("/v1/projects/shop/services",
                 {{"name", "second"}, {"source", {{"image", "nginx:1.27"}}}})
                .status,
            201);
  EXPECT_EQ(
      get("/v1/projects/shop/environments/production/services/second/backups/" + kBackup).status,
      404);
}

TEST_F(ApiBackups, ARestoreMakesTheServiceThatItNames) {
  const auto asked = post(kInstance + "/backups/" + kBackup + "/restore", {{"service", "api-2"}});
  ASSERT_EQ(asked.status, 202) << asked.body;
  const std::string made = "/v1/projects/shop/environments/production/services/api-2";
  EXPECT_EQ(json(get(made))["id"], json(asked)["instance_id"]);
  EXPECT_EQ(json(get(made + "/variables/LOG_LEVEL"))["value"], "${{shared.LOG_LEVEL}}");
  const auto again = post(kInstance + "/backups/" + kBackup + "/restore", {{"service", "api-2"}});
  EXPECT_EQ(again.status, 202) << "it is there now";
  const auto restores = context().backups->ledger().restores({});
  ASSERT_GE(restores->size(), 2U);
  EXPECT_NE((*restores)[0].fresh, (*restores)[1].fresh);
  EXPECT_EQ(code(post(kInstance + "/backups/" + kBackup + "/restore", {{"environment", "no"}})),
            "unknown_environment");
}

TEST_F(ApiBackups, AServiceThatIsMadeHasAVolumeForEach) {
  const std::string volumes = "/v1/projects/shop/environments/production/volumes";
  for (const char* path : {"/data", "/logs"})
    ASSERT_EQ(
        post(volumes,
             {{"name", "api-" + std::string(path + 1)}, {"service", "api"}, {"mount_path", path}})
            .status,
        201);
  ASSERT_EQ(post(volumes, {{"name", "copy"}}).status, 201) << "a name that is taken";
  const auto asked = post(kInstance + "/backups/" + kBackup + "/restore", {{"service", "copy"}});
  ASSERT_EQ(asked.status, 202) << asked.body;
  std::map<std::string, std::string> made;
  const Json all = json(get(volumes));
  for (const Json& one : all["data"])
    if (one["service"].is_object() && one["service"]["name"] == "copy")
      made[one["mount_path"]] = one["name"];
  EXPECT_EQ(made, (std::map<std::string, std::string>{{"/data", "copy-2"}, {"/logs", "copy-3"}}));
}

TEST_F(ApiBackups, ADryRunLeavesNothing) {
  const auto before = context().backups->ledger().restores({})->size();
  ASSERT_EQ(
      post(kInstance + "/backups/" + kBackup + "/restore?dry_run=true", {{"service", "api-2"}})
          .status,
      202);
  ASSERT_EQ(del(kInstance + "/backups/" + kBackup + "?dry_run=true").status, 204);
  ASSERT_EQ(post(kInstance + "/backups?dry_run=true", {{"kind", "snapshot"}}).status, 202);
  ASSERT_EQ(put(kInstance + "/backup-schedules?dry_run=true", {{"profile", "none"}}).status, 200);
  EXPECT_EQ(context().backups->ledger().restores({})->size(), before);
  EXPECT_EQ(context().backups->ledger().backups({})->size(), 1U);
  EXPECT_EQ(json(get(kInstance + "/backup-schedules"))["schedules"].size(), 1U);
  EXPECT_EQ(get("/v1/projects/shop/services/api-2").status, 404);
}

TEST_F(ApiBackups, SchedulesStandBesideEachOther) {
  const std::string path = kInstance + "/backup-schedules";
  ASSERT_EQ(put(path + "/weekly", {{"cron", "0 4 * * 0"}, {"keep_count", 4}}).status, 200);
  Json plan = json(get(path));
  ASSERT_EQ(plan["schedules"].size(), 2U);
  EXPECT_EQ(plan["schedules"][0]["keep_days"], 7);
  EXPECT_EQ(pointers(put(path + "/weekly", {{"cron", "@weekly"}})),
            std::vector<std::string>{"/cron"});
  EXPECT_EQ(del(path + "/weekly").status, 204);
  EXPECT_EQ(del(path + "/weekly").status, 404);
  ASSERT_EQ(put(path, {{"profile", "long"}}).status, 200);
  EXPECT_EQ(json(get(path))["schedules"][0]["keep_days"], 14);
  ASSERT_EQ(put(path, {{"profile", "none"}}).status, 200);
  EXPECT_TRUE(json(get(path))["schedules"].empty());
}

TEST_F(ApiBackups, WhatCannotBeDumpedSaysSo) {
  EXPECT_EQ(code(post(kInstance + "/backups", {{"kind", "dump"}})), "no_dump");
  EXPECT_EQ(code(post(kInstance + "/backups", {{"kind", "snapshot"}, {"destination", "nowhere"}})),
            "unknown_destination");
  ASSERT_EQ(post(kInstance + "/backups/" + kBackup + "/lock", Json::object()).status, 200);
  EXPECT_EQ(code(del(kInstance + "/backups/" + kBackup)), "backup_locked");
  ASSERT_EQ(post(kInstance + "/backups/" + kBackup + "/unlock", Json::object()).status, 200);
  EXPECT_EQ(del(kInstance + "/backups/" + kBackup).status, 204);
  EXPECT_EQ(get(kInstance + "/backups/" + kBackup).status, 404);
}

}  // namespace
}  // namespace gantry::testing
