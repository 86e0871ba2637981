// Backups in a bucket: one PUT for what fits into a part, else a multipart upload that is aborted
// when it does not come to its end; read again in ranges.
#include <algorithm>
#include <charconv>

#include "runtime/backup/destination.hpp"
#include "runtime/backup/s3_client.hpp"

namespace gantry {
namespace {

using s3::Answer;
using s3::Client;

constexpr std::size_t kRange = 4 * 1024 * 1024;
// At most 10 000 parts: later ones are larger, and about 560 GiB is the end.
constexpr int kSmallParts = 1000;
constexpr std::size_t kLargePart = 8;
constexpr int kPartsMax = 10000;

Error missing(const std::string& key) { return not_found("object " + key); }
Error cut_off(const std::string& key) {
  return {Code::unavailable, "destination_unavailable",
          "the store gave another number of bytes of " + key + " than it had said"};
}

std::string quoted_xml(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '"' ? "&quot;" : c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

class S3Sink final : public ByteSink {
 public:
  S3Sink(const S3Options& options, std::string key)
      : options_(options), client_(options), key_(std::move(key)) {}
  ~S3Sink() override {
    if (!upload_id_.empty() && !finished_)
      (void)client_.ask({.method = "DELETE", .key = key_, .query = {{"uploadId", upload_id_}}});
  }

  Result<> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      if (part_.size() >= part_size()) GANTRY_TRY(send_part());
      const std::size_t size = std::min(part_size() - part_.size(), bytes.size());
      part_.append(bytes.substr(0, size));
      bytes.remove_prefix(size);
    }
    return done();
  }

  Result<> finish() override {
    if (etags_.empty()) {
      const auto answer = client_.ask({.method = "PUT", .key = key_, .body = part_});
      if (!answer) return answer.error();
      if (answer->status / 100 != 2) return missing(key_);
      finished_ = true;
      return done();
    }
    if (!part_.empty()) GANTRY_TRY(send_part());
    return complete();
  }

 private:
  std::size_t part_size() const {
    return etags_.size() < kSmallParts ? options_.part_bytes : options_.part_bytes * kLargePart;
  }

  Result<> begin() {
    const auto answer = client_.ask({.method = "POST", .key = key_, .query = {{"uploads", ""}}});
    if (!answer) return answer.error();
    const auto ids = s3::elements(answer->body, "UploadId");
    if (ids.empty() || ids[0].empty())
      return Error{Code::unavailable, "destination_unavailable", "the store gave no UploadId"};
    upload_id_ = ids[0];
    return done();
  }

  Result<> send_part() {
    if (upload_id_.empty()) GANTRY_TRY(begin());
    if (etags_.size() >= kPartsMax)
      return Error{Code::exhausted, "destination_full", "more than an object can have"};
    const auto answer = client_.ask(
        {.method = "PUT",
         .key = key_,
         .query = {{"partNumber", std::to_string(etags_.size() + 1)}, {"uploadId", upload_id_}},
         .body = part_});
    if (!answer) return answer.error();
    const auto etag = answer->headers.find("etag");
    if (answer->status / 100 != 2 || etag == answer->headers.end())
      return Error{Code::unavailable, "destination_unavailable",
                   "the upload is not known any more"};
    etags_.push_back(etag->second);
    total_ += static_cast<std::int64_t>(part_.size());
    part_.clear();
    return done();
  }

  Result<> complete() {
    std::string body = "<CompleteMultipartUpload>";
    for (std::size_t i = 0; i < etags_.size(); ++i)
      body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" +
              quoted_xml(etags_[i]) + "</ETag></Part>";
    body += "</CompleteMultipartUpload>";
    const auto answer = client_.ask(
        {.method = "POST", .key = key_, .query = {{"uploadId", upload_id_}}, .body = body});
    if (!answer) return answer.error();
    if (answer->status == 404) {
      // An earlier try may have come through, its answer lost.
      const auto head = client_.ask({.method = "HEAD", .key = key_});
      if (!head) return head.error();
      const auto size = head->headers.find("content-length");
      if (size == head->headers.end() || size->second != std::to_string(total_))
        return missing(key_);
    } else if (answer->body.find("<Error>") != std::string::npos) {
      return Error{Code::unavailable, "destination_unavailable",
                   "the store could not put the parts together"};
    }
    finished_ = true;
    return done();
  }

  const S3Options& options_;
  Client client_;
  const std::string key_;
  std::string part_, upload_id_;
  std::vector<std::string> etags_;
  std::int64_t total_ = 0;
  bool finished_ = false;
};

class S3Source final : public ByteSource {
 public:
  S3Source(const S3Options& options, std::string key, std::int64_t size, std::string etag)
      : options_(options),
        client_(options),
        key_(std::move(key)),
        size_(size),
        etag_(std::move(etag)) {}

  Result<std::string> read() override {
    if (at_ >= size_) return std::string();
    const std::int64_t end = std::min(size_, at_ + static_cast<std::int64_t>(kRange));
    s3::Call call{
        .key = key_,
        .headers = {{"range", "bytes=" + std::to_string(at_) + "-" + std::to_string(end - 1)}}};
    if (!etag_.empty()) call.headers.emplace_back("if-match", etag_);
    auto answer = client_.ask(call);
    if (!answer) return answer.error();
    if (answer->status == 404) return missing(key_);
    if (static_cast<std::int64_t>(answer->body.size()) != end - at_) return cut_off(key_);
    at_ = end;
    return std::move(answer->body);
  }

