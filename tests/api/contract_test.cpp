// Generated from proto/openapi.yaml: what it says, the API does, and the other way round.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "api/http.hpp"
#include "tests/support/api_fixture.hpp"
#include "tests/support/openapi.hpp"
#include "tests/support/schema.hpp"

namespace gantry::testing {
namespace {

using Strings = std::set<std::string>;

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return text;
}

Strings words(std::string_view text) {
  Strings found;
  while (!text.empty()) {
    const auto blank = std::min(text.find(' '), text.size());
    found.emplace(text.substr(0, blank));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return found;
}

class ApiContract : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    seed_rollout();
  }
  void seed() {
    ApiTest::seed();
    seed_rollout();
  }
  // The operator, who is a member of nothing that it could leave.
  std::string caller_of(const Operation& operation) {
    return operation.id == "leave_project" ? user_token("vera", "viewer", "shop") : token_;
  }
  void expect_fits(const Operation& operation, const api::Response& response) {
    const Json& root = openapi_document().root;
    const auto documented = operation.responses.find(response.status);
    ASSERT_NE(documented, operation.responses.end())
        << operation.id << " gave the undocumented " << response.status << " " << response.body;
    const Json schema = operation.response_schema(response.status);
    if (schema.is_null()) {
      EXPECT_EQ(response.body, "") << operation.id;
      return;
    }
    if (schema.value("type", "") == "string") return;  // text, not JSON
    const auto found = violations(root, schema, json(response));
    EXPECT_TRUE(found.empty()) << operation.id << " " << response.status << ": " << found.front()
                               << "\n"
                               << response.body;
    const Json headers = documented->second.value("headers", Json::object());
    for (const auto& [name, header_schema] : headers.items())
      if (name != "Retry-After") {
        EXPECT_NE(header(response, name), "") << operation.id << " lacks " << name;
      }
  }
};

TEST_F(ApiContract, EveryEndpointIsDocumentedAndEveryOperationIsServed) {
  std::map<std::string, const Operation*> documented;
  for (const Operation& operation : openapi_document().operations)
    documented[upper(operation.method) + " " + operation.path] = &operation;
  Strings served;
  for (const api::Endpoint& endpoint : api::endpoints()) {
    const std::string key =
        std::string(api::name(endpoint.method)) + " " + std::string(endpoint.pattern);
    EXPECT_TRUE(served.insert(key).second) << key << " is there twice";
    ASSERT_TRUE(documented.count(key) != 0) << key << " is not documented";
    const Operation& operation = *documented[key];
    EXPECT_EQ(operation.open, endpoint.permission == api::Permission::open) << key;
    EXPECT_EQ(operation.responses.count(403) != 0, endpoint.permission >= api::Permission::edit)
        << key;
    Strings query = words(endpoint.query);
    if (operation.writes() && !operation.opaque_body) query.insert("dry_run");
    EXPECT_EQ(operation.opaque_body, endpoint.receiver != nullptr) << key;
    EXPECT_EQ(query, Strings(operation.query.begin(), operation.query.end())) << key;
  }
  for (const auto& [key, operation] : documented)
    EXPECT_TRUE(served.count(key) != 0) << key << " is not served";
}

TEST_F(ApiContract, ExamplesFitTheirSchemas) {
  for (const Operation& operation : openapi_document().operations) {
    if (operation.body_schema.is_null()) continue;
    EXPECT_TRUE(
        violations(openapi_document().root, operation.body_schema, operation.body_example).empty())
        << operation.id;
  }
}

TEST_F(ApiContract, AValidExampleGetsTheDocumentedAnswer) {
  for (const Operation& operation : openapi_document().operations) {
    seed();
    const auto response = as(caller_of(operation), call(operation));
    EXPECT_EQ(response.status, operation.success()) << operation.id << " " << response.body;
    expect_fits(operation, response);
    EXPECT_NE(header(response, "X-Request-Id"), "");
  }
}

TEST_F(ApiContract, EachBrokenFieldIsRefusedAtItsPointer) {
  int cases = 0;
  for (const Operation& operation : openapi_document().operations) {
    if (operation.body_schema.is_null()) continue;
    seed();
    const std::string before =
        get("/v1/projects/shop").body + get(kInstance).body + get(kInstance + "/variables").body;
    for (const Broken& broken :
         broken_bodies(openapi_document().root, operation.body_schema, operation.body_example)) {
      Call broken_call = call(operation);
      broken_call.body = broken.body.dump();
      const auto response = send(broken_call);
      EXPECT_EQ(response.status, 422)
          << operation.id << ": " << broken.what << " " << response.body;
      if (response.status != 422) continue;
      const auto found = pointers(response);
      EXPECT_NE(std::find(found.begin(), found.end(), broken.pointer), found.end())
          << operation.id << ": " << broken.what << " " << response.body;
      expect_fits(operation, response);
      ++cases;
    }
    EXPECT_EQ(
        get("/v1/projects/shop").body + get(kInstance).body + get(kInstance + "/variables").body,
        before)
        << operation.id;
  }
  EXPECT_GT(cases, 200);
}

