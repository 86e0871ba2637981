// The repositories of a daemon, put together from their parts.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/config.hpp"
#include "runtime/git/runner.hpp"

namespace gantry {

// The runner uses those above it and goes first.
struct DaemonGit {
  std::unique_ptr<GitLedger> ledger;
  std::unique_ptr<GitRemote> remote;
  std::unique_ptr<ForgeApi> forge;
  std::unique_ptr<GitRunner> runner;
};

// Not started yet; `store` and `sources` outlive it. REQUIRES: a store of open_store().
DaemonGit make_git(const Config&, Store& store, Sources& sources);

// SourceBuilderOptions::preview_base; `store` outlives it. REQUIRES: as above
std::function<Result<std::optional<std::string>>(const InstanceId&)> preview_base_of(Store& store);

}  // namespace gantry
