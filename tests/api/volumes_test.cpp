#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiVolumes : public ApiTest {
 protected:
  using Fields = std::vector<std::string>;
  api::Response attach(const std::string& volume, const Json& body) {
    return post(kVolumes + "/" + volume + "/attach", body);
  }
  api::Response act(const std::string& volume, const std::string& verb) {
    return post(kVolumes + "/" + volume + "/" + verb, Json::object());
  }
  std::vector<std::string> names(const std::string& query = "") {
    std::vector<std::string> found;
    const Json page = json(get(kVolumes + query));
    for (const Json& each : page.at("data")) found.push_back(each["name"]);
    return found;
  }
  int epoch(const std::string& service = "api") {
    return json(
        get("/v1/projects/shop/environments/production/services/" + service))["restart_epoch"];
  }
  // The body of an answer that comes piece by piece.
  static std::string streamed(const api::Response& response) {
    std::string all;
    while (response.stream->read(all)) {
    }
    return all;
  }
};

TEST_F(ApiVolumes, AreMadeMountedMovedAndTakenOut) {
  const auto made = post(kVolumes, {{"name", "uploads"}, {"size_bytes", 1 << 30}});
  ASSERT_EQ(made.status, 201) << made.body;
  const Json fresh = json(made);
  EXPECT_EQ(header(made, "Location"), "/v1/projects/" + fresh["project_id"].get<std::string>() +
                                          "/environments/" +
                                          fresh["environment_id"].get<std::string>() + "/volumes/" +
                                          fresh["id"].get<std::string>());
  EXPECT_EQ(json(get(header(made, "Location"))), fresh);
  EXPECT_EQ(fresh["service"], nullptr);
  EXPECT_EQ(fresh["mount_path"], nullptr);
  EXPECT_EQ(fresh["made"], false);
  EXPECT_EQ(fresh["size_bytes"], 1 << 30);
  ASSERT_EQ(post("/v1/projects/shop/services", {{"name", "web"}}).status, 201);
  const int before = epoch();
  const auto mounted = attach("uploads", {{"service", "api"}, {"mount_path", "/data//x/"}});
  ASSERT_EQ(mounted.status, 200) << mounted.body;
  EXPECT_EQ(json(mounted)["service"]["name"], "api");
  EXPECT_EQ(json(mounted)["mount_path"], "/data/x");
  EXPECT_EQ(epoch(), before + 1) << "it restarts with it";
  EXPECT_EQ(attach("uploads", {{"service", "api"}, {"mount_path", "/data/x"}}).status, 200);
  EXPECT_EQ(epoch(), before + 1) << "and not when nothing changes";
  const auto moved = attach("uploads", {{"service", "web"}});
  ASSERT_EQ(moved.status, 200) << moved.body;
  EXPECT_EQ(json(moved)["mount_path"], "/data/x") << "where it was";
  EXPECT_EQ(json(moved)["service"]["name"], "web");
  EXPECT_EQ(epoch(), before + 2);
  EXPECT_EQ(epoch("web"), 1);
  EXPECT_EQ(json(act("uploads", "detach"))["service"], nullptr);
  EXPECT_EQ(json(act("uploads", "detach"))["mount_path"], "/data/x") << "twice is once";
  EXPECT_EQ(epoch("web"), 2);
}

