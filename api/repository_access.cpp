#include "api/repository_access.hpp"

#include "api/authority.hpp"

namespace gantry::api {
namespace {

constexpr int kPollLeast = 15;
constexpr int kPollMost = 86400;
constexpr std::size_t kSecretMax = 16 * 1024;

void read_poll(Fields& body, Repository& one) {
  if (body.has_value("poll_seconds")) one.poll_seconds = body.integer("poll_seconds", 0, kPollMost);
}

// OpenSSH's own form names its cipher first, the others say it in words.
bool has_passphrase(const std::string& key) {
  if (key.find("ENCRYPTED") != std::string::npos) return true;
  return key.find("OPENSSH PRIVATE KEY") != std::string::npos &&
         key.find("b3BlbnNzaC1rZXktdjEAAAAABG5vbm") == std::string::npos;  // "none"
}

}  // namespace

Result<> read_forge(Fields& body, Repository& one) {
  if (const auto word = body.optional_text("forge")) {
    const auto forge = parse_forge(*word);
    if (!forge)
      return invalid("/forge", "invalid_forge",
                     "expected github, gitlab, gitea, bitbucket or plain");
    one.forge = *forge;
  }
  return done();
}

Result<> read_access(Fields& body, Repository& one) {
  const auto token = body.optional_text("token"), key = body.optional_text("ssh_key");
  const auto user = body.optional_text("username"), api = body.optional_text("api_url");
  for (const auto* each : {&token, &key, &user})
    if (*each && (*each)->size() > kSecretMax)
      return invalid("/token", "out_of_range", "a credential has at most 16 KiB");
  if (token && token->find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
    return invalid("/token", "invalid_token", "a token has one line");
  if (user && user->find_first_of(std::string_view(":\r\n\0", 4)) != std::string::npos)
    return invalid("/username", "invalid_username", "a name has one line and no colon");
  if (key && key->find("PRIVATE KEY") == std::string::npos && !key->empty())
    return invalid("/ssh_key", "invalid_ssh_key",
                   "expected a private key as ssh-keygen writes it, without a passphrase");
  if (key && has_passphrase(*key))
    return invalid("/ssh_key", "key_has_passphrase",
                   "the key has a passphrase, which nobody can type here: `ssh-keygen -p -N '' -f "
                   "FILE` takes it off a copy");
  if (api && !api->empty() && !api->starts_with("https://") && !api->starts_with("http://"))
    return invalid("/api_url", "invalid_url", "expected a URL such as https://git.example.com/api");
  if (api && *api != one.api_url && !one.token.empty() && !token)
    return invalid("/token", "token_required",
                   "give the access token again: it would go to another address");
  if (api) one.api_url = *api;
  while (one.api_url.ends_with('/')) one.api_url.pop_back();
  if (token) one.token = *token;
  if (key) one.ssh_key = *key;
  if (user) one.username = *user;
  if (body.has_value("submodules")) one.submodules = body.flag("submodules", false);
  read_poll(body, one);
  return done();
}

Result<> check_poll(const Repository& one) {
  if (one.poll_seconds == 0 || one.poll_seconds >= kPollLeast) return done();
  return invalid("/poll_seconds", "out_of_range",
                 "expected 0, which is never, or at least 15 seconds");
}

Access access_of(const Repository& one) {
  return Access(one.forge, one.api_url, one.username, one.token, one.ssh_key, one.submodules,
                one.poll_seconds);
}

Result<> check_others(const Context& context, GitLedger& ledger, const RepositoryId& id) {
  const auto connections = ledger.connections(id);
  if (!connections) return connections.error();
  for (const Connection& one : *connections) {
    const ProjectPtr project = context.store.project_of(one.instance_id);  // of the caller's world
    if (project) {
      const auto& environment = project->instances.at(one.instance_id)->instance.environment_id;
      if (may(context, Permission::edit, *project, *project->environments.at(environment)))
        continue;
    }
    return Error{Code::forbidden, "repository_shared",
                 "services of environments that you may not change follow this repository, and "
                 "share its credentials and settings: connect without them, or ask an owner of the "
                 "project for `gantry repo set`"};
  }
  return done();
}

}  // namespace gantry::api
