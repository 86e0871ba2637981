// Runs and schedules over the API.
#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiRuns : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    sql("truncate job_runs, job_marks");
    deploy_status(DeploymentStatus::success);
  }
  api::Response ask(const Json& body) { return post(kInstance + "/runs", body); }
  static inline const std::string kSchedules =
      "/v1/projects/shop/environments/production/schedules";
};

TEST_F(ApiRuns, AreAskedForShownAndCancelled) {
  int asked = 0;
  context().jobs_asked = [&] { ++asked; };
  const auto made = ask({{"command", {"npm", "run", "seed"}}, {"variables", {{"KEY", "s3cr3t"}}}});
  ASSERT_EQ(made.status, 202) << made.body;
  EXPECT_EQ(asked, 1);
  const Json run = json(made);
  EXPECT_EQ(run["status"], "queued");
  EXPECT_EQ(run["deployment_id"], deployment_id_);
  EXPECT_EQ(json(get(header(made, "Location"))), run);
  EXPECT_EQ(json(get(kInstance + "/runs"))["data"][0], run);
  EXPECT_EQ(get(kInstance + "/runs").body.find("s3cr3t"), std::string::npos);
  EXPECT_EQ(sql("select position('s3cr3t'::bytea in variables) > 0 from job_runs")[0][0].as<bool>(),
            false)
      << "sealed";
  const auto cancelled = post(header(made, "Location") + "/cancel", Json::object());
  EXPECT_EQ(cancelled.status, 202);
  EXPECT_EQ(json(cancelled)["ending"], true);
  EXPECT_EQ(json(cancelled)["reason"], "cancelled by request");
}

TEST_F(ApiRuns, WhoAskedIsAnEvent) {
  const std::string run = json(ask({{"command", {"npm", "run", "seed"}}}))["id"];
  ASSERT_EQ(post(kInstance + "/runs?dry_run=true", Json::object()).status, 202);
  ASSERT_EQ(post(kInstance + "/runs/" + run + "/cancel", Json::object()).status, 202);
  std::vector<std::string> told;
  const Json page = json(get("/v1/events?project=shop&limit=200"));
  for (const Json& event : page["data"])
    if (event["type"].get<std::string>().starts_with("run."))
      told.push_back(event["type"].get<std::string>() + " " + event["message"].get<std::string>());
  ASSERT_EQ(told.size(), 2u);
  EXPECT_TRUE(told[0].starts_with("run.asked " + run + ": npm by token ")) << told[0];
  EXPECT_TRUE(told[1].starts_with("run.cancel_asked " + run + " by token ")) << told[1];
}

// A request that is sent again with its key asks for nothing new.
TEST_F(ApiRuns, AKeyAsksOnce) {
  int asked = 0;
  context().jobs_asked = [&] { ++asked; };
  const Headers key{{"idempotency-key", "once"}};
  const auto first = post(kInstance + "/runs", Json::object(), key);
  const auto second = post(kInstance + "/runs", Json::object(), key);
  EXPECT_EQ(first.body, second.body);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(json(get(kInstance + "/runs"))["data"].size(), 1u);
}

TEST_F(ApiRuns, BadInputIsRefusedWithTheField) {
  for (const auto& [body, pointer] : std::vector<std::pair<Json, std::string>>{
           {{{"command", Json::array()}}, "/command"},
           {{{"command", "ls"}}, "/command"},
           {{{"command", {""}}}, "/command"},
           {{{"variables", {{"1A", "x"}}}}, "/variables/1A"},
           {{{"variables", {{"A", nullptr}}}}, "/variables/A"},
           {{{"limit_seconds", 604801}}, "/limit_seconds"},
           {{{"limit_seconds", -1}}, "/limit_seconds"},
           {{{"image", "x"}}, "/image"}}) {
    const auto refused = ask(body);
    EXPECT_EQ(refused.status, 422) << body << refused.body;
    EXPECT_EQ(pointers(refused), std::vector{pointer}) << body;
  }
}

TEST_F(ApiRuns, NeedsAVersionThatCameUp) {
  deploy_status(DeploymentStatus::removed);
  const auto refused = ask(Json::object());
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(code(refused), "nothing_deployed");
}

