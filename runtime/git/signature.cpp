#include "runtime/git/signature.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include <sodium.h>

#include "runtime/build/sha256.hpp"
#include "runtime/git/git_program.hpp"

namespace gantry {
namespace {

constexpr Seconds kFreshness{5 * 60};
constexpr std::size_t kDeliveryMax = 200;
constexpr std::string_view kSigningPrefix = "whsec_";

using Digest = std::array<unsigned char, crypto_auth_hmacsha256_BYTES>;

Digest hmac(std::string_view key, std::initializer_list<std::string_view> texts) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(key.data()),
                              key.size());
  for (const std::string_view text : texts)
    crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()),
                                  text.size());
  Digest digest{};
  crypto_auth_hmacsha256_final(&state, digest.data());
  return digest;
}

// In a time that does not tell where they differ.
bool same(std::string_view one, std::string_view other) {
  return one.size() == other.size() && sodium_memcmp(one.data(), other.data(), one.size()) == 0;
}

Error missing(const char* header) {
  return {Code::unauthenticated, "signature_missing",
          std::string("the hook is not signed (") + header +
              "): set its secret as `gantry repo status` tells"};
}
Error bad() {
  return {Code::unauthenticated, "bad_signature",
          "the hook's signature does not fit: is the secret that of this repository?"};
}

Result<> check_hex(std::string_view secret, const HookRequest& request, const char* header,
                   std::string_view prefix) {
  const std::string* given = request.header(header);
  if (given == nullptr) return missing(header);
  if (!given->starts_with(prefix)) return bad();
  const std::string wanted = hmac_sha256_hex(secret, request.body);
  return same(std::string_view(*given).substr(prefix.size()), wanted) ? done() : Result<>(bad());
}

// The key of a signing token: what is behind its prefix, decoded.
std::string signing_key(std::string_view secret) {
  if (!secret.starts_with(kSigningPrefix)) return std::string(secret);
  secret.remove_prefix(kSigningPrefix.size());
  std::string key(secret.size(), '\0');
  std::size_t length = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(key.data()), key.size(), secret.data(),
                        secret.size(), nullptr, &length, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0)
    return std::string(secret);
  key.resize(length);
  return key;
}

Result<> check_standard(std::string_view secret, const HookRequest& request, TimePoint now) {
  const std::string* id = request.header("webhook-id");
  const std::string* time = request.header("webhook-timestamp");
  if (id == nullptr || time == nullptr) return missing("webhook-id, webhook-timestamp");
  const Digest digest = hmac(signing_key(secret), {*id, ".", *time, ".", request.body});
  const std::string wanted =
      "v1," + base64(std::string(reinterpret_cast<const char*>(digest.data()), digest.size()));
  std::string_view list = *request.header("webhook-signature");
  bool fits = false;
  while (!list.empty()) {
    const auto blank = std::min(list.find(' '), list.size());
    fits = same(list.substr(0, blank), wanted) || fits;
    list.remove_prefix(std::min(blank + 1, list.size()));
  }
  if (!fits) return bad();
  std::int64_t seconds = 0;
  std::from_chars(time->data(), time->data() + time->size(), seconds);
  const auto age = now - TimePoint(Seconds(seconds));
  if (age <= kFreshness && age >= -kFreshness) return done();
  return Error{Code::unauthenticated, "stale_delivery",
               "the hook was signed more than 5 minutes away from this machine's time"};
}

Result<> check_gitlab(std::string_view secret, const HookRequest& request, TimePoint now) {
  if (request.header("webhook-signature") != nullptr) return check_standard(secret, request, now);
  const std::string* token = request.header("x-gitlab-token");
  if (token == nullptr) return missing("X-Gitlab-Token");
  return same(*token, secret) ? done() : Result<>(bad());
}

Result<> check(Forge forge, std::string_view secret, const HookRequest& request, TimePoint now) {
  switch (forge) {
    case Forge::github:
      return check_hex(secret, request, "x-hub-signature-256", "sha256=");
    case Forge::bitbucket:
      return check_hex(secret, request, "x-hub-signature", "sha256=");
    case Forge::gitea:
      return check_hex(secret, request, "x-gitea-signature", "");
    case Forge::gitlab:
      return check_gitlab(secret, request, now);
    case Forge::plain:
      break;
  }
  return Error{Code::unauthenticated, "no_hook",
               "this repository's server is not said to send hooks: name its forge"};
}

struct Names {
  const char* type;
  std::array<const char*, 2> delivery;
};

Names names_of(Forge forge) {
  switch (forge) {
    case Forge::gitlab:
      return {"x-gitlab-event", {"idempotency-key", "x-gitlab-event-uuid"}};
    case Forge::gitea:
      return {"x-gitea-event", {"x-gitea-delivery", "x-forgejo-delivery"}};
    case Forge::bitbucket:
      return {"x-event-key", {"x-request-uuid", "x-request-id"}};
    case Forge::github:
    case Forge::plain:
      break;
  }
  return {"x-github-event", {"x-github-delivery", "x-github-delivery"}};
}

}  // namespace

const std::string* HookRequest::header(std::string_view lower_case_name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& each) { return each.first == lower_case_name; });
  return found == headers.end() ? nullptr : &found->second;
}

Result<SignedHook> verify_hook(Forge forge, std::string_view secret, const HookRequest& request,
                               TimePoint now) {
  if (secret.empty()) return bad();
  GANTRY_TRY(check(forge, secret, request, now));
  const Names names = names_of(forge);
  SignedHook hook;
  if (const std::string* type = request.header(names.type)) hook.type = *type;
  for (const char* each : names.delivery)
    if (const std::string* id = request.header(each); id != nullptr && hook.delivery.empty())
      hook.delivery = id->substr(0, kDeliveryMax);
  // What was signed is part of it: an id, which mostly is not, cannot stand for another event.
  hook.delivery += "/" + sha256_hex(request.body);
  return hook;
}

std::string new_hook_secret(Forge forge) {
  std::string bytes(32, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  if (forge == Forge::gitlab) return std::string(kSigningPrefix) + base64(bytes);
  return hex_of(std::span(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

std::string hmac_sha256_hex(std::string_view key, std::string_view text) {
  return hex_of(hmac(key, {text}));
}

}  // namespace gantry