TEST_F(ApiContract, UnreadableBodiesAreRefusedWithTheirPlace) {
  std::string deep;
  for (int i = 0; i < 70; ++i) deep += R"({"a":)";
  for (const Operation& operation : openapi_document().operations) {
    if (operation.body_schema.is_null()) continue;
    for (const auto& [body, reason] :
         std::map<std::string, std::string>{{"{\"name\":\n  x}", "malformed_json"},
                                            {"{\"a\":1,\"a\":2}", "duplicate_key"},
                                            {"{\"a\":\"\xff\"}", "malformed_json"},
                                            {"{} {}", "malformed_json"},
                                            {"{\"a\":1e999}", "malformed_json"},
                                            {deep, "too_deep"}}) {
      Call broken = call(operation);
      broken.body = body;
      const auto response = send(broken);
      EXPECT_EQ(response.status, 400) << operation.id << " " << body;
      EXPECT_EQ(code(response), reason) << operation.id << " " << body;
      expect_fits(operation, response);
    }
  }
  const auto response =
      send({.method = "POST", .target = "/v1/projects", .body = "{\"name\":\n  x}"});
  EXPECT_NE(json(response)["detail"].get<std::string>().find("line 2, column 3"), std::string::npos)
      << response.body;
}

TEST_F(ApiContract, OnlyJsonIsTaken) {
  for (const Operation& operation : openapi_document().operations) {
    if (operation.body_schema.is_null()) continue;
    Call made = call(operation);
    for (const char* type :
         {"text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""}) {
      made.headers = {{"content-type", type}};
      const auto response = send(made);
      EXPECT_EQ(response.status, 415) << operation.id << " " << type;
      expect_fits(operation, response);
    }
    made.headers = {{"content-type", "Application/JSON; charset=utf-8"}};
    EXPECT_NE(send(made).status, 415) << operation.id;
  }
}

TEST_F(ApiContract, WithoutAValidTokenNothingIsToldOrDone) {
  const std::string right = token_;
  for (const Operation& operation : openapi_document().operations) {
    for (const std::string& token :
         {std::string(), std::string("gty_wrong"), right + "x", std::string("\0", 1)}) {
      if (operation.open && operation.writes()) continue;  // what it takes is in its body
      token_ = token;
      const auto response = send(call(operation));
      if (operation.open) {
        EXPECT_LT(response.status, 400) << operation.id;
        continue;
      }
      EXPECT_EQ(response.status, 401) << operation.id;
      EXPECT_NE(header(response, "WWW-Authenticate"), "");
      expect_fits(operation, response);
    }
  }
  token_ = right;
  EXPECT_EQ(get("/v1/projects/shop").status, 200);
}

TEST_F(ApiContract, AStaleVersionIsRefused) {
  for (const Operation& operation : openapi_document().operations) {
    if (std::find(operation.headers.begin(), operation.headers.end(), "If-Match") ==
        operation.headers.end())
      continue;
    for (const char* tag : {"\"v999\"", "\"v999-abc\"", "W/\"v1\"", "v1", "\"\""}) {
      seed();
      Call made = call(operation);
      made.headers = {{"if-match", tag}};
      const auto response = send(made);
      EXPECT_EQ(response.status, 412) << operation.id << " " << tag << " " << response.body;
      if (response.status == 412) expect_fits(operation, response);
    }
    seed();
    Call made = call(operation);
    made.headers = {{"if-match", "*"}};
    EXPECT_LT(send(made).status, 300) << operation.id;
  }
}

TEST_F(ApiContract, WhatHasNotChangedIsNotSentAgain) {
  for (const Operation& operation : openapi_document().operations) {
    if (std::find(operation.headers.begin(), operation.headers.end(), "If-None-Match") ==
        operation.headers.end())
      continue;
    const std::string tag = header(send(call(operation)), "ETag");
    EXPECT_NE(tag, "") << operation.id;
    Call made = call(operation);
    for (const std::string& given : {tag, "W/" + tag, "\"other\", " + tag, std::string("*")}) {
      made.headers = {{"if-none-match", given}};
      const auto response = send(made);
      EXPECT_EQ(response.status, 304) << operation.id << " " << given;
      EXPECT_EQ(response.body, "");
      EXPECT_EQ(header(response, "ETag"), tag);
    }
    made.headers = {{"if-none-match", "\"v999\""}};
    EXPECT_EQ(send(made).status, 200) << operation.id;
  }
}

// Everything that a dry run could change, as text.
class ApiDryRun : public ApiContract {
 protected:
  std::string everything() {
    std::string all = get("/v1/projects").body;
    for (const char* path :
         {"/environments", "/services", "/environments/production/services",
          "/environments/production/variables", "/environments/production/volumes",
          "/environments/production/volumes?deleted=true",
          "/environments/production/volumes/data/files?path=/"})
      all += get(std::string("/v1/projects/shop") + path).body;
    for (const Token& token : store().tokens()) all += token.id.str();
    return all + get(kInstance + "/variables").body + get(kInstance + "/deployments").body +
           *store().latest_cursor();
  }
};

TEST_F(ApiDryRun, LeavesNothing) {
  for (const Operation& operation : openapi_document().operations) {
    if (!operation.writes() || operation.opaque_body) continue;
    seed();
    const std::string caller = caller_of(operation);
    const std::string before = everything();
    Call made = call(operation);
    made.target += (operation.query_example.empty() ? "?" : "&") + std::string("dry_run=true");
    made.headers = {{"idempotency-key", "dry"}};
    const auto response = as(caller, made);
    EXPECT_EQ(response.status, operation.success()) << operation.id << " " << response.body;
    EXPECT_EQ(header(response, "Dry-Run"), "true") << operation.id;
    expect_fits(operation, response);
    EXPECT_EQ(everything(), before) << operation.id;
  }
}

TEST_F(ApiDryRun, AMistypedDryRunIsNotTheRealThing) {
  const std::string before = everything();
  for (const char* query :
       {"?dryrun=true", "?dry_run=yes", "?dry_run=", "?dry_run", "?dry_run=true&dry_run=false"})
    EXPECT_EQ(del(std::string("/v1/projects/shop") + query).status, 400) << query;
  EXPECT_EQ(everything(), before);
}

class ApiIdempotency : public ApiContract {};

TEST_F(ApiIdempotency, TheSameRequestGetsTheSameBytesAndOneEffect) {
  int number = 0;
  for (const Operation& operation : openapi_document().operations) {
    if (operation.method != "post" || operation.open) continue;
    seed();
    const std::string caller = caller_of(operation);
    Call made = call(operation);
    made.headers = {{"idempotency-key", deployment_id_ + std::to_string(++number)}};
    const auto first = as(caller, made);
    const std::string cursor = *store().latest_cursor();
    made.body = Json::parse(made.body).dump(4);  // other white space, same meaning
    const auto second = as(caller, made);
    EXPECT_EQ(first.status, second.status) << operation.id << second.body;
    EXPECT_EQ(first.body, second.body) << operation.id;
    EXPECT_EQ(header(first, "ETag"), header(second, "ETag")) << operation.id;
    EXPECT_EQ(header(first, "Location"), header(second, "Location")) << operation.id;
    EXPECT_EQ(header(first, "Idempotency-Replayed"), "") << operation.id;
    EXPECT_EQ(header(second, "Idempotency-Replayed"), "true") << operation.id;
    EXPECT_EQ(*store().latest_cursor(), cursor) << operation.id;

    made.target = "/v1/projects";
    made.body = R"({"name":"another-one"})";
    const auto other = as(caller, made);
    EXPECT_EQ(other.status, 422) << operation.id;
    EXPECT_EQ(code(other), "idempotency_key_reused") << operation.id;
  }
}

TEST_F(ApiIdempotency, AFailedRequestLeavesItsKeyFree) {
  const Headers key = {{"idempotency-key", "failed-" + deployment_id_}};
  EXPECT_EQ(post("/v1/projects", {{"name", "shop"}}, key).status, 409);
  EXPECT_EQ(post("/v1/projects", {{"name", "shop-2"}}, key).status, 201);
}

TEST_F(ApiIdempotency, AKeyThatCannotBeOneIsRefused) {
  for (const std::string& key :
       {std::string(), std::string("a b"), std::string("\n"), std::string(300, 'k')}) {
    const auto response = post("/v1/projects", {{"name", "blog"}}, {{"idempotency-key", key}});
    EXPECT_EQ(response.status, 400) << key;
  }
}

}  // namespace
}  // namespace gantry::testing
