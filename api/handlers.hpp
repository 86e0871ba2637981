// Every handler, by noun. Reads take the context; writes also take the transaction that frames them
// (api/write.hpp). routes.cpp binds them to their paths.
#pragma once

#include "api/http.hpp"

namespace gantry::api {

using Answer = Result<Response>;

// projects.cpp
Answer list_projects(const Request&, Context&);
Answer get_project(const Request&, Context&);
Answer create_project(const Request&, Context&, Transaction&);
Answer rename_project(const Request&, Context&, Transaction&);
Answer delete_project(const Request&, Context&, Transaction&);

// environments.cpp
Answer list_environments(const Request&, Context&);
Answer get_environment(const Request&, Context&);
Answer create_environment(const Request&, Context&, Transaction&);
Answer change_environment(const Request&, Context&, Transaction&);
Answer delete_environment(const Request&, Context&, Transaction&);
Answer restore_environment(const Request&, Context&, Transaction&);

// services.cpp
Answer list_services(const Request&, Context&);
Answer get_service(const Request&, Context&);
Answer create_service(const Request&, Context&, Transaction&);
Answer rename_service(const Request&, Context&, Transaction&);
Answer delete_service(const Request&, Context&, Transaction&);

// instances.cpp
Answer list_instances(const Request&, Context&);
Answer get_instance(const Request&, Context&);
Answer create_instance(const Request&, Context&, Transaction&);
Answer change_instance(const Request&, Context&, Transaction&);
Answer delete_instance(const Request&, Context&, Transaction&);
Answer scale(const Request&, Context&, Transaction&);
Answer restart(const Request&, Context&, Transaction&);

// variables.cpp: of an instance, and shared ones of an environment
Answer list_variables(const Request&, Context&);
Answer get_variable(const Request&, Context&);
Answer put_variable(const Request&, Context&, Transaction&);
Answer delete_variable(const Request&, Context&, Transaction&);
Answer patch_variables(const Request&, Context&, Transaction&);
Answer list_shared_variables(const Request&, Context&);
Answer get_shared_variable(const Request&, Context&);
Answer put_shared_variable(const Request&, Context&, Transaction&);
Answer delete_shared_variable(const Request&, Context&, Transaction&);
Answer patch_shared_variables(const Request&, Context&, Transaction&);

// deployments.cpp
Answer list_deployments(const Request&, Context&);
Answer get_deployment(const Request&, Context&);
Answer deploy(const Request&, Context&, Transaction&);
Answer get_deployment_config(const Request&, Context&);
Answer redeploy(const Request&, Context&, Transaction&);
Answer remove_deployment(const Request&, Context&, Transaction&);
Answer remove_newest(const Request&, Context&, Transaction&);

// approvals.cpp
Answer approve(const Request&, Context&, Transaction&);
Answer reject(const Request&, Context&, Transaction&);

// rollouts.cpp
Answer promote(const Request&, Context&, Transaction&);
Answer pause(const Request&, Context&, Transaction&);
Answer resume(const Request&, Context&, Transaction&);
Answer abort_rollout(const Request&, Context&, Transaction&);
Answer rollback(const Request&, Context&, Transaction&);
Answer rollback_newest(const Request&, Context&, Transaction&);

// domains.cpp
Answer list_domains(const Request&, Context&);
Answer add_domain(const Request&, Context&, Transaction&);
Answer remove_domain(const Request&, Context&, Transaction&);
Answer move_domain(const Request&, Context&, Transaction&);
Answer get_traffic(const Request&, Context&);
Answer put_traffic(const Request&, Context&, Transaction&);
Answer delete_traffic(const Request&, Context&, Transaction&);
Answer get_tcp_proxy(const Request&, Context&);
Answer put_tcp_proxy(const Request&, Context&, Transaction&);
Answer delete_tcp_proxy(const Request&, Context&, Transaction&);

// volumes.cpp
Answer list_volumes(const Request&, Context&);
Answer get_volume(const Request&, Context&);
Answer create_volume(const Request&, Context&, Transaction&);
Answer change_volume(const Request&, Context&, Transaction&);
Answer delete_volume(const Request&, Context&, Transaction&);
Answer attach_volume(const Request&, Context&, Transaction&);
Answer detach_volume(const Request&, Context&, Transaction&);
Answer restore_volume(const Request&, Context&, Transaction&);
Answer list_all_volumes(const Request&, Context&);
Answer restore_volume_to(const Request&, Context&, Transaction&);

// volume_files.cpp
Answer list_volume_files(const Request&, Context&);
Answer get_volume_file(const Request&, Context&);
Result<std::unique_ptr<Intake>> put_volume_file(const Request&, Context&);
Answer delete_volume_file(const Request&, Context&, Transaction&);

// tokens.cpp
Answer get_current_token(const Request&, Context&);
Answer list_tokens(const Request&, Context&);
Answer get_token(const Request&, Context&);
Answer create_token(const Request&, Context&, Transaction&);
Answer revoke_token(const Request&, Context&, Transaction&);

// people.cpp, invitations.cpp, audit.cpp
Answer list_users(const Request&, Context&);
Answer get_user(const Request&, Context&);
Answer create_user(const Request&, Context&, Transaction&);
Answer remove_user(const Request&, Context&, Transaction&);
Answer list_members(const Request&, Context&);
Answer add_member(const Request&, Context&, Transaction&);
Answer leave_project(const Request&, Context&, Transaction&);
Answer change_member(const Request&, Context&, Transaction&);
Answer remove_member(const Request&, Context&, Transaction&);
Answer list_invitations(const Request&, Context&);
Answer create_invitation(const Request&, Context&, Transaction&);
Answer revoke_invitation(const Request&, Context&, Transaction&);
Answer accept_invitation(const Request&, Context&, Transaction&);
Answer read_audit(const Request&, Context&);
Answer read_project_audit(const Request&, Context&);

// sessions.cpp
Answer open_exec(const Request&, Context&, Transaction&);
Answer open_tunnel(const Request&, Context&, Transaction&);
// templates.cpp, imports.cpp
Answer list_templates(const Request&, Context&);
Answer get_template(const Request&, Context&);
Answer create_from_template(const Request&, Context&, Transaction&);
Answer import_services(const Request&, Context&, Transaction&);

// repositories.cpp, pulls.cpp
Answer list_repositories(const Request&, Context&);
Answer get_repository(const Request&, Context&);
Answer change_repository(const Request&, Context&, Transaction&);
Answer delete_repository(const Request&, Context&, Transaction&);
Answer get_connection(const Request&, Context&);
Answer put_connection(const Request&, Context&, Transaction&);
Answer delete_connection(const Request&, Context&, Transaction&);
Answer deploy_connection(const Request&, Context&, Transaction&);
Result<std::unique_ptr<Intake>> post_hook(const Request&, Context&);
Answer list_pulls(const Request&, Context&);
Answer allow_pull(const Request&, Context&, Transaction&);

// sources.cpp
Answer get_source(const Request&, Context&);
Result<std::unique_ptr<Intake>> put_source(const Request&, Context&);

// backups.cpp, backup_schedules.cpp, backup_restores.cpp, backup_destinations.cpp
Answer list_backups(const Request&, Context&);
Answer list_all_backups(const Request&, Context&);
Answer get_backup(const Request&, Context&);
Answer create_backup(const Request&, Context&, Transaction&);
Answer delete_backup(const Request&, Context&, Transaction&);
Answer lock_backup(const Request&, Context&, Transaction&);
Answer unlock_backup(const Request&, Context&, Transaction&);
Answer verify_backup(const Request&, Context&, Transaction&);
Answer get_backup_content(const Request&, Context&);
Result<std::unique_ptr<Intake>> put_backup_content(const Request&, Context&);
Answer get_backup_schedules(const Request&, Context&);
Answer put_backup_profile(const Request&, Context&, Transaction&);
Answer put_backup_schedule(const Request&, Context&, Transaction&);
Answer delete_backup_schedule(const Request&, Context&, Transaction&);
Answer restore_backup(const Request&, Context&, Transaction&);
Answer create_restore(const Request&, Context&, Transaction&);
Answer list_restores(const Request&, Context&);
Answer get_restore(const Request&, Context&);
Answer list_backup_destinations(const Request&, Context&);
Answer create_backup_destination(const Request&, Context&, Transaction&);
Answer prefer_backup_destination(const Request&, Context&, Transaction&);
Answer delete_backup_destination(const Request&, Context&, Transaction&);

// documents.cpp
Answer get_document(const Request&, Context&);
Answer plan_environment(const Request&, Context&, Transaction&);
Answer apply_document(const Request&, Context&, Transaction&);
Answer compare_environments(const Request&, Context&, Transaction&);
Answer sync_environment(const Request&, Context&, Transaction&);

// runs.cpp, run_logs.cpp, schedules.cpp
Answer list_runs(const Request&, Context&);
Answer get_run(const Request&, Context&);
Answer create_run(const Request&, Context&, Transaction&);
Answer cancel_run(const Request&, Context&, Transaction&);
Answer read_run_logs(const Request&, Context&);
Answer list_schedules(const Request&, Context&);

// staging.cpp
Answer list_staged(const Request&, Context&, Transaction&);
Answer apply_staged(const Request&, Context&, Transaction&);
Answer discard_staged(const Request&, Context&, Transaction&);

// replicas.cpp, logs.cpp, build_logs.cpp, events.cpp
Answer list_replicas(const Request&, Context&);
Answer read_logs(const Request&, Context&);
Answer read_build_logs(const Request&, Context&);
Answer read_events(const Request&, Context&);

// metrics.cpp
Answer get_instance_metrics(const Request&, Context&);
Answer list_metrics(const Request&, Context&);

// system.cpp
Answer livez(const Request&, Context&);
Answer readyz(const Request&, Context&);
Answer metrics(const Request&, Context&);
Answer openapi(const Request&, Context&);
Answer config_schema(const Request&, Context&);

}  // namespace gantry::api
