// What people and forges ask of repositories: a port for the API. Requests are rows; the runner of
// the daemon that holds the lease carries them out. Any thread.
#pragma once

#include <string>

#include "proto/git.hpp"
#include "runtime/git/fetch.hpp"
#include "runtime/git/signature.hpp"

namespace gantry {

class GitDesk {
 public:
  virtual ~GitDesk() = default;

  virtual GitLedger& ledger() = 0;

  // Checks the signature, then reads what it says and keeps it. Errors of verify_hook() and
  // parse_hook(); Code::conflict "delivery_seen". A refused one leaves an event "hook.refused".
  virtual Result<> take_hook(const Repository&, const HookRequest&) = 0;

  // Asks the server now, for a few seconds at most; more than some at once: unavailable
  // "git_busy".
  virtual Result<GitHeads> heads(const Repository&) = 0;

  virtual std::string new_secret(Forge) = 0;

  virtual void nudge() = 0;  // there is something new to do
};

}  // namespace gantry
