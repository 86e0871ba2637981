#include "store/purge.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

std::string identity(const std::string& token_id, const std::string& key) {
  return "idempotency/" + token_id + "/" + key;
}

}  // namespace

Result<std::optional<IdempotencyRecord>> PgTransaction::find_idempotency(
    const std::string& key, const std::string& token_id) {
  return verb([&]() -> Result<std::optional<IdempotencyRecord>> {
    const auto locked = work_->exec_params1(
        "select pg_try_advisory_xact_lock(hashtextextended($1, 24))", identity(token_id, key));
    if (!locked[0].as<bool>())
      return Error{Code::conflict, "idempotency_key_in_flight",
                   "a request with this Idempotency-Key is being served: try again"};
    const auto rows = work_->exec_params(
        "select route, body_hash, status, body, etag, location from idempotency_keys "
        "where token_id = $1 and key = $2 and created_at > $3",
        token_id, key, format_time(store_.clock().now() - kIdempotencyKept));
    if (rows.empty()) return std::optional<IdempotencyRecord>();
    const auto& row = rows[0];
    auto body = store_.secrets().open(bytes_from(row["body"]), identity(token_id, key));
    if (!body) return body.error();
    return std::optional(IdempotencyRecord{.key = key,
                                           .token_id = token_id,
                                           .route = row["route"].c_str(),
                                           .body_hash = row["body_hash"].c_str(),
                                           .status = row["status"].as<int>(),
                                           .body = *std::move(body),
                                           .etag = row["etag"].c_str(),
                                           .location = row["location"].c_str()});
  });
}

Result<> PgTransaction::remember_idempotency(const IdempotencyRecord& record) {
  return verb([&]() -> Result<> {
    // What has expired goes; rows that another one is just removing are left to it.
    work_->exec_params0(
        "delete from idempotency_keys where (token_id, key) in (select token_id, key from "
        "idempotency_keys where created_at <= $1 limit 1000 for update skip locked)",
        format_time(store_.clock().now() - kIdempotencyKept));
    const std::string body =
        store_.secrets().seal(record.body, identity(record.token_id, record.key));
    work_->exec_params0(
        "insert into idempotency_keys (token_id, key, route, body_hash, status, body, etag, "
        "location, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
        "on conflict (token_id, key) do update set route = excluded.route, body_hash = "
        "excluded.body_hash, status = excluded.status, body = excluded.body, etag = excluded.etag, "
        "location = excluded.location, created_at = excluded.created_at",
        record.token_id, record.key, record.route, record.body_hash, record.status, bytea(body),
        record.etag, record.location, now());
    return done();
  });
}

}  // namespace gantry