TEST_F(ApiRuns, PagesAreNewestFirst) {
  std::vector<std::string> made;
  for (int i = 0; i < 3; ++i) made.push_back(json(ask(Json::object()))["id"]);
  const Json first = json(get(kInstance + "/runs?limit=2"));
  ASSERT_EQ(first["data"].size(), 2u);
  EXPECT_EQ(first["data"][0]["id"], made[2]);
  EXPECT_EQ(first["has_more"], true);
  const Json next =
      json(get(kInstance + "/runs?limit=2&cursor=" + first["next_cursor"].get<std::string>()));
  ASSERT_EQ(next["data"].size(), 1u);
  EXPECT_EQ(next["data"][0]["id"], made[0]);
}

TEST_F(ApiRuns, AnotherServiceHasNoPartInThem) {
  const std::string id = json(ask(Json::object()))["id"];
  ASSERT_EQ(post("/v1/projects/shop/services", {{"name", "web"}}).status, 201);
  const std::string web = "/v1/projects/shop/environments/production/services/web/runs";
  EXPECT_EQ(get(web + "/" + id).status, 404);
  EXPECT_EQ(get(web + "/" + id + "/logs").status, 404);
  EXPECT_EQ(post(web + "/" + id + "/cancel", Json::object()).status, 404);
  EXPECT_EQ(json(get(web))["data"].size(), 0u);
  EXPECT_EQ(get(kInstance + "/runs/run_nobody").status, 404);
}

TEST_F(ApiRuns, LogsAreThatRunsAndEndWithIt) {
  const Json run = json(ask(Json::object()));
  const RunId id = *RunId::parse(run["id"].get<std::string>());
  const TimePoint now = system_clock().now();
  run_logs().append(instance_id_, log_key(id), now, false, "mine");
  run_logs().append(instance_id_, log_key(RunId::make(now)), now, false, "another's");
  const Json lines = json(get(kInstance + "/runs/" + id.str() + "/logs"));
  ASSERT_EQ(lines["data"].size(), 1u);
  EXPECT_EQ(lines["data"][0]["text"], "mine");
  const auto stream = get(kInstance + "/runs/" + id.str() + "/logs?follow=1");
  std::string text;
  EXPECT_TRUE(stream.stream->read(text));
  EXPECT_NE(text.find("mine"), std::string::npos);
  JobRun ended = *jobs().run(id);
  ended.status = RunStatus::failed;
  ended.exit_code = 3;
  ended.finished_at = now;
  ASSERT_TRUE(*jobs().record_end(ended));
  text.clear();
  EXPECT_FALSE(stream.stream->read(text));
  EXPECT_NE(text.find("event: end"), std::string::npos);
  EXPECT_NE(text.find("\"exit_code\":3"), std::string::npos) << text;
}

TEST_F(ApiRuns, SchedulesSayWhenTheyAreDue) {
  EXPECT_EQ(json(get(kSchedules))["data"].size(), 0u);
  const auto refused = patch(kInstance, {{"deploy", {{"cron", {{"zone", "Mars/Phobos"}}}}}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(pointers(refused), std::vector<std::string>{"/deploy/cron/zone"});
  ASSERT_EQ(patch(kInstance,
                  {{"deploy", {{"cron", {{"schedule", "30 6 * * *"}, {"zone", "Asia/Kolkata"}}}}}})
                .status,
            200);
  EXPECT_EQ(json(get(kSchedules))["data"].size(), 0u) << "not deployed yet";
  const auto next = post(kInstance + "/deployments", Json::object());
  ASSERT_EQ(next.status, 202);
  deployment_id_ = json(next)["id"];
  deploy_status(DeploymentStatus::success);
  const Json all = json(get(kSchedules))["data"];
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["service"]["name"], "api");
  EXPECT_EQ(all[0]["next"].size(), 3u);
  EXPECT_EQ(all[0]["next"][0]["local"].get<std::string>().substr(11), "06:30:00+05:30");
  EXPECT_EQ(all[0]["next"][0]["at"].get<std::string>().substr(11, 5), "01:00");
  EXPECT_TRUE(all[0]["last_run"].is_null());
}

}  // namespace
}  // namespace gantry::testing
