// Repositories of a project, and which of its services follow them.
#include <algorithm>
#include <tuple>

#include "api/authority.hpp"
#include "api/body.hpp"
#include "api/nearest.hpp"
#include "api/reply.hpp"
#include "api/repository_access.hpp"
#include "api/repository_parts.hpp"
#include "api/write.hpp"
#include "proto/git_url.hpp"

namespace gantry::api {
namespace {

constexpr int kExpiryMost = 365;
constexpr int kPreviewsMost = 200;

// Previews copy the variables of their base: whoever switches them on may read those.
Result<> read_previews(Fields& body, const Context& context, const ProjectSnapshot& project,
                       Repository& one) {
  if (!body.has("previews")) return done();
  auto inner =
      body.object("previews", {"enabled", "base", "focused", "expiry_days", "bots", "most"});
  PreviewSettings& previews = one.previews;
  if (inner.has_value("enabled")) previews.enabled = inner.flag("enabled", false);
  if (inner.has_value("focused")) previews.focused = inner.flag("focused", true);
  if (inner.has_value("bots")) previews.bots = inner.flag("bots", false);
  if (inner.has_value("expiry_days"))
    previews.expiry_days = inner.integer("expiry_days", 0, kExpiryMost);
  if (inner.has_value("most")) previews.most = inner.integer("most", 1, kPreviewsMost);
  if (const auto base = inner.optional_text("base")) previews.base = *base;
  body.take_errors(inner);
  GANTRY_TRY(body.check());
  if (!previews.enabled) return done();
  if (const EnvironmentView* base = project.environment(previews.base))
    return may(context, Permission::edit, project, *base);
  return invalid("/previews/base", "unknown_environment",
                 "there is no environment " + clipped(previews.base) + " in this project");
}

Result<Repository> known_or_new(GitDesk& desk, const Place& place, const RepositoryUrl& url,
                                const Context& context) {
  const auto all = desk.ledger().repositories(place.project->project.id);
  if (!all) return all.error();
  for (const Repository& one : *all)
    if (one.url == url.url) return one;
  Repository fresh;
  fresh.project_id = place.project->project.id;
  fresh.url = url.url;
  fresh.forge = forge_of_host(url.host);
  fresh.created_at = context.clock.now();
  return fresh;
}

Error at_field(const Error& error, const Repository& repository) {
  if (error.code != Code::invalid || !error.fields.empty()) return error;
  const auto url = parse_repository_url(repository.url);
  const char* credential = url && url->scheme == "ssh" ? "/ssh_key" : "/token";
  return invalid(error.reason == "auth_refused" ? credential : "/repository", error.reason,
                 error.detail);
}

// The branch that is followed, found on the server.
Result<std::string> find_branch(GitDesk& desk, const Repository& repository,
                                const std::optional<std::string>& wanted) {
  const auto heads = desk.heads(repository);
  if (!heads) return at_field(heads.error(), repository);
  if (heads->branches.empty())
    return invalid("/repository", "empty_repository",
                   "the repository is empty: push a branch, then connect it");
  const std::string branch =
      wanted.value_or(heads->standard.empty() ? heads->branches.begin()->first : heads->standard);
  if (heads->branches.contains(branch)) return branch;
  std::vector<std::string> names;
  for (const auto& [name, commit] : heads->branches) names.push_back(name);
  std::string some;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 5); ++i)
    some += (i == 0 ? "" : ", ") + clipped(names[i]);
  return invalid("/branch", "unknown_branch",
                 "the repository has no branch " + clipped(branch) + "; it has " + some);
}

Result<Connection> connection_of(const Context& context, const Place& place) {
  const auto desk = git_of(context);
  if (!desk) return desk.error();
  const auto found = (*desk)->ledger().connection(place.instance->instance.id);
  if (!found) return found.error();
  if (!*found)
    return Error{Code::not_found, "not_connected",
                 "this service is not connected to a repository here: `gantry repo connect URL`"};
  return **found;
}

Push push_of(const Connection& one, TimePoint now) {
  return {.repository_id = one.repository_id,
          .branch = one.branch,
          .instance_id = one.instance_id,
          .not_before = now};
}

template <class... Parts>
std::string text_of(const Parts&... parts) {
  std::string out;
  append_json(out, parts...);
  return out;
}

}  // namespace

Answer list_repositories(const Request& request, Context& context) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto desk = git_of(context);
  if (!desk) return desk.error();
  const auto all = (*desk)->ledger().repositories(place->project->project.id);
  if (!all) return all.error();
  std::string items;
  for (const Repository& one : *all) {
    if (!items.empty()) items += ',';
    append_json(items, one, Secret::hidden);
  }
  return unversioned(request, "{\"data\":[" + items + "]}");
}

Answer get_repository(const Request& request, Context& context) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto one = find_repository(request, context, *place);
  if (!one) return one.error();
  return unversioned(request, text_of(*one, Secret::hidden));
}

