#include "api/write.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include <sodium.h>

#include "api/auditing.hpp"
#include "api/body.hpp"
#include "api/reply.hpp"
#include "proto/jobs.hpp"

namespace gantry::api {
namespace {

constexpr int kRuns = 8;
constexpr std::size_t kKeyMax = 255;

// What the key stands for: the query and the body's meaning, not its white space.
std::string fingerprint(const Request& request) {
  std::string text;
  for (const auto& [name, value] : request.query) text += name + "=" + value + "&";
  return sha256_hex(text + "\n" + canonical(request.body));
}

Result<> check_key(const std::string& key) {
  const bool printable =
      std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!key.empty() && key.size() <= kKeyMax && printable) return done();
  return Error{Code::invalid, "invalid_idempotency_key",
               "an Idempotency-Key has 1 to 255 printable ASCII characters without blanks"};
}

Result<Response> replayed(const IdempotencyRecord& earlier, const IdempotencyRecord& now) {
  if (earlier.route != now.route || earlier.body_hash != now.body_hash)
    return Error{Code::invalid, "idempotency_key_reused",
                 "this Idempotency-Key belongs to another request: use a new key for each request"};
  Response response;
  response.status = earlier.status;
  response.body = earlier.body;
  if (!earlier.etag.empty()) response.headers.emplace_back("ETag", earlier.etag);
  if (!earlier.location.empty()) response.headers.emplace_back("Location", earlier.location);
  response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

Result<> remember(Transaction& transaction, IdempotencyRecord record, const Response& response) {
  record.status = response.status;
  record.body = response.body;
  if (const std::string* etag = response_header(response, "ETag")) record.etag = *etag;
  if (const std::string* location = response_header(response, "Location"))
    record.location = *location;
  return transaction.remember_idempotency(record);
}

Result<Response> run_once(const Request& request, Context& context, Effect effect, Verbs verbs) {
  const bool dry_run = is_dry_run(request);
  const std::string* key = request.header("idempotency-key");
  const bool keyed = key != nullptr && request.method == Method::post && !dry_run;
  IdempotencyRecord record;
  if (keyed) {
    GANTRY_TRY(check_key(*key));
    record.key = *key;
    record.token_id = request.token_id;
    record.route = std::string(name(request.method)) + " " + request.path;
    record.body_hash = fingerprint(request);
  }

  auto transaction =
      context.store.begin({.token_id = request.token_id, .request_id = request.request_id});
  if (!transaction) return transaction.error();
  if (keyed) {
    const auto earlier = (*transaction)->find_idempotency(record.key, record.token_id);
    if (!earlier) return earlier.error();
    if (*earlier) return replayed(**earlier, record);
  }
  if (verbs == Verbs::one && !dry_run && !keyed) (*transaction)->only_one_verb();
  auto response = effect(request, context, **transaction);
  // An answer that something is not to be done: nothing of it counts, and the next attempt may.
  if (!response || response->status >= 400) return response;
  if (dry_run) {
    response->headers.emplace_back("Dry-Run", "true");
    return response;
  }
  if (verbs == Verbs::tried) {
    transaction->reset();
    if (!keyed) return response;
    transaction =
        context.store.begin({.token_id = request.token_id, .request_id = request.request_id});
    if (!transaction) return transaction.error();
  }
  if (keyed) GANTRY_TRY(remember(**transaction, std::move(record), *response));
  GANTRY_TRY((*transaction)->commit());
  const auto* jobs = dynamic_cast<const JobVerbs*>(transaction->get());
  if (jobs != nullptr && jobs->has_asked() && context.jobs_asked) context.jobs_asked();
  const bool changed_anything = verbs != Verbs::tried && verbs != Verbs::told;
  if (changed_anything && context.people != nullptr &&
      !context.people->within(**transaction).has_recorded())
    audit_deed(request, context);
  return response;
}

// Somebody else's write came between what was read and what was written.
bool lost_a_race(const Request& request, const Error& error) {
  if (error.reason == "superseded") return true;
  return error.code == Code::stale && request.header("if-match") == nullptr;
}

}  // namespace

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  std::array<char, crypto_hash_sha256_BYTES * 2 + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  return hex.data();
}

bool is_dry_run(const Request& request) {
  const std::string* dry = request.query_value("dry_run");
  return dry != nullptr && *dry == "true";
}

Result<Response> write(const Request& request, Context& context, Effect effect, Verbs verbs) {
  for (int run = 1;; ++run) {
    auto response = run_once(request, context, effect, verbs);
    if (response || !lost_a_race(request, response.error())) return response;
    if (run == kRuns)
      return Error{Code::unavailable, "contended",
                   "many writers change this object at once: try again"};
    std::this_thread::sleep_for(std::chrono::milliseconds(2 * run));
  }
}

}  // namespace gantry::api
