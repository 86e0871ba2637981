// Where backups lie: a directory, or a bucket of an S3-compatible store. Blocking; any thread.
// Objects appear whole or not at all. Keys are made by us: [A-Za-z0-9._/-], no "..", no leading
// slash. A destination outlives its sinks and sources.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/time.hpp"
#include "runtime/backup/bytes.hpp"

namespace gantry {

struct StoredObject {
  std::string key;
  std::int64_t bytes = 0;
};

class Destination {
 public:
  virtual ~Destination() = default;
  // Its object is there once finish() has succeeded, and takes the place of an earlier one. Errors
  // of write() and finish(): exhausted "destination_full"; forbidden "destination_refused" (403);
  // unavailable "destination_unavailable".
  virtual Result<std::unique_ptr<ByteSink>> put(const std::string& key) = 0;
  virtual Result<std::unique_ptr<ByteSource>> get(const std::string& key) = 0;  // or not_found
  // Its size; nothing when there is no such object.
  virtual Result<std::optional<std::int64_t>> size(const std::string& key) = 0;
  virtual Result<std::vector<StoredObject>> list(const std::string& prefix) = 0;  // by key
  // Gone: succeeds.
  virtual Result<> remove(const std::string& key) = 0;
};

// Below `path`, which is made (0700). Written beside, synced, renamed.
Result<std::unique_ptr<Destination>> make_directory_destination(const std::string& path);

struct S3Options {
  std::string endpoint;  // "https://s3.example.com" or "http://127.0.0.1:9000"; no path
  std::string region = "us-east-1";
  std::string bucket;
  std::string prefix = {};  // of all keys; empty, or ends with '/'
  std::string access_key_id;
  std::string secret_access_key;
  bool path_style = true;  // false: the bucket is the first label of the host
  // For tests: shorter steps, smaller parts.
  int attempts = 6;
  int first_pause_milliseconds = 500;  // doubles each time
  std::size_t part_bytes = 8 * 1024 * 1024;
  int timeout_seconds = 60;  // without a byte
  const Clock* clock = &system_clock();
};
// Errors: invalid with the field's pointer.
Result<std::unique_ptr<Destination>> make_s3_destination(S3Options);

bool valid_object_key(std::string_view);

}  // namespace gantry
