// Signatures of hooks, with the vectors that are published for them.
#include "runtime/git/signature.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

const TimePoint kNow = *parse_time("2021-02-25T15:02:15Z");  // 1614265335

HookRequest hook(std::string body, std::vector<std::pair<std::string, std::string>> headers) {
  return {.headers = std::move(headers), .body = std::move(body)};
}

std::string refusal(Forge forge, std::string_view secret, const HookRequest& request) {
  const auto verified = verify_hook(forge, secret, request, kNow);
  return verified ? "" : verified.error().reason;
}

// docs.github.com, "Validating webhook deliveries".
constexpr const char* kSecret = "It's a Secret to Everybody";
constexpr const char* kBody = "Hello, World!";
constexpr const char* kDigest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

TEST(GitSignature, TheVectorOfGitHub) {
  const std::string signature = std::string("sha256=") + kDigest;
  const auto verified = verify_hook(Forge::github, kSecret,
                                    hook(kBody, {{"x-hub-signature-256", signature},
                                                 {"x-github-event", "push"},
                                                 {"x-github-delivery", "72d3162e"}}),
                                    kNow);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->type, "push");
  EXPECT_TRUE(verified->delivery.starts_with("72d3162e/"));
}

TEST(GitSignature, GiteaAndBitbucketSignTheSameBytes) {
  EXPECT_EQ(refusal(Forge::gitea, kSecret, hook(kBody, {{"x-gitea-signature", kDigest}})), "");
  EXPECT_EQ(refusal(Forge::bitbucket, kSecret,
                    hook(kBody, {{"x-hub-signature", std::string("sha256=") + kDigest}})),
            "");
}

// RFC 4231, test cases 1 and 2; and a key that is longer than a block.
TEST(GitSignature, TheVectorsOfHmac) {
  EXPECT_EQ(hmac_sha256_hex(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256_hex(std::string(131, '\xaa'),
                            "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// Of the Standard Webhooks specification, which GitLab's signing follows.
TEST(GitSignature, TheVectorOfStandardWebhooks) {
  constexpr const char* secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::string body = R"({"test": 2432232314})";
  const auto signed_with = [&](const std::string& signature, const std::string& time) {
    return hook(body, {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                       {"webhook-timestamp", time},
                       {"webhook-signature", signature}});
  };
  const std::string good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  const TimePoint then = TimePoint(Seconds(1614265330));
  const auto at = [&](const HookRequest& request, TimePoint now) {
    const auto verified = verify_hook(Forge::gitlab, secret, request, now);
    return verified ? std::string() : verified.error().reason;
  };
  EXPECT_EQ(at(signed_with(good, "1614265330"), then), "");
  EXPECT_EQ(at(signed_with("v1,AAAA " + good, "1614265330"), then), "") << "one of several";
  EXPECT_EQ(at(signed_with(good, "1614265331"), then), "bad_signature");
  EXPECT_EQ(at(signed_with(good, "1614265330"), then + Seconds(301)), "stale_delivery");
  EXPECT_EQ(at(signed_with(good, "1614265330"), then - Seconds(301)), "stale_delivery");
  // A secret token beside a wrong signature does not help.
  auto both = signed_with("v1,AAAA", "1614265330");
  both.headers.emplace_back("x-gitlab-token", secret);
  EXPECT_EQ(at(both, then), "bad_signature");
}

TEST(GitSignature, TheTokenOfGitLab) {
  EXPECT_EQ(refusal(Forge::gitlab, "abc", hook("{}", {{"x-gitlab-token", "abc"}})), "");
  EXPECT_EQ(refusal(Forge::gitlab, "abc", hook("{}", {{"x-gitlab-token", "abd"}})),
            "bad_signature");
  EXPECT_EQ(refusal(Forge::gitlab, "abc", hook("{}", {})), "signature_missing");
}

TEST(GitSignature, OneByteMoreOrLessIsRefused) {
  const std::string good = std::string("sha256=") + kDigest;
  for (const std::string& bad :
       {good.substr(0, good.size() - 1), good + "0", std::string(kDigest), std::string("sha256="),
        std::string(), "sha1=" + std::string(kDigest), good.substr(0, 7) + std::string(64, '0')})
    EXPECT_EQ(refusal(Forge::github, kSecret, hook(kBody, {{"x-hub-signature-256", bad}})),
              "bad_signature")
        << bad;
  EXPECT_EQ(refusal(Forge::github, kSecret, hook("Hello, World", {{"x-hub-signature-256", good}})),
            "bad_signature");
  EXPECT_EQ(refusal(Forge::github, "", hook(kBody, {{"x-hub-signature-256", good}})),
            "bad_signature");
  EXPECT_EQ(refusal(Forge::plain, kSecret, hook(kBody, {{"x-hub-signature-256", good}})),
            "no_hook");
}

TEST(GitSignature, SecretsDiffer) {
  EXPECT_NE(new_hook_secret(Forge::github), new_hook_secret(Forge::github));
  EXPECT_EQ(new_hook_secret(Forge::github).size(), 64u);
  EXPECT_TRUE(new_hook_secret(Forge::gitlab).starts_with("whsec_"));
}

}  // namespace
}  // namespace gantry
