#include "daemon/git.hpp"

#include "daemon/log.hpp"
#include "store/open_git.hpp"

namespace gantry {

DaemonGit make_git(const Config& config, Store& store, Sources& sources) {
  DaemonGit made;
  made.ledger = open_git_ledger(store);
  made.remote = make_git_remote({.directory = config.data_dir + "/git",
                                 .allow_files = config.git.allow_files,
                                 .deadline_seconds = config.git.deadline_seconds,
                                 .bytes = static_cast<std::uint64_t>(config.git.repository_bytes)},
                                sources);
  made.forge = make_forge_api();
  GitRunnerOptions options;
  options.work.base_domain = config.base_domain;
  options.work.edge_port = config.edge.listen.port;
  options.work.checks_wait = Seconds(config.git.checks_seconds);
  options.work.log = [](const std::string& text) { log::info(text); };
  options.concurrency = config.git.concurrency;
  options.pause = Seconds(config.git.pause_seconds);
  made.runner = std::make_unique<GitRunner>(
      GitPorts{store, *made.ledger, *made.remote, *made.forge, system_clock()}, std::move(options));
  return made;
}

std::function<Result<std::optional<std::string>>(const InstanceId&)> preview_base_of(Store& store) {
  return [ledger = std::shared_ptr<GitLedger>(open_git_ledger(store))](const InstanceId& id) {
    return ledger->preview_base(id);
  };
}

}  // namespace gantry
