// Backups in a bucket, against the stand-in of tests/support: its faults, and what is left of them.
#include <gtest/gtest.h>

#include "runtime/backup/s3_client.hpp"
#include "tests/backup/streams.hpp"
#include "tests/support/s3_store.hpp"

namespace gantry::testing {
namespace {

class BackupS3 : public ::testing::Test {
 protected:
  std::unique_ptr<Destination> open(const std::function<void(S3Options&)>& change = nullptr) const {
    S3Options options = store_.options();
    if (change) change(options);
    auto opened = make_s3_destination(options);
    EXPECT_TRUE(opened) << opened.error().detail;
    return std::move(*opened);
  }
  static Result<> put(Destination& to, const std::string& key, const std::string& text) {
    auto sink = to.put(key);
    if (!sink) return sink.error();
    for (std::size_t i = 0; i < text.size(); i += 5000)
      GANTRY_TRY((*sink)->write(std::string_view(text).substr(i, 5000)));
    return (*sink)->finish();
  }
  static Result<std::string> get(Destination& from, const std::string& key) {
    auto source = from.get(key);
    if (!source) return source.error();
    return read_all(**source);
  }
  bool says(const std::string& part) const {
    return store_.state().find(part) != std::string::npos;
  }

  S3StandIn store_;
};

TEST_F(BackupS3, SmallOnesAndLargeOnesComeBack) {
  auto bucket = open();
  for (const std::size_t size : {1UL, 64UL * 1024, 64UL * 1024 + 1, 1000000UL, 9000000UL}) {
    const std::string key = "shop/production/db/bak_" + std::to_string(size) + ".gantry";
    const std::string text = noise(size);
    ASSERT_TRUE(put(*bucket, key, text)) << size;
    EXPECT_EQ(**bucket->size(key), static_cast<std::int64_t>(size));
    EXPECT_EQ(*get(*bucket, key), text) << size;
  }
  const auto all = bucket->list("shop/");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 5U) << "the stand-in gives three a page";
  EXPECT_TRUE(bucket->list("other/")->empty());
  ASSERT_TRUE(bucket->remove("shop/production/db/bak_1.gantry"));
  EXPECT_TRUE(bucket->remove("shop/production/db/bak_1.gantry")) << "gone: succeeds";
  EXPECT_FALSE(bucket->size("shop/production/db/bak_1.gantry")->has_value());
  EXPECT_EQ(get(*bucket, "shop/production/db/bak_1.gantry").error().code, Code::not_found);
  EXPECT_TRUE(says("\"uploads\": 0"));
}

TEST_F(BackupS3, AFewFailuresAreSurvived) {
  auto bucket = open();
  store_.faults(R"([{"op":"create","kind":"status","status":503,"count":2},
                    {"op":"upload_part","kind":"status","status":500,"skip":1,"count":2},
                    {"op":"upload_part","kind":"drop","skip":3,"count":1},
                    {"op":"complete","kind":"status","status":500,"count":1},
                    {"op":"get_object","kind":"half_sent","count":2},
                    {"op":"head","kind":"drop","count":1}])");
  const std::string text = noise(400000);
  const auto kept = put(*bucket, "a", text);
  ASSERT_TRUE(kept) << kept.error().detail;
  EXPECT_EQ(*get(*bucket, "a"), text);
}

TEST_F(BackupS3, A403IsFinalAndLeavesNothing) {
  auto bucket = open();
  store_.faults(R"([{"op":"upload_part","kind":"status","status":403,"skip":2,"count":100}])");
  const auto kept = put(*bucket, "a", noise(400000));
  ASSERT_FALSE(kept.ok());
  EXPECT_EQ(kept.error().reason, "destination_refused");
  EXPECT_NE(kept.error().detail.find("403 AccessDenied"), std::string::npos) << kept.error().detail;
  EXPECT_TRUE(says("\"upload_part\": 3")) << "asked once too often: " << store_.state();
  EXPECT_TRUE(says("\"uploads\": 0") && says("\"objects\": {}")) << store_.state();
}

TEST_F(BackupS3, A500ThatLastsLeavesNothing) {
  auto bucket = open();
  store_.faults(R"([{"op":"upload_part","kind":"status","status":500,"skip":2,"count":100}])");
  const auto kept = put(*bucket, "a", noise(400000));
  ASSERT_FALSE(kept.ok());
  EXPECT_EQ(kept.error().reason, "destination_unavailable");
  EXPECT_TRUE(says("\"upload_part\": 6")) << "four attempts: " << store_.state();
  EXPECT_TRUE(says("\"uploads\": 0") && says("\"objects\": {}")) << store_.state();
}

