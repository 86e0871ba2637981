// Tokens: only the hash of a secret is kept.
#pragma once

#include <functional>
#include <string>

#include <pqxx/pqxx>

#include "proto/time.hpp"

namespace gantry {

// Inserts the administrator's token and gives its secret, once. Part of the caller's transaction.
std::string create_first_token(pqxx::dbtransaction&, TimePoint now);

}  // namespace gantry
