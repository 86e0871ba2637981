// The table of every path and the matcher that reads it.
#include <algorithm>
#include <array>

#include "api/handlers.hpp"
#include "api/http.hpp"
#include "api/percent.hpp"
#include "api/problem.hpp"
#include "api/query.hpp"
#include "api/staging.hpp"
#include "api/write.hpp"

namespace gantry::api {
namespace {

template <Answer (*f)(const Request&, Context&)>
Response reads(const Request& request, Context& context) {
  Answer answer = f(request, context);
  return answer ? std::move(*answer) : problem(answer.error(), request);
}

template <Effect effect, Verbs verbs = Verbs::any>
Response changes(const Request& request, Context& context) {
  Answer answer = write(request, context, effect, verbs);
  return answer ? std::move(*answer) : problem(answer.error(), request);
}

// The effect, or, with stage=true, what keeps it for later.
template <Effect effect, Effect staged, Verbs verbs = Verbs::any>
Response stages(const Request& request, Context& context) {
  const auto wanted = query_flag(request, "stage");
  if (!wanted) return problem(wanted.error(), request);
  return *wanted ? changes<staged>(request, context) : changes<effect, verbs>(request, context);
}

#define PROJECT "/v1/projects/{project}"
#define ENVIRONMENT PROJECT "/environments/{environment}"
#define INSTANCE ENVIRONMENT "/services/{service}"
#define REPOSITORY PROJECT "/repositories/{repository}"
#define VOLUME ENVIRONMENT "/volumes/{volume}"

constexpr bool hot = true;
constexpr bool cold = false;
constexpr std::string_view paged = "limit cursor";
constexpr std::string_view spanned = "since until step";
constexpr std::string_view audited = "since until format limit cursor";

constexpr Endpoint kEndpoints[] = {
    {Method::get, "/livez", Permission::open, reads<livez>, hot},
    {Method::get, "/readyz", Permission::open, reads<readyz>},
    {Method::get, "/v1/openapi.yaml", Permission::open, reads<openapi>, hot},
    {Method::get, "/v1/config.schema.json", Permission::open, reads<config_schema>, hot},
    {Method::get, "/metrics", Permission::operate, reads<metrics>},
    {Method::get, "/v1/events", Permission::view, reads<read_events>, cold,
     "project service deployment since limit follow"},
    {Method::get, "/v1/token", Permission::view, reads<get_current_token>, hot},
    {Method::get, "/v1/tokens", Permission::self, reads<list_tokens>, cold, paged},
    {Method::post, "/v1/tokens", Permission::self, changes<create_token>},
    {Method::get, "/v1/tokens/{token}", Permission::self, reads<get_token>, hot},
    {Method::del, "/v1/tokens/{token}", Permission::self, changes<revoke_token>},
    {Method::get, "/v1/projects", Permission::view, reads<list_projects>, cold, paged},
    {Method::post, "/v1/projects", Permission::self, changes<create_project>},
    {Method::get, PROJECT, Permission::view, reads<get_project>, hot},
    {Method::patch, PROJECT, Permission::own, changes<rename_project>},
    {Method::del, PROJECT, Permission::own, changes<delete_project>},
    {Method::get, "/v1/users", Permission::operate, reads<list_users>, cold, paged},
    {Method::post, "/v1/users", Permission::operate, changes<create_user>},
    {Method::get, "/v1/users/{user}", Permission::operate, reads<get_user>},
    {Method::del, "/v1/users/{user}", Permission::operate, changes<remove_user>},
    {Method::post, "/v1/invitations/accept", Permission::open, changes<accept_invitation>},
    {Method::get, "/v1/audit", Permission::operate, reads<read_audit>, cold, audited},
    {Method::get, PROJECT "/audit", Permission::own, reads<read_project_audit>, cold, audited},
    {Method::get, PROJECT "/members", Permission::view, reads<list_members>, cold, paged},
    {Method::post, PROJECT "/members", Permission::share, changes<add_member>},
    {Method::patch, PROJECT "/members/{user}", Permission::share, changes<change_member>},
    {Method::del, PROJECT "/members/{user}", Permission::share, changes<remove_member>, cold,
     "environment"},
    {Method::post, PROJECT "/leave", Permission::self, changes<leave_project>},
    {Method::get, PROJECT "/invitations", Permission::share, reads<list_invitations>, cold, paged},
    {Method::post, PROJECT "/invitations", Permission::share, changes<create_invitation>},
    {Method::del, PROJECT "/invitations/{invitation}", Permission::share,
     changes<revoke_invitation>},
    {Method::get, PROJECT "/environments", Permission::view, reads<list_environments>, cold,
     "deleted limit cursor"},
    {Method::post, PROJECT "/environments", Permission::manage, changes<create_environment>},
    {Method::get, ENVIRONMENT, Permission::view, reads<get_environment>, hot},
    {Method::patch, ENVIRONMENT, Permission::manage, changes<change_environment>},
    {Method::del, ENVIRONMENT, Permission::own, changes<delete_environment>, cold, "now"},
    {Method::post, ENVIRONMENT "/restore", Permission::manage, changes<restore_environment>},
    {Method::get, PROJECT "/sources/{digest}", Permission::view, reads<get_source>},
    {.method = Method::put,
     .pattern = PROJECT "/sources/{digest}",
     .permission = Permission::edit,
     .handler = nullptr,
     .receiver = put_source},
    {.method = Method::post,
     .pattern = "/v1/hooks/{hook}",
     .permission = Permission::open,
     .handler = nullptr,
     .receiver = post_hook},
    {Method::get, PROJECT "/repositories", Permission::view, reads<list_repositories>},
    {Method::get, REPOSITORY, Permission::view, reads<get_repository>},
    {Method::patch, REPOSITORY, Permission::manage, changes<change_repository>},
    {Method::del, REPOSITORY, Permission::manage, changes<delete_repository>},
    {Method::get, REPOSITORY "/pulls", Permission::view, reads<list_pulls>},
    {Method::post, REPOSITORY "/pulls/{pull}/allow", Permission::manage, changes<allow_pull>},
    {Method::get, INSTANCE "/repository", Permission::view, reads<get_connection>},
    {Method::put, INSTANCE "/repository", Permission::edit, changes<put_connection>},
    {Method::del, INSTANCE "/repository", Permission::edit, changes<delete_connection>},
    {Method::post, INSTANCE "/repository/deploy", Permission::edit, changes<deploy_connection>},
    {Method::get, PROJECT "/services", Permission::view, reads<list_services>, cold, paged},
    {Method::post, PROJECT "/services", Permission::edit, stages<create_service, stage_service>,
     cold, "stage"},
    {Method::get, PROJECT "/services/{service}", Permission::view, reads<get_service>, hot},
    {Method::patch, PROJECT "/services/{service}", Permission::manage, changes<rename_service>},
    {Method::del, PROJECT "/services/{service}", Permission::manage, changes<delete_service>},
    {Method::get, ENVIRONMENT "/services", Permission::view, reads<list_instances>, cold, paged},
    {Method::post, ENVIRONMENT "/services", Permission::edit,
     stages<create_instance, stage_instance>, cold, "stage"},
    {Method::get, INSTANCE, Permission::view, reads<get_instance>, hot},
    {Method::patch, INSTANCE, Permission::edit, stages<change_instance, stage_settings>, cold,
     "stage"},
    {Method::del, INSTANCE, Permission::manage, stages<delete_instance, stage_service_removal>,
     cold, "stage"},
    {Method::get, "/v1/templates", Permission::view, reads<list_templates>, hot},
    {Method::get, "/v1/templates/{template}", Permission::view, reads<get_template>, hot},
    {Method::post, ENVIRONMENT "/templates", Permission::edit, changes<create_from_template>},
    {Method::post, ENVIRONMENT "/imports", Permission::edit, changes<import_services>},
    {Method::get, ENVIRONMENT "/document", Permission::edit, reads<get_document>, cold, "values"},
    {Method::post, ENVIRONMENT "/plan", Permission::edit, changes<plan_environment, Verbs::tried>},
    {Method::post, ENVIRONMENT "/apply", Permission::edit, changes<apply_document, Verbs::told>},
    {Method::post, ENVIRONMENT "/diff", Permission::edit,
     changes<compare_environments, Verbs::tried>},
    {Method::post, ENVIRONMENT "/sync", Permission::edit, changes<sync_environment, Verbs::told>},
    {Method::get, ENVIRONMENT "/staged", Permission::edit, changes<list_staged, Verbs::tried>},
    {Method::post, ENVIRONMENT "/staged/apply", Permission::edit,
     changes<apply_staged, Verbs::told>},
    {Method::del, ENVIRONMENT "/staged", Permission::edit, changes<discard_staged>},
    {Method::del, ENVIRONMENT "/staged/{change}", Permission::edit, changes<discard_staged>},
    {Method::post, INSTANCE "/scale", Permission::edit, stages<scale, stage_scale>, cold, "stage"},
    {Method::post, INSTANCE "/restart", Permission::edit, changes<restart>},
    {Method::post, INSTANCE "/exec", Permission::edit, changes<open_exec>},
    {Method::post, INSTANCE "/tunnel", Permission::edit, changes<open_tunnel>},
    {Method::get, ENVIRONMENT "/variables", Permission::edit, reads<list_shared_variables>, hot},
    {Method::patch, ENVIRONMENT "/variables", Permission::edit,
     stages<patch_shared_variables, stage_shared_variables>, cold, "allow_unresolved stage"},
    {Method::get, ENVIRONMENT "/variables/{name}", Permission::edit, reads<get_shared_variable>,
     hot},
    {Method::put, ENVIRONMENT "/variables/{name}", Permission::edit,
     stages<put_shared_variable, stage_shared_variable, Verbs::one>, cold,
     "allow_unresolved stage"},
    {Method::del, ENVIRONMENT "/variables/{name}", Permission::edit,
     stages<delete_shared_variable, stage_shared_variable_removal>, cold, "stage"},
    {Method::get, INSTANCE "/variables", Permission::edit, reads<list_variables>, hot, "rendered"},
    {Method::patch, INSTANCE "/variables", Permission::edit,
     stages<patch_variables, stage_variables>, cold, "allow_unresolved stage"},
    {Method::get, INSTANCE "/variables/{name}", Permission::edit, reads<get_variable>, hot},
    {Method::put, INSTANCE "/variables/{name}", Permission::edit,
     stages<put_variable, stage_variable, Verbs::one>, cold, "allow_unresolved stage"},
    {Method::del, INSTANCE "/variables/{name}", Permission::edit,
     stages<delete_variable, stage_variable_removal>, cold, "stage"},
    {Method::get, INSTANCE "/deployments", Permission::view, reads<list_deployments>, cold, paged},
    {Method::post, INSTANCE "/deployments", Permission::edit, changes<deploy>},
    {Method::post, INSTANCE "/redeploy", Permission::edit, changes<redeploy>},
    {Method::post, INSTANCE "/rollback", Permission::edit, changes<rollback_newest>},
    {Method::post, INSTANCE "/remove", Permission::edit, changes<remove_newest>},
    {Method::get, INSTANCE "/domains", Permission::view, reads<list_domains>, hot},
    {Method::post, INSTANCE "/domains", Permission::edit, stages<add_domain, stage_domain>, cold,
     "stage"},
    {Method::del, INSTANCE "/domains/{host}", Permission::edit,
     stages<remove_domain, stage_domain_removal>, cold, "stage"},
    {Method::post, INSTANCE "/domains/{host}/move", Permission::edit,
     stages<move_domain, stage_domain_move>, cold, "stage"},
    {Method::get, INSTANCE "/traffic", Permission::view, reads<get_traffic>, hot},
    {Method::put, INSTANCE "/traffic", Permission::edit, stages<put_traffic, stage_traffic>, cold,
     "stage"},
    {Method::del, INSTANCE "/traffic", Permission::edit,
     stages<delete_traffic, stage_traffic_removal>, cold, "stage"},
    {Method::get, INSTANCE "/tcp-proxy", Permission::view, reads<get_tcp_proxy>},
    {Method::put, INSTANCE "/tcp-proxy", Permission::manage, stages<put_tcp_proxy, stage_tcp_proxy>,
     cold, "stage"},
    {Method::del, INSTANCE "/tcp-proxy", Permission::manage,
     stages<delete_tcp_proxy, stage_tcp_proxy_removal>, cold, "stage"},
    {Method::get, "/v1/volumes", Permission::operate, reads<list_all_volumes>, cold, paged},
    {Method::post, "/v1/volumes/{volume}/restore", Permission::operate, changes<restore_volume_to>},
    {Method::get, ENVIRONMENT "/volumes", Permission::view, reads<list_volumes>, cold,
     "deleted limit cursor"},
    {Method::post, ENVIRONMENT "/volumes", Permission::edit, stages<create_volume, stage_volume>,
     cold, "stage"},
    {Method::get, VOLUME, Permission::view, reads<get_volume>, hot},
    {Method::patch, VOLUME, Permission::edit, stages<change_volume, stage_volume_change>, cold,
     "stage"},
    {Method::del, VOLUME, Permission::own, stages<delete_volume, stage_volume_removal>, cold,
     "stage"},
    {Method::post, VOLUME "/attach", Permission::edit, stages<attach_volume, stage_attachment>,
     cold, "stage"},
    {Method::post, VOLUME "/detach", Permission::edit, stages<detach_volume, stage_detachment>,
     cold, "stage"},
    {Method::post, VOLUME "/restore", Permission::edit, changes<restore_volume>},
    {Method::get, VOLUME "/files", Permission::edit, reads<list_volume_files>, cold, "path"},
    {Method::get, VOLUME "/content", Permission::edit, reads<get_volume_file>, cold, "path"},
    {.method = Method::put,
     .pattern = VOLUME "/content",
     .permission = Permission::edit,
     .handler = nullptr,
     .query = "path",
     .receiver = put_volume_file},
    {Method::del, VOLUME "/content", Permission::edit, changes<delete_volume_file>, cold, "path"},
    {Method::get, "/v1/deployments/{deployment}", Permission::view, reads<get_deployment>},
    {Method::del, "/v1/deployments/{deployment}", Permission::edit, changes<remove_deployment>},
    {Method::get, "/v1/deployments/{deployment}/config", Permission::edit,
     reads<get_deployment_config>},
    {Method::get, "/v1/deployments/{deployment}/build-logs", Permission::view,
     reads<read_build_logs>, cold, "follow since limit"},
    {Method::post, "/v1/deployments/{deployment}/approve", Permission::own, changes<approve>},
    {Method::post, "/v1/deployments/{deployment}/reject", Permission::own, changes<reject>},
    {Method::post, "/v1/deployments/{deployment}/rollback", Permission::edit, changes<rollback>},
    {Method::post, "/v1/deployments/{deployment}/promote", Permission::edit, changes<promote>},
    {Method::post, "/v1/deployments/{deployment}/pause", Permission::edit, changes<pause>},
    {Method::post, "/v1/deployments/{deployment}/resume", Permission::edit, changes<resume>},
    {Method::post, "/v1/deployments/{deployment}/abort", Permission::edit, changes<abort_rollout>},
    {Method::get, "/v1/backups", Permission::operate, reads<list_all_backups>, cold, paged},
    {Method::get, "/v1/backup-destinations", Permission::operate, reads<list_backup_destinations>},
    {Method::post, "/v1/backup-destinations", Permission::operate,
     changes<create_backup_destination>},
    {Method::del, "/v1/backup-destinations/{destination}", Permission::operate,
     changes<delete_backup_destination>},
    {Method::post, "/v1/backup-destinations/{destination}/prefer", Permission::operate,
     changes<prefer_backup_destination>},
    {Method::get, INSTANCE "/backups", Permission::view, reads<list_backups>, cold, paged},
    {Method::post, INSTANCE "/backups", Permission::edit, changes<create_backup>},
    {Method::get, INSTANCE "/backups/{backup}", Permission::view, reads<get_backup>},
    {Method::del, INSTANCE "/backups/{backup}", Permission::edit, changes<delete_backup>, cold,
     "force"},
    {Method::post, INSTANCE "/backups/{backup}/lock", Permission::edit, changes<lock_backup>},
    {Method::post, INSTANCE "/backups/{backup}/unlock", Permission::edit, changes<unlock_backup>},
    {Method::post, INSTANCE "/backups/{backup}/verify", Permission::edit, changes<verify_backup>},
    {Method::post, INSTANCE "/backups/{backup}/restore", Permission::edit, changes<restore_backup>},
    {Method::get, INSTANCE "/backups/{backup}/content", Permission::edit,
     reads<get_backup_content>},
    {.method = Method::put,
     .pattern = INSTANCE "/backup-upload",
     .permission = Permission::edit,
     .handler = nullptr,
     .receiver = put_backup_content},
    {Method::get, INSTANCE "/backup-schedules", Permission::view, reads<get_backup_schedules>},
    {Method::put, INSTANCE "/backup-schedules", Permission::edit, changes<put_backup_profile>},
    {Method::put, INSTANCE "/backup-schedules/{schedule}", Permission::edit,
     changes<put_backup_schedule>},
    {Method::del, INSTANCE "/backup-schedules/{schedule}", Permission::edit,
     changes<delete_backup_schedule>},
    {Method::get, INSTANCE "/restores", Permission::view, reads<list_restores>},
    {Method::post, INSTANCE "/restores", Permission::edit, changes<create_restore>},
    {Method::get, INSTANCE "/restores/{restore}", Permission::view, reads<get_restore>},
    {Method::get, ENVIRONMENT "/schedules", Permission::view, reads<list_schedules>},
    {Method::get, INSTANCE "/runs", Permission::view, reads<list_runs>, cold, paged},
    {Method::post, INSTANCE "/runs", Permission::edit, changes<create_run>},
    {Method::get, INSTANCE "/runs/{run}", Permission::view, reads<get_run>},
    {Method::post, INSTANCE "/runs/{run}/cancel", Permission::edit, changes<cancel_run>},
    {Method::get, INSTANCE "/runs/{run}/logs", Permission::view, reads<read_run_logs>, cold,
     "follow since limit"},
    {Method::get, INSTANCE "/replicas", Permission::view, reads<list_replicas>},
    {Method::get, INSTANCE "/metrics", Permission::view, reads<get_instance_metrics>, cold,
     spanned},
    {Method::get, ENVIRONMENT "/metrics", Permission::view, reads<list_metrics>, cold,
     "since until limit cursor"},
    {Method::get, INSTANCE "/logs", Permission::view, reads<read_logs>, cold,
     "follow since limit deployment replica"},
};

// The parameters that find_named() knows, and those that are looked up in what it found.
constexpr std::string_view kParameters[] = {
    "project", "environment", "service", "deployment", "token",       "name",       "digest",
    "host",    "backup",      "restore", "schedule",   "destination", "template",   "volume",
    "hook",    "repository",  "pull",    "run",        "user",        "invitation", "change"};

constexpr bool knows_parameters(std::string_view pattern) {
  while (pattern.find('{') != std::string_view::npos) {
    pattern.remove_prefix(pattern.find('{') + 1);
    const auto name = pattern.substr(0, pattern.find('}'));
    if (std::find(std::begin(kParameters), std::end(kParameters), name) == std::end(kParameters))
      return false;
  }
  return true;
}

static_assert(std::none_of(std::begin(kEndpoints), std::end(kEndpoints),
                           [](const Endpoint& each) {
                             return each.permission == Permission::missing;
                           }),
              "an endpoint does not say which token it needs");
static_assert(std::all_of(std::begin(kEndpoints), std::end(kEndpoints),
                          [](const Endpoint& each) { return knows_parameters(each.pattern); }),
              "an endpoint's path names what find_named() cannot look up");

#undef PROJECT
#undef ENVIRONMENT
#undef INSTANCE
#undef REPOSITORY
#undef VOLUME

constexpr std::size_t kSegmentsMax = 12;

struct Segments {
  std::array<std::string_view, kSegmentsMax> text;
  std::size_t count = 0;  // kSegmentsMax + 1: too many
};

Segments split(std::string_view path) {
  Segments segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto end = std::min(path.find('/'), path.size());
    if (segments.count == kSegmentsMax) return {.text = {}, .count = kSegmentsMax + 1};
    segments.text[segments.count++] = path.substr(0, end);
    path.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(std::string_view segment) { return segment.front() == '{'; }

struct Route {
  const Endpoint* endpoint;
  Segments segments;
};

// Routes by their number of segments.
using Index = std::array<std::vector<Route>, kSegmentsMax + 1>;

Index make_index() {
  Index index;
  for (const Endpoint& endpoint : endpoints()) {
    const Segments segments = split(endpoint.pattern);
    index[segments.count].push_back({&endpoint, segments});
  }
  return index;
}

bool fits(const Segments& pattern, const Segments& path) {
  for (std::size_t i = pattern.count; i-- > 0;) {  // from the end: there the paths differ
    if (is_parameter(pattern.text[i]) ? path.text[i].empty() : pattern.text[i] != path.text[i])
      return false;
  }
  return true;
}

// False when a parameter's escapes are malformed.
bool decode(const Segments& pattern, const Segments& path, std::vector<std::string>& parameters) {
  for (std::size_t i = 0; i < pattern.count; ++i) {
    if (!is_parameter(pattern.text[i])) continue;
    auto decoded = decode_segment(path.text[i]);
    if (!decoded) return false;
    parameters.push_back(std::move(*decoded));
  }
  return true;
}

}  // namespace

const std::vector<Endpoint>& endpoints() {
  static const std::vector<Endpoint> all(std::begin(kEndpoints), std::end(kEndpoints));
  return all;
}

Match match(Method method, std::string_view path) {
  static const Index index = make_index();
  Match found;
  if (path.empty() || path.front() != '/') return found;
  const Segments segments = split(path);
  if (segments.count > kSegmentsMax) return found;
  for (const Route& route : index[segments.count]) {
    if (!fits(route.segments, segments)) continue;
    if (route.endpoint->method != method) {
      if (!found.allow.empty()) found.allow += ", ";
      found.allow += name(route.endpoint->method);
      continue;
    }
    if (!decode(route.segments, segments, found.parameters)) return {};
    found.endpoint = route.endpoint;
    found.allow.clear();
    return found;
  }
  return found;
}

}  // namespace gantry::api
