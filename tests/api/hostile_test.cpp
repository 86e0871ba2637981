// Names that somebody chose in bad faith, in every string and every path parameter: a clear
// problem, never a crash.
#include <algorithm>

#include <gtest/gtest.h>

#include "api/http.hpp"
#include "proto/percent.hpp"
#include "tests/support/api_fixture.hpp"
#include "tests/support/openapi.hpp"
#include "tests/support/schema.hpp"

namespace gantry::testing {
namespace {

const std::vector<std::string>& hostile() {
  static const std::vector<std::string> names{
      "../",
      "../../etc/passwd",
      "..",
      ".",
      std::string("\0", 1),
      std::string("api\0x", 5),
      "a\nb",
      "a\r\nX-Injected: 1",
      "-rf",
      "--help",
      "ünïcode",
      "\u202egnp.exe",
      "日本語",
      "\xf0\x9f\x92\xa9",
      std::string(10'000, 'a'),
      std::string(10'000, '/'),
      "' or 1=1; --",
      "\"; drop table projects; --",
      "${{shared.LOG_LEVEL}}",
      "$(reboot)",
      "`reboot`",
      "%00",
      "%2e%2e%2f",
      "prj_",
      "dep_zzzzzzzzzzzzzzzzzzzzzzzzzz",
      "dep_01jd8yq5x8c5v0m6r7k2n4t9w'",
      " ",
      "",
      "NUL",
      "name:shop",
      "{project}",
      std::string(40, '9'),
  };
  return names;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return text;
}

class ApiHostile : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    context().report = [this](const std::string&, std::string_view what) {
      ADD_FAILURE() << trace_ << " threw " << what;
    };
  }
  void expect_problem(const api::Response& response, const std::string& trace) {
    EXPECT_GE(response.status, 400) << trace;
    EXPECT_LT(response.status, 500) << trace << response.body.substr(0, 300);
    if (response.status < 400) return;
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_LT(response.body.size(), 4000U) << trace;
    const auto found = violations(openapi_document().root,
                                  {{"$ref", "#/components/schemas/Problem"}}, json(response));
    EXPECT_TRUE(found.empty()) << trace << found.front();
    for (const auto& [name, value] : response.headers)
      EXPECT_EQ(value.find_first_of("\r\n"), std::string::npos) << trace << name;
  }
  std::string target(const Operation& operation, const std::string& hostile_name,
                     const std::string& text) {
    std::string path = operation.path;
    for (auto [name, example] : operation.path_examples) {
      if (name == "deployment") example = deployment_id_;
      path.replace(path.find("{" + name + "}"), name.size() + 2,
                   name == hostile_name ? text : example);
    }
    return path;
  }
  std::string trace_;
};

TEST_F(ApiHostile, InEveryPathParameter) {
  for (const Operation& operation : openapi_document().operations)
    for (const auto& [name, example] : operation.path_examples)
      for (const std::string& text : hostile()) {
        trace_ = operation.id + " " + name + " " + text.substr(0, 40);
        Call call{.method = upper(operation.method),
                  .target = target(operation, name, percent_encode(text))};
        if (!operation.body_schema.is_null()) call.body = operation.body_example.dump();
        // Some are names of variables like any other.
        if (name == "name" && parse_variable_name(text).ok()) continue;
        expect_problem(send(call), trace_);
        if (text.find_first_of("?#") == std::string::npos && !text.empty()) {
          call.target = target(operation, name, text);  // as it is, without escapes
          expect_problem(send(call), trace_ + " raw");
        }
      }
}

TEST_F(ApiHostile, InEveryStringOfABody) {
  for (const Operation& operation : openapi_document().operations) {
    if (operation.body_schema.is_null()) continue;
    seed();
    if (operation.id == "create_run") seed_rollout();  // it takes something that serves
    const Json flat = operation.body_example.flatten();
    for (const auto& [pointer, value] : flat.items()) {
      if (!value.is_string()) continue;
      const bool opaque = pointer == "/value" || pointer == "/LOG_LEVEL" ||
                          pointer.find("/start_command") != std::string::npos ||
                          pointer.find("/variables/") != std::string::npos ||
                          pointer.rfind("/command/", 0) == 0;
      for (const std::string& text : hostile()) {
        trace_ = operation.id + " " + pointer + " " + text.substr(0, 40);
        Json body = operation.body_example;
        body[Json::json_pointer(pointer)] = text;
        const auto response =
            send({.method = upper(operation.method),
                  .target = target(operation, "", "") + "?dry_run=true",
                  .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)});
        if (opaque && (text.empty() || text.front() == '$')) {
          EXPECT_LT(response.status, 500) << trace_ << response.body;  // a reference, or no program
        } else if (opaque && text.find('\0') == std::string::npos) {
          EXPECT_LT(response.status, 300) << trace_ << response.body;  // any text is a value
        } else if (pointer != "/image" && !pointer.ends_with("/source/image") &&
                   pointer != "/deploy/healthcheck_path" &&
                   pointer != "/version") {  // some are right
          expect_problem(response, trace_);
        } else {
          EXPECT_LT(response.status, 500) << trace_ << response.body;
        }
      }
    }
  }
}

TEST_F(ApiHostile, InEveryQueryParameterAndHeader) {
  for (const Operation& operation : openapi_document().operations) {
    for (const std::string& text : hostile()) {
      for (const std::string& name : operation.query) {
        if (name == "dry_run") continue;
        trace_ = operation.id + " ?" + name + " " + text.substr(0, 40);
        const auto response =
            send({.method = upper(operation.method),
                  .target = target(operation, "", "") + "?" + name + "=" + percent_encode(text),
                  .body = operation.body_schema.is_null() ? "" : operation.body_example.dump()});
        EXPECT_LT(response.status, 500) << trace_ << response.body.substr(0, 300);
        if (name == "limit" || name == "cursor" || name == "follow")
          expect_problem(response, trace_);
      }
      if (operation.writes()) continue;
      for (const char* header :
           {"if-none-match", "last-event-id", "x-request-id", "accept", "idempotency-key"}) {
        trace_ = operation.id + " " + header + " " + text.substr(0, 40);
        const auto response = get(target(operation, "", ""), {{header, text}});
        EXPECT_LT(response.status, 500) << trace_ << response.body.substr(0, 300);
        EXPECT_EQ(gantry::testing::header(response, "X-Request-Id").find_first_of("\r\n"),
                  std::string::npos);
      }
    }
  }
}

TEST_F(ApiHostile, UnknownKeysAreNamedWithoutBeingEchoedWhole) {
  for (const std::string& text : hostile()) {
    Json body = {{"name", "blog"}};
    body[text] = 1;
    const auto response = send({.method = "POST", .target = "/v1/projects", .body = body.dump()});
    EXPECT_EQ(response.status, 422) << text.substr(0, 40);
    EXPECT_EQ(code(response), "unknown_key");
  }
}

}  // namespace
}  // namespace gantry::testing
