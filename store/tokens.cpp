#include "store/tokens.hpp"

#include "store/pg_store.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

constexpr std::size_t kSecretMax = 256;

std::optional<std::string> text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::string label(const Token& token) { return token.name + " (" + token.id.str() + ")"; }

// '{"a","b"}': an array of texts that need no escapes.
void append_item(std::string& array, const std::string& text) {
  array += (array.empty() ? "{\"" : ",\"") + text + '"';
}

}  // namespace

std::string create_first_token(pqxx::dbtransaction& work, TimePoint now) {
  const std::string secret = new_token_secret();
  work.exec_params0("insert into tokens (id, name, hash, created_at) values ($1, 'admin', $2, $3)",
                    TokenId::make(now).str(), bytea(hash_of(secret)), format_time(now));
  return secret;
}

Result<> write_token_uses(pqxx::connection& connection, const std::vector<Token>& used) {
  if (used.empty()) return done();
  std::string ids;
  std::string times;
  for (const Token& token : used) {
    append_item(ids, token.id.str());
    append_item(times, format_time(*token.last_used_at));
  }
  pqxx::work work(connection);
  work.exec_params0(
      "update tokens t set last_used_at = greatest(t.last_used_at, u.at) "
      "from unnest($1::text[], $2::timestamptz[]) u(id, at) where t.id = u.id",
      ids + "}", times + "}");
  work.commit();
  return done();
}

Result<IssuedToken> PgTransaction::create_token(const Token& wanted) {
  return verb([&]() -> Result<IssuedToken> {
    IssuedToken issued{.token = wanted, .secret = new_token_secret()};
    Token& token = issued.token;
    token.created_at = store_.clock().now();
    token.id = TokenId::make(token.created_at);
    const std::string expires = token.expires_at ? format_time(*token.expires_at) : "";
    const std::string hash = hash_of(issued.secret);
    work_->exec_params0(
        "insert into tokens (id, name, kind, user_id, project_id, environment_id, hash, "
        "expires_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        token.id.str(), token.name, std::string(gantry::name(token.kind)),
        text_or_null(token.user_id.str()), text_or_null(token.project_id.str()),
        text_or_null(token.environment_id.str()), bytea(hash), text_or_null(expires),
        format_time(token.created_at));
    edit_token(record("token.created", {}, label(token)), Edit::Kind::put_token, {token, hash});
    return issued;
  });
}

Result<> PgTransaction::revoke_token(const TokenId& id) {
  return verb([&]() -> Result<> {
    // One at a time, so that two do not each leave the other's.
    work_->exec("select pg_advisory_xact_lock(hashtextextended('gantry/tokens', 0))");
    const auto rows = work_->exec_params(
        std::string("select ") + kTokenColumns + " from tokens where id = $1 for update", id.str());
    if (rows.empty()) return not_found("token " + id.str());
    const Token token = token_from(rows[0]);
    if (token.kind == TokenKind::account && token.user_id.empty() && !token.expires_at) {
      const auto others = work_->exec_params(
          "select 1 from tokens where kind = 'account' and user_id is null and expires_at is null "
          "and "
          "id <> $1 limit 1",
          id.str());
      if (others.empty())
        return Error{Code::conflict, "last_account_token",
                     "this is the last account token that does not expire, without it nobody "
                     "could make another: create one first, then revoke this one"};
    }
    // Before it is gone: it may be the one that revokes itself.
    edit_token(record("token.revoked", {}, label(token)), Edit::Kind::drop_token, {token, ""});
    work_->exec_params0("delete from tokens where id = $1", id.str());
    return done();
  });
}

void PgTransaction::edit_token(std::int64_t seq, Edit::Kind kind, TokenRow row) {
  const std::string id = row.token.id.str();
  edits_.push_back({.project_id = {},
                    .row = id,
                    .seq = seq,
                    .apply = nullptr,
                    .kind = kind,
                    .token = std::make_shared<const TokenRow>(std::move(row))});
  notify_others(id);
}

// By hash: what the time of the look-up tells is about the hash of a guess, never about the secret.
std::optional<Token> PgStore::verify_token(std::string_view secret) {
  if (secret.size() > kSecretMax || secret.substr(0, 4) != "gty_") return std::nullopt;
  return memory_.use_token(hash_of(secret), clock().now());
}
std::optional<Token> PgStore::token(const TokenId& id) const { return memory_.token(id); }
std::vector<Token> PgStore::tokens() const { return memory_.tokens(); }

}  // namespace gantry
