// The frame of every write: one transaction with the effect, its events and its idempotency row.
#pragma once

#include "api/http.hpp"

namespace gantry::api {

using Effect = Result<Response> (*)(const Request&, Context&, Transaction&);

bool is_dry_run(const Request&);

// Whether an effect writes with a single verb of the transaction, as its last step.
enum class Verbs { any, one };

// Runs `effect` and commits. dry_run=true: everything but the commit. Idempotency-Key on a POST:
// the first answer is given again to the same request, byte for byte. An effect that lost a race
// for a version which the caller did not name (no If-Match) is run again on the newer state.
Result<Response> write(const Request&, Context&, Effect, Verbs = Verbs::any);

}  // namespace gantry::api
