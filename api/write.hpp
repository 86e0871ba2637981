// The frame of every write: one transaction with the effect, its events and its idempotency row.
#pragma once

#include <string>
#include <string_view>

#include "api/http.hpp"

namespace gantry::api {

using Effect = Result<Response> (*)(const Request&, Context&, Transaction&);

bool is_dry_run(const Request&);
std::string sha256_hex(std::string_view text);

// What an effect writes with the transaction. `one`: a single verb, as its last step. `told`:
// whatever it changes has an event, so that without one nothing became another. `tried`: nothing of
// it is committed, and its answer is remembered all the same.
enum class Verbs { any, one, told, tried };

// Runs `effect` and commits. dry_run=true: everything but the commit. Idempotency-Key on a POST:
// the first answer is given again to the same request, byte for byte. An effect that lost a race
// for a version which the caller did not name (no If-Match) is run again on the newer state. An
// answer of 400 or above is given and nothing is committed.
Result<Response> write(const Request&, Context&, Effect, Verbs = Verbs::any);

}  // namespace gantry::api
