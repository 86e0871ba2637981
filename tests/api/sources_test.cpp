// Archives of sources: what is there, the rest of it, and what is refused.
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

constexpr const char* kOther =
    "sha256:0000000000000000000000000000000000000000000000000000000000000000";

class ApiSources : public ApiTest {
 protected:
  static std::string target(const std::string& digest = kArchiveDigest) {
    return "/v1/projects/shop/sources/" + digest;
  }
  api::Response put_bytes(const std::string& digest, const std::string& bytes,
                          const Headers& headers = {{"content-type", "application/gzip"}}) {
    return send({.method = "PUT", .target = target(digest), .body = bytes, .headers = headers});
  }
  static std::string first_error(const api::Response& response, const char* key) {
    return json(response)["errors"].at(0).value(key, "");
  }
};

TEST_F(ApiSources, WhatIsThereIsTold) {
  const auto response = get(target());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(
      json(response),
      Json({{"digest", kArchiveDigest}, {"received_bytes", kArchive.size()}, {"complete", true}}));
  EXPECT_EQ(get("/v1/projects/shop/sources/sha256%3A" + kArchiveDigest.substr(7)).status, 200);
  EXPECT_EQ(get(target(kOther)).status, 404);
  EXPECT_EQ(code(get(target(kOther))), "not_found");
}

TEST_F(ApiSources, AnotherProjectHasNoneOfIt) {
  ASSERT_EQ(post("/v1/projects", {{"name", "other"}}).status, 201);
  EXPECT_EQ(get("/v1/projects/other/sources/" + kArchiveDigest).status, 404);
  EXPECT_EQ(get("/v1/projects/nobody/sources/" + kArchiveDigest).status, 404);
}

TEST_F(ApiSources, OfAnyMediaType) {
  for (const char* type : {"application/gzip", "application/octet-stream", "text/plain", ""}) {
    seed();
    EXPECT_EQ(put_bytes(kArchiveDigest, kArchive, {{"content-type", type}}).status, 200) << type;
  }
}

TEST_F(ApiSources, WhatIsThereAlreadyIsNotTakenAgain) {
  const auto again = put_bytes(kArchiveDigest, "something else");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(json(again)["received_bytes"], kArchive.size());
  EXPECT_TRUE(json(again)["complete"].get<bool>());
}

TEST_F(ApiSources, BytesOfAnotherDigestAreThrownAway) {
  const auto wrong = put_bytes(kOther, "anything");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(code(wrong), "digest_mismatch");
  EXPECT_EQ(get(target(kOther)).status, 404);
}

TEST_F(ApiSources, AnOffsetIsWhereTheLastUploadBroke) {
  const auto beyond = put_bytes(kOther, "x", {{"upload-offset", "4"}});
  EXPECT_EQ(beyond.status, 409);
  EXPECT_EQ(code(beyond), "offset_mismatch");
  for (const char* offset : {"", "four", "-1", "+1", " 1", "1.0", "0x1", "18446744073709551616"}) {
    const auto response = put_bytes(kOther, "x", {{"upload-offset", offset}});
    EXPECT_EQ(response.status, 422) << offset;
    EXPECT_EQ(code(response), "invalid_offset") << offset;
    EXPECT_EQ(first_error(response, "header"), "Upload-Offset") << response.body;
  }
}

TEST_F(ApiSources, ADigestHasItsForm) {
  const std::string hex = kArchiveDigest.substr(7);
  for (const std::string& digest : {hex, "sha512:" + hex, "SHA256:" + hex, kArchiveDigest + "0",
                                    std::string("sha256:"), "sha256:" + std::string(64, 'G'),
                                    "sha256:" + std::string(64, 'A'), std::string("latest")}) {
    for (const auto& response : {get(target(digest)), put_bytes(digest, "x")}) {
      EXPECT_EQ(response.status, 422) << digest;
      EXPECT_EQ(code(response), "invalid_digest") << digest;
      EXPECT_EQ(first_error(response, "parameter"), "digest") << response.body;
    }
  }
}

TEST_F(ApiSources, OneUploadOfAnArchiveAtATime) {
  const auto place = *ProjectId::parse(json(get("/v1/projects/shop"))["id"].get<std::string>());
  auto first = context().sources.upload(place, kOther, 0);
  ASSERT_TRUE(first.ok());
  const auto second = put_bytes(kOther, "x");
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(code(second), "upload_in_progress");
  EXPECT_TRUE(json(second)["retryable"].get<bool>());
  EXPECT_NE(header(second, "Retry-After"), "");
}

TEST_F(ApiSources, AnUploadCannotBeTriedDry) {
  const auto response = send({.method = "PUT", .target = target(kOther) + "?dry_run=true"});
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(code(response), "unknown_parameter");
}

class Throwing final : public api::Intake {
 public:
  Result<> write(std::string_view piece) override {
    if (piece == "bad") throw std::runtime_error("a piece broke");
    return done();
  }
  Result<api::Response> finish() override { throw std::runtime_error("the end broke"); }
};

TEST_F(ApiSources, WhatThrowsIsReportedAndNotTold) {
  std::vector<std::string> reports;
  context().report = [&](const std::string& id, std::string_view what) {
    reports.push_back(id + " " + std::string(what));
  };
  for (const char* piece : {"bad", "good"}) {
    api::Admission admission;
    admission.intake = std::make_unique<Throwing>();
    admission.request.request_id = "req";
    const auto response =
        api::conclude(admission, api::take(admission, piece, context()), context());
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body.find("broke "), response.body.find("broke inside Gantry"));
    EXPECT_EQ(header(response, "X-Request-Id"), "req");
  }
  EXPECT_EQ(reports, (std::vector<std::string>{"req a piece broke", "req the end broke"}));
}

// A disk without room, as the sources tell it.
class Full final : public api::Intake {
 public:
  Result<> write(std::string_view) override {
    return Error{Code::exhausted, "disk_full", "the server's disk is full"};
  }
  Result<api::Response> finish() override { return api::Response{}; }
};

TEST_F(ApiSources, AFullDiskIsItsOwnStatus) {
  api::Admission admission;
  admission.intake = std::make_unique<Full>();
  const auto taken = api::take(admission, "x", context());
  const auto response = api::conclude(admission, taken, context());
  EXPECT_EQ(response.status, 507);
  EXPECT_EQ(code(response), "disk_full");
  EXPECT_EQ(admission.intake, nullptr);
}

TEST_F(ApiSources, TheSchemaOfTheConfigurationIsOpen) {
  token_.clear();
  const auto response = get("/v1/config.schema.json");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/schema+json");
  EXPECT_TRUE(json(response).contains("$schema")) << response.body.substr(0, 200);
}

}  // namespace
}  // namespace gantry::testing
