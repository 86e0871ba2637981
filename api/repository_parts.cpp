#include "api/repository_parts.hpp"

#include "api/nearest.hpp"

namespace gantry::api {

Result<GitDesk*> git_of(const Context& context) {
  if (context.git != nullptr) return context.git;
  return Error{Code::unavailable, "no_repositories", "this daemon has nothing to fetch with"};
}

Result<Repository> find_repository(const Request& request, const Context& context,
                                   const Place& place) {
  const std::string& wanted = request.path_parameters[1];
  const auto desk = git_of(context);
  if (!desk) return desk.error();
  const auto id = RepositoryId::parse(wanted);
  if (!id) return not_found("repository " + clipped(wanted));
  auto found = (*desk)->ledger().repository(*id);
  if (found && found->project_id == place.project->project.id) return found;
  if (found || found.error().code == Code::not_found)
    return not_found("repository " + clipped(wanted));
  return found;
}

void append_json(std::string& out, const Repository& one, Secret secret) {
  JsonObject object(out);
  object.text("id", one.id.str())
      .text("url", one.url)
      .text("forge", name(one.forge))
      .text_or_null("api_url", one.api_url);
  {
    JsonObject hook(object.at("hook"));
    hook.text("path", "/v1/hooks/" + one.id.str());
    if (secret == Secret::shown) hook.text("secret", one.secret);
  }
  object.text_or_null("username", one.username)
      .boolean("has_token", !one.token.empty())
      .boolean("has_ssh_key", !one.ssh_key.empty())
      .boolean("submodules", one.submodules)
      .number("poll_seconds", one.poll_seconds);
  {
    JsonObject previews(object.at("previews"));
    previews.boolean("enabled", one.previews.enabled)
        .text("base", one.previews.base)
        .boolean("focused", one.previews.focused)
        .number("expiry_days", one.previews.expiry_days)
        .boolean("bots", one.previews.bots)
        .number("most", one.previews.most);
  }
  object.text_or_null("trouble", one.trouble)
      .time_or_null("fetched_at", one.fetched_at)
      .time("created_at", one.created_at);
}

void append_json(std::string& out, const Connection& one, const Repository& repository,
                 Secret secret) {
  JsonObject object(out);
  append_json(object.at("repository"), repository, secret);
  object.text("branch", one.branch).boolean("wait_for_ci", one.wait_for_ci);
}

void append_json(std::string& out, const Pull& one) {
  JsonObject object(out);
  object.number("number", one.number)
      .text("title", one.title)
      .text("author", one.author)
      .boolean("bot", one.bot)
      .boolean("fork", one.fork)
      .text("head_branch", one.head_branch)
      .text("head_commit", one.head_commit)
      .text("base_branch", one.base_branch)
      .text("state", name(one.state))
      .text_or_null("reason", one.reason)
      .text_or_null("environment", one.environment)
      .text_or_null("deployed_commit", one.done_commit)
      .time_or_null("expires_at", one.expires_at);
}

}  // namespace gantry::api