TEST_F(ApiVolumes, AreRenamedAndResizedByWhoHasSeenThem) {
  const std::string tag = header(get(kVolumes + "/data"), "ETag");
  const auto changed = patch(kVolumes + "/data", {{"size_bytes", 5}}, {{"if-match", tag}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(json(changed)["size_bytes"], 5);
  EXPECT_EQ(patch(kVolumes + "/data", {{"name", "x"}}, {{"if-match", tag}}).status, 412);
  ASSERT_EQ(post(kVolumes, {{"name", "second"}}).status, 201);
  const auto taken = patch(kVolumes + "/second", {{"name", "data"}});
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(code(taken), "name_taken");
  EXPECT_EQ(pointers(taken), Fields{"/name"});
  EXPECT_EQ(json(patch(kVolumes + "/second", {{"name", "third"}}))["name"], "third");
  EXPECT_EQ(get(kVolumes + "/second").status, 404);
}

TEST_F(ApiVolumes, WhatCannotBeIsRefusedWithTheFieldAndTheFix) {
  const std::pair<const char*, const char*> paths[] = {
      {"data", "absolute"},       {"./data", "absolute"}, {"", "absolute"},
      {"/", "whole image"},       {"//", "whole image"},  {"/proc", "kernel's"},
      {"/proc/sys", "kernel"},    {"/sys", "kernel's"},   {"/dev/shm", "kernel's"},
      {"/data/../etc", "\"..\""}, {"/./data", "\".\""},   {"/da\nta", "control"},
  };
  for (const auto& [path, fix] : paths) {
    const auto refused = attach("data", {{"service", "api"}, {"mount_path", path}});
    EXPECT_EQ(refused.status, 422) << path << refused.body;
    EXPECT_EQ(pointers(refused), Fields{"/mount_path"}) << path;
    EXPECT_NE(json(refused)["detail"].get<std::string>().find(fix), std::string::npos)
        << path << ": " << refused.body;
  }
  EXPECT_EQ(attach("data", {{"service", "api"}, {"mount_path", "/processes"}}).status, 200);
  EXPECT_EQ(pointers(attach("data", {{"service", "idle"}, {"mount_path", "/data"}})),
            Fields{"/service"})
      << "it is in another environment";
  EXPECT_EQ(pointers(post(kVolumes, {{"name", "x"}, {"service", "api"}})), Fields{"/mount_path"});
  EXPECT_EQ(pointers(post(kVolumes, {{"name", "x"}, {"mount_path", "/x"}})), Fields{"/service"});
  EXPECT_EQ(pointers(post(kVolumes, {{"name", "data"}})), Fields{"/name"});
  const auto taken =
      post(kVolumes, {{"name", "x"}, {"service", "api"}, {"mount_path", "/processes"}});
  EXPECT_EQ(code(taken), "mount_path_taken");
  EXPECT_EQ(pointers(taken), Fields{"/mount_path"});
  EXPECT_EQ(names(), Fields{"data"}) << "none is left over";
  EXPECT_EQ(pointers(attach("data", Json{{"mount_path", "/x"}})), Fields{"/service"});
  ASSERT_EQ(post(kVolumes, {{"name", "fresh"}}).status, 201);
  EXPECT_EQ(pointers(attach("fresh", {{"service", "api"}})), Fields{"/mount_path"})
      << "it was never mounted anywhere";
}

TEST_F(ApiVolumes, AServiceWithOneHasOneReplica) {
  ASSERT_EQ(post(kInstance + "/scale", {{"replicas", 2}}).status, 202);
  const auto refused = attach("data", {{"service", "api"}, {"mount_path", "/data"}});
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(code(refused), "several_replicas");
  EXPECT_EQ(pointers(refused), Fields{"/service"});
  ASSERT_EQ(post(kInstance + "/scale", {{"replicas", 1}}).status, 202);
  ASSERT_EQ(attach("data", {{"service", "api"}, {"mount_path", "/data"}}).status, 200);
  const auto more = post(kInstance + "/scale", {{"replicas", 2}});
  EXPECT_EQ(more.status, 409);
  EXPECT_EQ(code(more), "volume_attached");
}

TEST_F(ApiVolumes, DeletedOnesAreKeptAndComeBack) {
  ASSERT_EQ(attach("data", {{"service", "api"}, {"mount_path", "/data"}}).status, 200);
  const std::string id = json(get(kVolumes + "/data"))["id"];
  EXPECT_EQ(del(kVolumes + "/data").status, 204);
  EXPECT_EQ(names(), Fields{});
  EXPECT_EQ(names("?deleted=true"), (Fields{"data", "old"}));
  const Json deleted = json(get(kVolumes + "/" + id));
  EXPECT_EQ(deleted["service"], nullptr);
  EXPECT_NE(deleted["purge_at"], nullptr);
  EXPECT_GT(deleted["purge_at"].get<std::string>(), deleted["deleted_at"].get<std::string>());
  EXPECT_EQ(code(attach(id, {{"service", "api"}, {"mount_path", "/data"}})), "volume_deleted");
  ASSERT_EQ(post(kVolumes, {{"name", "data"}}).status, 201) << "its name is free";
  EXPECT_EQ(code(act(id, "restore")), "name_taken");
  ASSERT_EQ(patch(kVolumes + "/data", {{"name", "other"}}).status, 200);
  const auto back = act("data", "restore");
  ASSERT_EQ(back.status, 200) << back.body;
  EXPECT_EQ(json(back)["id"], id);
  EXPECT_EQ(json(back)["deleted_at"], nullptr);
  EXPECT_EQ(json(back)["mount_path"], "/data") << "where it was";
  EXPECT_EQ(code(act("data", "restore")), "not_deleted");
}

TEST_F(ApiVolumes, OutliveServiceAndProject) {
  ASSERT_EQ(attach("data", {{"service", "api"}, {"mount_path", "/data"}}).status, 200);
  const std::string id = json(get(kVolumes + "/data"))["id"];
  ASSERT_EQ(del("/v1/projects/shop/services/api").status, 204);
  EXPECT_EQ(names("?deleted=true"), (Fields{"data", "old"}));
  ASSERT_EQ(del("/v1/projects/shop").status, 204);
  const Json all = json(get("/v1/volumes"))["data"];
  ASSERT_EQ(all.size(), 2U) << all;
  EXPECT_EQ(all[0]["id"], id);
  EXPECT_EQ(all[0]["project"], nullptr);
  ASSERT_EQ(post("/v1/projects", {{"name", "next"}}).status, 201);
  const std::string path = "/v1/volumes/" + id + "/restore";
  EXPECT_EQ(pointers(post(path, {{"project", "shop"}, {"environment", "production"}})),
            Fields{"/project"});
  EXPECT_EQ(pointers(post(path, {{"project", "next"}, {"environment", "nowhere"}})),
            Fields{"/environment"});
  const auto restored = post(path, {{"project", "next"}, {"environment", "production"}});
  ASSERT_EQ(restored.status, 200) << restored.body;
  EXPECT_EQ(json(restored)["project"]["name"], "next");
  EXPECT_EQ(json(get("/v1/projects/next/environments/production/volumes/data"))["id"], id);
}

TEST_F(ApiVolumes, TellsServicesWhereTheyAre) {
  ASSERT_EQ(attach("data", {{"service", "api"}, {"mount_path", "/data"}}).status, 200);
  std::map<std::string, std::string> variables;
  const Json rendered = json(get(kInstance + "/variables?rendered=true"));
  for (const Json& each : rendered["data"]) variables[each["name"]] = each["value"];
  EXPECT_EQ(variables["RAILWAY_VOLUME_NAME"], "data");
  EXPECT_EQ(variables["RAILWAY_VOLUME_MOUNT_PATH"], "/data");
  EXPECT_EQ(variables["GANTRY_VOLUME_NAME"], "data");
  EXPECT_EQ(variables["GANTRY_VOLUME_MOUNT_PATH"], "/data");
}

TEST_F(ApiVolumes, FilesComeAndGo) {
  const std::string content = kVolumes + "/data/content?path=";
  const auto listed = get(kVolumes + "/data/files?path=/");
  ASSERT_EQ(listed.status, 200) << listed.body;
  EXPECT_EQ(json(listed)["data"].size(), 1U);
  EXPECT_EQ(json(listed)["data"][0]["name"], "hello.txt");
  EXPECT_EQ(json(listed)["data"][0]["type"], "file");
  EXPECT_EQ(json(listed)["data"][0]["size"], 5);
  EXPECT_EQ(json(listed)["data"][0]["mode"].get<std::string>().size(), 4U);
  const auto fetched = get(content + "/hello.txt");
  ASSERT_EQ(fetched.status, 200);
  EXPECT_EQ(header(fetched, "Content-Length"), "5");
  EXPECT_EQ(streamed(fetched), "hello");
  const std::string bytes("\0\xff{not json", 11);
  const auto put = send({.method = "PUT", .target = content + "/new%20one", .body = bytes});
  ASSERT_EQ(put.status, 201) << put.body;
  EXPECT_EQ(json(put), (Json{{"path", "/new one"}, {"size", 11}}));
  EXPECT_EQ(streamed(get(content + "/new%20one")), bytes);
  EXPECT_EQ(del(content + "/new%20one").status, 204);
  EXPECT_EQ(code(get(content + "/new%20one")), "file_not_found");
  EXPECT_EQ(get(kVolumes + "/data/files").status, 422) << "say which";
  EXPECT_EQ(code(get(content + "hello.txt")), "invalid_path");
  EXPECT_EQ(code(get(kVolumes + "/data/files?path=/hello.txt")), "not_a_directory");
  EXPECT_EQ(code(get(content + "/../../../etc/passwd")), "file_not_found");
}

}  // namespace
}  // namespace gantry::testing
