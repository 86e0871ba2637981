#include <algorithm>
#include <iterator>

#include "cli/command.hpp"
#include "cli/verbs.hpp"

namespace gantry::cli {
namespace {

void append(std::vector<Command>& all, std::vector<Command> some) {
  for (Command& command : some) all.push_back(std::move(command));
}

// Verbs that change what an environment consists of: they send it by change() of staging.hpp.
constexpr const char* kStaging[] = {
    "variables",        "variables set",    "variables delete", "variables import", "scale",
    "service create",   "service set",      "service delete",   "deploy",           "domain",
    "domain add",       "domain remove",    "domain move",      "traffic split",    "traffic clear",
    "tcp-proxy create", "tcp-proxy delete", "volume add",       "volume attach",    "volume detach",
    "volume move",      "volume resize",    "volume delete"};

void add_staging(std::vector<Command>& all) {
  for (Command& command : all)
    if (std::find(std::begin(kStaging), std::end(kStaging), command.path) != std::end(kStaging))
      command.options.push_back(
          {"--stage", "", "keep it for `staged apply`, with what else is staged"});
}

std::vector<Command> make_commands() {
  std::vector<Command> all;
  append(all, login_commands());
  append(all, token_commands());
  append(all, member_commands());
  append(all, invite_commands());
  append(all, audit_commands());
  append(all, project_commands());
  append(all, link_commands());
  append(all, status_commands());
  append(all, service_commands());
  append(all, environment_commands());
  append(all, environment_sync_commands());
  append(all, add_commands());
  append(all, import_commands());
  append(all, up_commands());
  append(all, build_commands());
  append(all, deploy_commands());
  append(all, repo_commands());
  append(all, release_commands());
  append(all, rollout_commands());
  append(all, deployment_commands());
  append(all, domain_commands());
  append(all, traffic_commands());
  append(all, tcp_proxy_commands());
  append(all, volume_commands());
  append(all, variables_commands());
  append(all, scale_commands());
  append(all, ps_commands());
  append(all, metrics_commands());
  append(all, logs_commands());
  append(all, events_commands());
  append(all, reach_commands());
  append(all, connect_commands());
  append(all, api_commands());
  append(all, config_commands());
  append(all, document_commands());
  append(all, staged_commands());
  append(all, completion_commands());
  append(all, backup_commands());
  append(all, backup_schedule_commands());
  append(all, job_commands());
  append(all, admin_commands());
  append(all, later_commands());
  add_staging(all);
  return all;
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> all = make_commands();
  return all;
}

const Command* find_command(const std::string& path) {
  for (const Command& command : commands())
    if (command.path == path) return &command;
  return nullptr;
}

std::vector<std::string> command_groups() {
  std::vector<std::string> groups;
  for (const Command& command : commands()) {
    const auto blank = command.path.find(' ');
    if (blank == std::string::npos) continue;
    const std::string first = command.path.substr(0, blank);
    if (std::find(groups.begin(), groups.end(), first) == groups.end()) groups.push_back(first);
  }
  return groups;
}

std::vector<Option> Command::all_options() const {
  std::vector<Option> all = options;
  if (scope != Scope::none) all.push_back({"-p,--project", "NAME|ID", "the project"});
  if (scope == Scope::environment || scope == Scope::service)
    all.push_back({"-e,--environment", "NAME|ID", "the environment"});
  if (scope == Scope::service) all.push_back({"-s,--service", "NAME|ID", "the service"});
  all.push_back({"--json", "", "print JSON"});
  all.push_back({"--url", "URL", "where gantryd answers"});
  all.push_back({"-h,--help", "", "show this help"});
  return all;
}

std::optional<std::string> Call::value(const std::string& key) const {
  const auto found = options.find(key);
  if (found == options.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Call::values(const std::string& key) const {
  const auto found = options.find(key);
  return found == options.end() ? std::vector<std::string>() : found->second;
}

}  // namespace gantry::cli
