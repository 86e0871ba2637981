#include "store/tokens.hpp"

#include "store/pg_store.hpp"
#include "store/rows.hpp"

namespace gantry {
namespace {

constexpr std::size_t kSecretMax = 256;

}  // namespace

std::string create_first_token(pqxx::dbtransaction& work, TimePoint now) {
  const std::string secret = new_token_secret();
  work.exec_params0("insert into tokens (id, name, hash, created_at) values ($1, 'admin', $2, $3)",
                    TokenId::make(now).str(), bytea(hash_of(secret)), format_time(now));
  return secret;
}

// By hash: what the time of the look-up tells is about the hash of a guess, never about the secret.
std::optional<VerifiedToken> PgStore::verify_token(std::string_view secret) const {
  if (secret.size() > kSecretMax || secret.substr(0, 4) != "gty_") return std::nullopt;
  return memory_.token(hash_of(secret));
}

}  // namespace gantry