Answer change_repository(const Request& request, Context& context, Transaction&) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  auto one = find_repository(request, context, *place);
  if (!one) return one.error();
  auto body = Fields::read(request, {"forge", "api_url", "username", "token", "ssh_key",
                                     "submodules", "poll_seconds", "previews", "rotate_secret"});
  if (!body) return body.error();
  const Forge before = one->forge;
  GANTRY_TRY(read_forge(*body, *one));
  GANTRY_TRY(read_access(*body, *one));
  const bool rotate = body->flag("rotate_secret", false) || before != one->forge;
  GANTRY_TRY(body->check());
  GANTRY_TRY(check_poll(*one));
  GANTRY_TRY(read_previews(*body, context, *place->project, *one));
  if (rotate) one->secret = context.git->new_secret(one->forge);
  if (!is_dry_run(request)) {
    GitLedger& ledger = context.git->ledger();
    GANTRY_TRY(ledger.put_repository(*one));
    GANTRY_TRY(ledger.admit_pulls(one->id, context.clock.now()));  // there may be room by now
    context.git->nudge();
  }
  return unversioned(request, text_of(*one, rotate ? Secret::shown : Secret::hidden));
}

Answer delete_repository(const Request& request, Context& context, Transaction&) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto one = find_repository(request, context, *place);
  if (!one) return one.error();
  if (!is_dry_run(request)) GANTRY_TRY(context.git->ledger().erase_repository(one->id));
  return no_content();
}

Answer get_connection(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto connection = connection_of(context, *place);
  if (!connection) return connection.error();
  const auto repository = context.git->ledger().repository(connection->repository_id);
  if (!repository) return repository.error();
  return unversioned(request, text_of(*connection, *repository, Secret::hidden));
}

// The server is asked first: what is connected can be fetched. Rows of the ledger are written
// before those of the transaction, which would hold what they refer to.
Answer put_connection(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto desk = git_of(context);
  if (!desk) return desk.error();
  auto body =
      Fields::read(request, {"repository", "branch", "forge", "api_url", "username", "token",
                             "ssh_key", "submodules", "poll_seconds", "wait_for_ci", "deploy"});
  if (!body) return body.error();
  const std::string address = body->text("repository");
  const auto wanted_branch = body->optional_text("branch");
  const bool wait_for_ci = body->flag("wait_for_ci", false);
  const bool deploys = body->flag("deploy", true);
  GANTRY_TRY(body->check());
  const auto url = parse_repository_url(address);
  if (!url) return url.error();
  if (wanted_branch && !is_branch_name(*wanted_branch))
    return invalid("/branch", "invalid_branch", "expected a branch such as \"main\"");
  auto repository = known_or_new(**desk, *place, *url, context);
  if (!repository) return repository.error();
  const auto before = access_of(*repository);
  GANTRY_TRY(read_forge(*body, *repository));
  GANTRY_TRY(read_access(*body, *repository));
  GANTRY_TRY(body->check());
  GANTRY_TRY(check_poll(*repository));
  if (!repository->id.empty() && access_of(*repository) != before)
    GANTRY_TRY(check_others(context, (*desk)->ledger(), repository->id));
  const auto branch = find_branch(**desk, *repository, wanted_branch);
  if (!branch) return branch.error();
  const bool fresh = repository->id.empty() || repository->forge != std::get<Forge>(before);
  if (fresh) repository->secret = (*desk)->new_secret(repository->forge);
  if (repository->id.empty()) repository->id = RepositoryId::make(context.clock.now());
  const Connection connection{.instance_id = place->instance->instance.id,
                              .repository_id = repository->id,
                              .branch = *branch,
                              .wait_for_ci = wait_for_ci};
  if (!is_dry_run(request)) {
    GitLedger& ledger = (*desk)->ledger();
    GANTRY_TRY(ledger.put_repository(*repository));
    GANTRY_TRY(ledger.put_connection(connection));
    if (deploys) GANTRY_TRY(ledger.put_push(push_of(connection, context.clock.now())));
  }
  Settings settings = place->instance->instance.settings;
  settings.source = {.image = {},
                     .repository = repository->url,
                     .branch = *branch,
                     .from_template = settings.source.from_template};
  if (settings != place->instance->instance.settings) {
    const auto written = transaction.update_settings(place->instance->instance.id, settings, {});
    if (!written) return written.error();
  }
  if (!is_dry_run(request)) (*desk)->nudge();
  return unversioned(request,
                     text_of(connection, *repository, fresh ? Secret::shown : Secret::hidden));
}

Answer delete_connection(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto connection = connection_of(context, *place);
  if (!connection) return connection.error();
  if (!is_dry_run(request)) {
    GitLedger& ledger = context.git->ledger();
    GANTRY_TRY(ledger.erase_connection(connection->instance_id));
    const auto others = ledger.connections(connection->repository_id);
    const auto pulls = ledger.pulls(connection->repository_id);
    const bool used = !others || !pulls || !others->empty() ||
                      std::any_of(pulls->begin(), pulls->end(),
                                  [](const Pull& pull) { return !pull.environment_id.empty(); });
    if (!used) GANTRY_TRY(ledger.erase_repository(connection->repository_id));
  }
  Settings settings = place->instance->instance.settings;
  settings.source.repository.clear();
  settings.source.branch.clear();
  if (settings != place->instance->instance.settings) {
    const auto written = transaction.update_settings(place->instance->instance.id, settings, {});
    if (!written) return written.error();
  }
  return no_content();
}

Answer deploy_connection(const Request& request, Context& context, Transaction&) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const auto connection = connection_of(context, *place);
  if (!connection) return connection.error();
  const auto repository = context.git->ledger().repository(connection->repository_id);
  if (!repository) return repository.error();
  if (!is_dry_run(request)) {
    GANTRY_TRY(context.git->ledger().put_push(push_of(*connection, context.clock.now())));
    context.git->nudge();
  }
  Response response;
  response.status = 202;
  response.body = text_of(*connection, *repository, Secret::hidden);
  return response;
}

}  // namespace gantry::api
