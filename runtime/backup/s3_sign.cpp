#include "runtime/backup/s3_sign.hpp"

#include <algorithm>
#include <array>

#include <sodium.h>

#include "proto/percent.hpp"
#include "runtime/build/sha256.hpp"

namespace gantry::s3 {
namespace {

using Mac = std::array<unsigned char, crypto_auth_hmacsha256_BYTES>;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Mac hmac(std::string_view key, std::string_view text) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, raw(key), key.size());
  crypto_auth_hmacsha256_update(&state, raw(text), text.size());
  Mac mac{};
  crypto_auth_hmacsha256_final(&state, mac.data());
  return mac;
}
std::string_view text_of(const Mac& mac) {
  return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

// "20130524T000000Z"
std::string compact(TimePoint now) {
  std::string text = format_time(now).substr(0, 19) + "Z";
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

}  // namespace

std::string query_string(Pairs query) {
  for (auto& [key, value] : query) {
    key = percent_encode(key);
    value = percent_encode(value);
  }
  std::sort(query.begin(), query.end());
  std::string out;
  for (const auto& [key, value] : query) out += (out.empty() ? "" : "&") + key + "=" + value;
  return out;
}

Pairs sign(const Unsigned& request, const Credentials& credentials, TimePoint now) {
  const std::string time = compact(now);
  const std::string date = time.substr(0, 8);
  const std::string scope = date + "/" + credentials.region + "/s3/aws4_request";
  Pairs headers = request.headers;
  headers.emplace_back("host", request.host);
  headers.emplace_back("x-amz-content-sha256", request.payload_hash);
  headers.emplace_back("x-amz-date", time);
  std::sort(headers.begin(), headers.end());
  std::string canonical =
      request.method + "\n" + request.path + "\n" + query_string(request.query) + "\n";
  std::string names;
  for (const auto& [key, value] : headers) {
    canonical += key + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + key;
  }
  canonical += "\n" + names + "\n" + request.payload_hash;
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + sha256_hex(canonical);
  Mac key = hmac("AWS4" + credentials.secret_access_key, date);
  for (const std::string_view part : {std::string_view(credentials.region), std::string_view("s3"),
                                      std::string_view("aws4_request")})
    key = hmac(text_of(key), part);
  const std::string authorization = "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id +
                                    "/" + scope + ",SignedHeaders=" + names +
                                    ",Signature=" + hex_of(hmac(text_of(key), to_sign));
  return {{"authorization", authorization},
          {"x-amz-date", time},
          {"x-amz-content-sha256", request.payload_hash}};
}

}  // namespace gantry::s3
