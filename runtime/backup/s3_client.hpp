// One conversation with an S3-compatible store: a signed request and its whole answer, repeated
// while repeating may help. Owned by a sink or a source; one thread at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/backup/destination.hpp"
#include "runtime/backup/s3_sign.hpp"

namespace gantry::s3 {

struct Call {
  std::string method = "GET";
  std::string key = {};  // with the prefix; empty: the bucket itself
  Pairs query = {};
  Pairs headers = {};  // names lower-case
  std::string_view body = {};
};

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names lower-case
  std::string body;
};

class Client {
 public:
  explicit Client(const S3Options&);
  ~Client();

  // An answer of 2xx, 404 or 416; after 5xx, 429 and broken connections it tries again. Errors:
  // those of Destination.
  Result<Answer> ask(const Call&);

 private:
  struct Handle;
  // A broken connection: unavailable.
  Result<Answer> once(const Call&);

  const S3Options& options_;
  std::unique_ptr<Handle> handle_;
};

// What is between <tag> and </tag>, in order, decoded.
std::vector<std::string> elements(std::string_view xml, std::string_view tag);

}  // namespace gantry::s3
