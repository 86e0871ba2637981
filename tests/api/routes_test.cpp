#include <gtest/gtest.h>

#include "api/http.hpp"
#include "api/percent.hpp"
#include "proto/percent.hpp"
#include "tests/support/api_fixture.hpp"

namespace gantry::api {
namespace {

using Strings = std::vector<std::string>;

TEST(ApiRoutes, MatchesAndDecodesEachSegment) {
  const Match found = match(Method::get, "/v1/projects/a%2Fb/environments/c%20d/services/e");
  ASSERT_NE(found.endpoint, nullptr);
  EXPECT_EQ(found.endpoint->pattern,
            "/v1/projects/{project}/environments/{environment}/services/{service}");
  EXPECT_EQ(found.parameters, (Strings{"a/b", "c d", "e"}));
  EXPECT_TRUE(found.endpoint->hot);
}

TEST(ApiRoutes, KnowsNothingElse) {
  for (const char* path :
       {"", "/", "v1/projects", "/v1", "/v1/projects/", "//v1/projects", "/v1//projects",
        "/v2/projects", "/v1/projects/a/", "/v1/projects/a/b", "/v1/projects/%", "/v1/projects/%4",
        "/v1/projects/%zz", "/v1/projects/a/environments//services/b", "/v1/projects/%2",
        "/V1/projects", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"}) {
    const Match found = match(Method::get, path);
    EXPECT_EQ(found.endpoint, nullptr) << path;
    EXPECT_EQ(found.allow, "") << path;
  }
}

TEST(ApiRoutes, TellsWhichMethodsAPathKnows) {
  const Match found = match(Method::put, "/v1/projects/shop");
  EXPECT_EQ(found.endpoint, nullptr);
  EXPECT_EQ(found.allow, "GET, PATCH, DELETE");
}

TEST(ApiRoutes, EveryEndpointMatchesItsOwnPattern) {
  for (const Endpoint& endpoint : endpoints())
    EXPECT_EQ(match(endpoint.method, endpoint.pattern).endpoint, &endpoint) << endpoint.pattern;
}

TEST(ApiRoutes, PercentEscapesComeBack) {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  EXPECT_EQ(decode_segment(percent_encode(every)), every);
  EXPECT_EQ(decode_query(percent_encode(every)), every);
  EXPECT_EQ(decode_query("a+b%2Bc%"), "a b+c%");
}

class ApiDispatch : public testing::ApiTest {};

TEST_F(ApiDispatch, AnUnknownPathIs404AndAWrongMethod405) {
  const auto nowhere = get("/v1/nothing");
  EXPECT_EQ(nowhere.status, 404);
  EXPECT_EQ(testing::code(nowhere), "unknown_path");
  const auto wrong = put("/v1/projects/shop", testing::Json::object());
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(testing::header(wrong, "Allow"), "GET, PATCH, DELETE");
}

TEST_F(ApiDispatch, EchoesASaneRequestId) {
  EXPECT_EQ(testing::header(get("/livez", {{"x-request-id", "abc-1.2_3"}}), "X-Request-Id"),
            "abc-1.2_3");
  EXPECT_EQ(testing::header(get("/livez", {{"x-request-id", "a b"}}), "X-Request-Id").substr(0, 4),
            "req_");
}

TEST_F(ApiDispatch, AnExceptionIsReportedAndNotTold) {
  std::string reported;
  context().report = [&](const std::string&, std::string_view what) { reported = what; };
  context().metrics = []() -> std::string { throw std::runtime_error("password=hunter2"); };
  const auto response = get("/metrics");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(reported, "password=hunter2");
  EXPECT_EQ(response.body.find("hunter2"), std::string::npos);
}

TEST_F(ApiDispatch, NotReadyIs503WithRetryAfter) {
  context().ready = []() -> Result<> {
    return Error{Code::unavailable, "database_unreachable", "no database"};
  };
  const auto response = get("/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(testing::header(response, "Retry-After"), "");
  EXPECT_TRUE(testing::json(response)["retryable"].get<bool>());
  EXPECT_EQ(get("/livez").status, 200);
}

TEST_F(ApiDispatch, TheSchemeOfATokenIsCaseInsensitive) {
  const std::string token = std::exchange(token_, "");
  EXPECT_EQ(get("/v1/projects", {{"authorization", "bearer " + token}}).status, 200);
  EXPECT_EQ(get("/v1/projects", {{"authorization", "Basic " + token}}).status, 401);
  EXPECT_EQ(get("/v1/projects", {{"authorization", token}}).status, 401);
}

}  // namespace
}  // namespace gantry::api
