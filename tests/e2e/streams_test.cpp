// Logs and events as their readers see them, across the life of containers and of the daemon.
#include <set>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/support/daemon.hpp"
#include "tests/support/load.hpp"

namespace gantry::testing {
namespace {

void pause(double seconds) {
  within(seconds, [] { return false; });
}

// How often each numbered line "<word> <n>" is among the texts.
std::map<int, int> counted(const std::vector<std::string>& texts, const std::string& word) {
  std::map<int, int> counts;
  for (const std::string& text : texts)
    if (text.starts_with(word)) ++counts[std::atoi(text.c_str() + word.size())];
  return counts;
}

std::vector<std::string> listed(Gantry& gantry, const std::string& path) {
  std::vector<std::string> texts;
  const Json lines = gantry.get(path + "/logs?limit=10000");
  for (const Json& line : lines["data"]) texts.push_back(line["text"]);
  return texts;
}

std::vector<std::string> streamed(const EventReader& reader) {
  std::vector<std::string> texts;
  for (const ServerEvent& event : reader.events())
    if (event.event == "log") texts.push_back(Json::parse(event.data)["text"]);
  return texts;
}

void expect_once(const std::map<int, int>& counts, int from, int to, const std::string& where) {
  int absent = 0, repeated = 0;
  for (int n = from; n <= to; ++n) {
    const auto found = counts.find(n);
    if (found == counts.end())
      ++absent;
    else if (found->second != 1)
      ++repeated;
  }
  std::printf("%s: lines %d absent %d repeated %d\n", where.c_str(), to - from + 1, absent,
              repeated);
  EXPECT_EQ(absent, 0) << where;
  EXPECT_EQ(repeated, 0) << where;
}

TEST(E2eLogs, EachLineOnceAcrossADaemonRestart) {
  Gantry gantry;
  gantry.start();
  const std::string path = gantry.create("web");
  gantry.api("PUT", path + "/variables/LOG_LINES", {{"value", "500"}});
  EventReader early(gantry.api_port, path + "/logs?follow=1", gantry.token_header());
  pause(0.3);
  ASSERT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS");
  const auto say = [&](int from, int to) {
    for (int n = from; n <= to; ++n) gantry.edge(path, "/log/said_" + std::to_string(n));
  };
  const std::string host = gantry.host(path);
  say(1, 20);
  EXPECT_TRUE(within(5, [&] { return counted(streamed(early), "said_").contains(20); }));
  expect_once(counted(streamed(early), "line "), 1, 500, "follow from before the start");
  expect_once(counted(streamed(early), "said_"), 1, 20, "follow");
  EventReader late(gantry.api_port, path + "/logs?follow=1", gantry.token_header());
  EXPECT_TRUE(within(5, [&] { return counted(streamed(late), "said_").contains(20); }));
  expect_once(counted(streamed(late), "line "), 1, 500, "follow from later");
  expect_once(counted(listed(gantry, path), "line "), 1, 500, "list");

  gantry.kill();
  for (int n = 21; n <= 40; ++n)  // nobody listens now
    http_call(gantry.edge_port, {.path = "/log/said_" + std::to_string(n), .host = host});
  gantry.start();
  EventReader again(gantry.api_port, path + "/logs?follow=1", gantry.token_header());
  say(41, 60);
  EXPECT_TRUE(within(10, [&] { return counted(streamed(again), "said_").contains(60); }));
  pause(0.5);
  expect_once(counted(listed(gantry, path), "line "), 1, 500, "list after a restart");
  expect_once(counted(listed(gantry, path), "said_"), 1, 60, "list after a restart");
  expect_once(counted(streamed(again), "said_"), 1, 60, "follow after a restart");

  gantry.edge(path, "/exit/0");  // the last words of a container's life
  pause(1);
  expect_once(counted(listed(gantry, path), "said_"), 1, 60, "list after the container's end");
}

TEST(E2eLogs, FullDiskHarmsNoService) {
  Gantry gantry;
  const std::string logs = gantry.directory + "/data/logs";
  ::mkdir((gantry.directory + "/data").c_str(), 0755);
  ::mkdir(logs.c_str(), 0755);
  if (::mount("tmpfs", logs.c_str(), "tmpfs", 0, "size=256k") != 0)
    GTEST_SKIP() << "a small file system needs the right to mount";
  struct Unmount {
    std::string path;
    ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
  } const unmount{logs};
  gantry.start();
  const std::string path = gantry.create("web");
  gantry.api("PUT", path + "/variables/LOG_LINES", {{"value", "30000"}});
  ASSERT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS") << gantry.state_of(path);
  Load load(gantry.edge_port, gantry.host(path), 100);
  for (int n = 1; n <= 50; ++n) gantry.edge(path, "/log/after_" + std::to_string(n));
  pause(1);
  EXPECT_EQ(load.take("log disk full").failed(), 0);
  ApiReply newest;
  EXPECT_TRUE(within(20, [&] {  // the flood comes first
    newest = gantry.api("GET", path + "/logs?limit=100");
    return newest.status == 200 && newest.http.body.find("after_50") != std::string::npos;
  })) << newest.http.body;
  EXPECT_TRUE(gantry.converged(path, 1));
  EXPECT_EQ(gantry.api("PUT", path + "/variables/STILL", {{"value", "1"}}).status, 201);
}

TEST(E2eEvents, StreamGoesOnWhereItBroke) {
  Gantry gantry;
  gantry.start();
  const std::string path = gantry.create("web");
  EventReader first(gantry.api_port, "/v1/events?follow=1", gantry.token_header());
  ASSERT_TRUE(within(5, [&] { return first.head().find(" 200 ") != std::string::npos; }));
  const std::string deployment = gantry.deploy(path);
  const auto types_of = [&](const EventReader& reader) {
    std::vector<std::string> types;
    for (const ServerEvent& event : reader.events())
      if (Json::parse(event.data).value("deployment_id", Json()) == deployment)
        types.push_back(event.event);
    return types;
  };
  EXPECT_TRUE(within(5, [&] { return !types_of(first).empty(); }));
  const auto seen = first.events();
  ASSERT_FALSE(seen.empty());
  gantry.kill();
  EXPECT_TRUE(within(5, [&] { return first.ended(); }));
  gantry.start();
  const auto until_now = first.events();
  EventReader second(gantry.api_port, "/v1/events?follow=1",
                     gantry.token_header() + "Last-Event-ID: " + until_now.back().id + "\r\n");
  EXPECT_EQ(gantry.settled(deployment), "SUCCESS");
  EXPECT_TRUE(within(5, [&] {
    for (const auto* reader : {&first, &second})
      for (const std::string& type : types_of(*reader))
        if (type == "deployment.succeeded") return true;
    return false;
  }));
  std::set<std::string> ids;
  std::string story;
  for (const auto* reader : {&first, &second})
    for (const ServerEvent& event : reader->events()) {
      EXPECT_TRUE(ids.insert(event.id).second) << "twice: " << event.data;
      if (event.event.starts_with("deployment.")) story += event.event + " ";
    }
  std::printf("events %zu: %s\n", ids.size(), story.c_str());
  EXPECT_EQ(story.rfind("deployment.created ", 0), 0u) << story;
  // The whole history has the same, once.
  std::set<std::string> history;
  const Json all = gantry.get("/v1/events?limit=200");
  for (const Json& event : all["data"]) history.insert(event["cursor"].get<std::string>());
  for (const std::string& id : ids) EXPECT_TRUE(history.contains(id)) << id;
}

}  // namespace
}  // namespace gantry::testing
