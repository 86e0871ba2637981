// Opens the ledger of repositories on the store's own connections. Owned by daemon/; the store
// outlives it.
#pragma once

#include <memory>

#include "proto/git.hpp"

namespace gantry {

// REQUIRES: a store of open_store()
std::unique_ptr<GitLedger> open_git_ledger(Store&);

}  // namespace gantry