 private:
  const S3Options& options_;
  Client client_;
  const std::string key_;
  const std::int64_t size_;
  const std::string etag_;
  std::int64_t at_ = 0;
};

class S3Destination final : public Destination {
 public:
  explicit S3Destination(S3Options options) : options_(std::move(options)) {}

  Result<std::unique_ptr<ByteSink>> put(const std::string& key) override {
    if (!valid_object_key(key)) return invalid("/key", "invalid_key", "not a key of a backup");
    return std::unique_ptr<ByteSink>(std::make_unique<S3Sink>(options_, options_.prefix + key));
  }
  Result<std::unique_ptr<ByteSource>> get(const std::string& key) override {
    const auto head = look(key);
    if (!head) return head.error();
    if (head->status == 404) return missing(key);
    const auto size = size_of(*head);
    if (!size) return cut_off(key);
    const auto etag = head->headers.find("etag");
    return std::unique_ptr<ByteSource>(std::make_unique<S3Source>(
        options_, options_.prefix + key, *size, etag == head->headers.end() ? "" : etag->second));
  }
  Result<std::optional<std::int64_t>> size(const std::string& key) override {
    const auto head = look(key);
    if (!head) return head.error();
    return head->status == 404 ? std::optional<std::int64_t>() : size_of(*head);
  }
  Result<std::vector<StoredObject>> list(const std::string& prefix) override {
    Client client(options_);
    std::vector<StoredObject> found;
    std::string token;
    do {
      s3::Pairs query{{"list-type", "2"}, {"prefix", options_.prefix + prefix}};
      if (!token.empty()) query.emplace_back("continuation-token", token);
      const auto answer = client.ask({.query = query});
      if (!answer) return answer.error();
      for (const std::string& one : s3::elements(answer->body, "Contents")) {
        const auto key = s3::elements(one, "Key"), size = s3::elements(one, "Size");
        if (key.empty() || size.empty() || !key[0].starts_with(options_.prefix)) continue;
        found.push_back({key[0].substr(options_.prefix.size()), std::stoll("0" + size[0])});
      }
      const auto next = s3::elements(answer->body, "NextContinuationToken");
      token = next.empty() ? "" : next[0];
    } while (!token.empty());
    return found;
  }
  Result<> remove(const std::string& key) override {
    Client client(options_);
    const auto answer = client.ask({.method = "DELETE", .key = options_.prefix + key});
    if (!answer) return answer.error();
    return abort_uploads(client, options_.prefix + key);
  }

 private:
  Result<Answer> look(const std::string& key) {
    Client client(options_);
    return client.ask({.method = "HEAD", .key = options_.prefix + key});
  }
  static std::optional<std::int64_t> size_of(const Answer& answer) {
    const auto text = answer.headers.find("content-length");
    std::int64_t size = 0;
    if (text == answer.headers.end() ||
        std::from_chars(text->second.data(), text->second.data() + text->second.size(), size).ec !=
            std::errc())
      return std::nullopt;
    return size;
  }
  // What a daemon that was killed left of it. A store that has no such list has none to show.
  static Result<> abort_uploads(Client& client, const std::string& key) {
    const auto answer = client.ask({.query = {{"uploads", ""}, {"prefix", key}}});
    if (!answer) return done();
    for (const std::string& one : s3::elements(answer->body, "Upload")) {
      const auto name = s3::elements(one, "Key"), id = s3::elements(one, "UploadId");
      if (name.empty() || id.empty() || name[0] != key) continue;
      const auto gone =
          client.ask({.method = "DELETE", .key = key, .query = {{"uploadId", id[0]}}});
      if (!gone) return gone.error();
    }
    return done();
  }

  const S3Options options_;
};

bool valid_authority(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == ':' || c == '[' || c == ']';
  });
}

}  // namespace

Result<std::unique_ptr<Destination>> make_s3_destination(S3Options options) {
  if (options.endpoint.ends_with('/')) options.endpoint.pop_back();
  const bool scheme =
      options.endpoint.starts_with("https://") || options.endpoint.starts_with("http://");
  if (!scheme || !valid_authority(options.endpoint.substr(options.endpoint.find("://") + 3)))
    return invalid("/endpoint", "invalid_endpoint",
                   "expected https://HOST[:PORT] without a path, such as https://s3.example.com");
  // As they travel: without the scheme's own port.
  for (const std::string_view port : {":443", ":80"})
    if (options.endpoint.ends_with(port) &&
        options.endpoint.starts_with("https") == (port == ":443"))
      options.endpoint.resize(options.endpoint.size() - port.size());
  const std::string& bucket = options.bucket;
  if (bucket.size() < 3 || bucket.size() > 63 || !valid_object_key(bucket) ||
      bucket.find('/') != std::string::npos)
    return invalid("/bucket", "invalid_bucket", "expected a bucket's name of 3 to 63 characters");
  if (!options.prefix.empty() &&
      (!options.prefix.ends_with('/') ||
       !valid_object_key(std::string_view(options.prefix).substr(0, options.prefix.size() - 1))))
    return invalid("/prefix", "invalid_prefix", "expected folders that end with a slash");
  if (options.access_key_id.empty() || options.secret_access_key.empty())
    return invalid("/access_key_id", "missing", "an access key has an id and a secret");
  return std::unique_ptr<Destination>(std::make_unique<S3Destination>(std::move(options)));
}

}  // namespace gantry
