// Tokens: only the hash of a secret is kept.
#pragma once

#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "proto/model.hpp"

namespace gantry {

// Inserts the administrator's token and gives its secret, once. Part of the caller's transaction.
std::string create_first_token(pqxx::dbtransaction&, TimePoint now);

// When each was last used, in one statement.
Result<> write_token_uses(pqxx::connection&, const std::vector<Token>& used);

}  // namespace gantry
