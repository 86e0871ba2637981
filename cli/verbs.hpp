// Each file of verbs gives its rows of the command table.
#pragma once

#include <vector>

#include "cli/command.hpp"

namespace gantry::cli {

std::vector<Command> login_commands();
std::vector<Command> token_commands();
std::vector<Command> member_commands();
std::vector<Command> invite_commands();
std::vector<Command> audit_commands();
std::vector<Command> project_commands();
std::vector<Command> link_commands();
std::vector<Command> status_commands();
std::vector<Command> service_commands();
std::vector<Command> environment_commands();
std::vector<Command> environment_sync_commands();
std::vector<Command> add_commands();
std::vector<Command> import_commands();
std::vector<Command> up_commands();
std::vector<Command> build_commands();
std::vector<Command> deploy_commands();
std::vector<Command> repo_commands();
std::vector<Command> release_commands();
std::vector<Command> rollout_commands();
std::vector<Command> deployment_commands();
std::vector<Command> domain_commands();
std::vector<Command> traffic_commands();
std::vector<Command> tcp_proxy_commands();
std::vector<Command> volume_commands();
std::vector<Command> volume_file_commands();  // among those above
std::vector<Command> variables_commands();
std::vector<Command> scale_commands();
std::vector<Command> ps_commands();
std::vector<Command> metrics_commands();
std::vector<Command> logs_commands();
std::vector<Command> events_commands();
std::vector<Command> reach_commands();
std::vector<Command> connect_commands();
std::vector<Command> api_commands();
std::vector<Command> config_commands();
std::vector<Command> document_commands();
std::vector<Command> staged_commands();
std::vector<Command> completion_commands();
std::vector<Command> backup_commands();
std::vector<Command> backup_schedule_commands();
std::vector<Command> job_commands();
std::vector<Command> admin_commands();
std::vector<Command> later_commands();

}  // namespace gantry::cli
