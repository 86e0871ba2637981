#include <atomic>

#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiStreams : public ApiTest {
 protected:
  void log(const std::string& text) {
    logs().append(instance_id_, ReplicaKey{.deployment_id = *DeploymentId::parse(deployment_id_)},
                  TimePoint(Duration(1)), false, text);
  }
  static std::string drain(api::Stream& stream) {
    std::string out;
    EXPECT_TRUE(stream.read(out));
    return out;
  }
  static int count(const std::string& text, const std::string& word) {
    int found = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
    return found;
  }
};

TEST_F(ApiStreams, LogsAreListedWithTheirReplica) {
  log("one");
  log("two \xff");
  const Json lines = json(get(kInstance + "/logs"))["data"];
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["text"], "one");
  EXPECT_EQ(lines[0]["stream"], "stdout");
  EXPECT_EQ(lines[1]["text"], "two \ufffd");
  EXPECT_EQ(json(get(kInstance + "/logs?limit=1"))["data"][0]["text"], "two \ufffd");
  EXPECT_EQ(json(get(kInstance + "/logs?since=2026-01-01T00:00:00Z"))["data"].size(), 0U);
  EXPECT_EQ(json(get(kInstance + "/logs?deployment=" + deployment_id_))["data"].size(), 2U);
}

TEST_F(ApiStreams, AFollowerGetsWhatIsThereAndThenEachLineOnce) {
  log("before");
  const auto response = get(kInstance + "/logs?follow=1");
  EXPECT_EQ(response.content_type, "text/event-stream");
  ASSERT_NE(response.stream, nullptr);
  log("between");
  std::atomic<int> wakes{0};
  response.stream->on_ready([&] { ++wakes; });
  EXPECT_EQ(wakes, 1);
  const std::string first = drain(*response.stream);
  EXPECT_EQ(count(first, "event: log\n"), 2) << first;
  EXPECT_EQ(count(first, "between"), 1) << first;
  EXPECT_EQ(drain(*response.stream), "");
  log("after");
  EXPECT_EQ(wakes, 2);
  EXPECT_NE(drain(*response.stream).find("\"text\":\"after\""), std::string::npos);
}

TEST_F(ApiStreams, ASlowReaderGetsAGapAndBoundedMemory) {
  const auto response = get(kInstance + "/logs?follow=1");
  EXPECT_EQ(drain(*response.stream), "");
  for (int i = 0; i < 50; ++i) log(std::string(64 * 1024, 'x'));
  log("the last");
  const std::string out = drain(*response.stream);
  EXPECT_EQ(out.substr(0, out.find("\n\n")), "event: gap\ndata: {\"dropped\":35}");
  EXPECT_LT(out.size(), 1'200'000U);
  EXPECT_NE(out.find("the last"), std::string::npos);
}

TEST_F(ApiStreams, EventsAreListedFromACursorOn) {
  const auto first = get("/v1/events?project=shop&limit=2");
  const Json page = json(first);
  ASSERT_EQ(page["data"].size(), 2U);
  EXPECT_TRUE(page["has_more"].get<bool>());
  EXPECT_EQ(page["data"][0]["type"], "project.created");
  EXPECT_EQ(header(first, "X-Event-Cursor"), page["data"][1]["cursor"]);
  const auto rest =
      get("/v1/events?project=shop&limit=200&since=" + header(first, "X-Event-Cursor"));
  EXPECT_FALSE(json(rest)["has_more"].get<bool>());
  EXPECT_NE(rest.body.find("deployment.created"), std::string::npos);
  const auto none = get("/v1/events?project=shop&since=" + header(rest, "X-Event-Cursor"));
  EXPECT_EQ(json(none)["data"].size(), 0U);
  EXPECT_EQ(header(none, "X-Event-Cursor"), header(rest, "X-Event-Cursor"));
}

TEST_F(ApiStreams, AWatcherSeesWhatIsCommittedAndCanGoOn) {
  const auto response = get("/v1/events", {{"accept", "text/event-stream"}});
  ASSERT_NE(response.stream, nullptr);
  std::atomic<int> wakes{0};
  response.stream->on_ready([&] { ++wakes; });
  EXPECT_EQ(drain(*response.stream), "") << "from now on";
  const int before = wakes;
  ASSERT_EQ(post("/v1/projects", {{"name", "watched"}}).status, 201);
  EXPECT_GT(wakes, before);
  const std::string out = drain(*response.stream);
  EXPECT_NE(out.find("event: project.created\n"), std::string::npos) << out;
  const std::string id = out.substr(4, out.find('\n') - 4);

  ASSERT_EQ(post("/v1/projects", {{"name", "meanwhile"}}).status, 201);
  const auto again = get("/v1/events?follow=1", {{"last-event-id", id}});
  const std::string resumed = drain(*again.stream);
  EXPECT_NE(resumed.find("meanwhile"), std::string::npos) << resumed;
  EXPECT_EQ(count(resumed, "watched"), 0) << resumed;
}

TEST_F(ApiStreams, EventsOfOneDeploymentOnly) {
  const Json page = json(get("/v1/events?deployment=" + deployment_id_));
  ASSERT_GT(page["data"].size(), 0U);
  for (const Json& event : page["data"]) EXPECT_EQ(event["deployment_id"], deployment_id_);
}

TEST_F(ApiStreams, TheStreamOutlivesItsWakerHarmlessly) {
  {
    const auto response = get("/v1/events?follow=1");
    response.stream->on_ready([] {});
  }
  EXPECT_EQ(post("/v1/projects", {{"name", "later"}}).status, 201);
}

}  // namespace
}  // namespace gantry::testing
