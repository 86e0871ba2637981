// Signature version 4 of S3 requests, as Amazon documents it ("Authenticating Requests: Using the
// Authorization Header"). Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/time.hpp"

namespace gantry::s3 {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string region;
};

struct Unsigned {
  std::string method;        // "GET"
  std::string host;          // with the port, when it is not the scheme's own
  std::string path;          // encoded, with the leading slash
  Pairs query;               // not encoded
  Pairs headers;             // further ones to sign; names lower-case
  std::string payload_hash;  // hex SHA-256 of the body
};

// "a=1&b=": sorted and encoded, as it is sent and signed.
std::string query_string(Pairs);

// Authorization, X-Amz-Date and X-Amz-Content-Sha256.
Pairs sign(const Unsigned&, const Credentials&, TimePoint now);

}  // namespace gantry::s3
