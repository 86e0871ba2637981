// Brings an archive to the server: only what it has not got yet, and on from there when a
// connection breaks.
#pragma once

#include "cli/pack.hpp"
#include "cli/progress.hpp"
#include "cli/session.hpp"

namespace gantry::cli {

enum class Uploaded { now, before };  // before: the server had all of it, nothing was sent

// Throws Failure: the server refuses it, or too many attempts in a row brought nothing.
Uploaded upload(Session&, const Place&, const Archive&, Progress&);

}  // namespace gantry::cli