TEST_F(BackupS3, AFullStoreSaysSo) {
  auto bucket = open();
  store_.faults(R"([{"op":"put_object","kind":"status","status":507,"count":100}])");
  EXPECT_EQ(put(*bucket, "a", "small").error().reason, "destination_full");
}

TEST_F(BackupS3, AnObjectThatOnlyHalfComesIsAnError) {
  auto bucket = open();
  ASSERT_TRUE(put(*bucket, "a", noise(400000)));
  store_.faults(R"([{"op":"get_object","kind":"half_sent","count":100}])");
  EXPECT_EQ(get(*bucket, "a").error().reason, "destination_unavailable");
}

TEST_F(BackupS3, AWrongSecretAndAWrongClockAreRefused) {
  auto wrong = open([](S3Options& options) { options.secret_access_key += "x"; });
  const auto refused = put(*wrong, "a", "x");
  EXPECT_EQ(refused.error().reason, "destination_refused");
  EXPECT_NE(refused.error().detail.find("SignatureDoesNotMatch"), std::string::npos);
  auto bucket = open();
  ASSERT_TRUE(put(*bucket, "old", "kept"));
  store_.skew(3600);
  EXPECT_EQ(put(*bucket, "a", "x").error().reason, "destination_clock");
  store_.skew(0);
  EXPECT_EQ(*get(*bucket, "old"), "kept");
  auto elsewhere = open([](S3Options& options) { options.bucket = "nowhere"; });
  EXPECT_NE(put(*elsewhere, "a", "x").error().detail.find("NoSuchBucket"), std::string::npos);
}

TEST_F(BackupS3, AStoreThatIsAwayIsAnError) {
  auto bucket = open([](S3Options& options) { options.endpoint = "http://127.0.0.1:1"; });
  EXPECT_EQ(put(*bucket, "a", "x").error().reason, "destination_unavailable");
}

TEST_F(BackupS3, AnUploadThatNobodyEndedGoesWithItsKey) {
  auto bucket = open();
  const S3Options options = store_.options();
  s3::Client other(options);
  ASSERT_TRUE(other.ask({.method = "POST", .key = "gantry/a", .query = {{"uploads", ""}}}));
  EXPECT_TRUE(says("\"uploads\": 1"));
  ASSERT_TRUE(bucket->remove("a"));
  EXPECT_TRUE(says("\"uploads\": 0"));
}

TEST(BackupS3Options, WhatCannotBeOneIsSaid) {
  S3Options good;
  good.endpoint = "https://s3.example.com";
  good.bucket = "backups";
  good.access_key_id = good.secret_access_key = "x";
  ASSERT_TRUE(make_s3_destination(good).ok());
  const auto pointer = [&](const std::function<void(S3Options&)>& change) {
    S3Options options = good;
    change(options);
    const auto made = make_s3_destination(options);
    return made ? "" : made.error().fields[0].pointer;
  };
  EXPECT_EQ(pointer([](auto& o) { o.endpoint = "s3.example.com"; }), "/endpoint");
  EXPECT_EQ(pointer([](auto& o) { o.endpoint = "https://u:p@host"; }), "/endpoint");
  EXPECT_EQ(pointer([](auto& o) { o.endpoint = "https://host/path"; }), "/endpoint");
  EXPECT_EQ(pointer([](auto& o) { o.endpoint = "file:///etc"; }), "/endpoint");
  EXPECT_EQ(pointer([](auto& o) { o.bucket = "a/b"; }), "/bucket");
  EXPECT_EQ(pointer([](auto& o) { o.prefix = "../"; }), "/prefix");
  EXPECT_EQ(pointer([](auto& o) { o.prefix = "x"; }), "/prefix");
  EXPECT_EQ(pointer([](auto& o) { o.secret_access_key = ""; }), "/access_key_id");
  EXPECT_EQ(pointer([](auto& o) { o.endpoint = "https://host:443/"; }), "");
}

// "Authenticating Requests: Using the Authorization Header", its first and its fourth example.
TEST(BackupS3Sign, AsAmazonsExamples) {
  const s3::Credentials credentials{"AKIAIOSFODNN7EXAMPLE",
                                    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"};
  const TimePoint now = *parse_time("2013-05-24T00:00:00Z");
  const std::string empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const auto signature = [&](const s3::Unsigned& request) {
    const std::string text = s3::sign(request, credentials, now)[0].second;
    return text.substr(text.find("Signature=") + 10);
  };
  EXPECT_EQ(signature({"GET",
                       "examplebucket.s3.amazonaws.com",
                       "/test.txt",
                       {},
                       {{"range", "bytes=0-9"}},
                       empty}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(signature({"GET",
                       "examplebucket.s3.amazonaws.com",
                       "/",
                       {{"prefix", "J"}, {"max-keys", "2"}},
                       {},
                       empty}),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

}  // namespace
}  // namespace gantry::testing
