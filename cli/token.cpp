#include <map>

#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/duration.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

std::string or_never(const std::string& time) { return time.empty() ? "never" : time; }

// Names of projects and environments by their ids, for a person's eyes.
class Names {
 public:
  explicit Names(Client& client) : client_(client) {}

  std::string project(const std::string& id) {
    if (id.empty()) return "";
    if (const auto known = names_.find(id); known != names_.end()) return known->second;
    const auto project = client_.find("/v1/projects/" + id);
    names_[id] = project ? (*project)["name"].text() : id;
    if (project)
      for (const Json& each : client_.list("/v1/projects/" + id + "/environments"))
        names_[each["id"].text()] = each["name"].text();
    return names_[id];
  }
  std::string environment(const std::string& project_id, const std::string& id) {
    project(project_id);
    const auto known = names_.find(id);
    return known == names_.end() ? id : known->second;
  }

 private:
  Client& client_;
  std::map<std::string, std::string> names_;
};

int list(Session& session) {
  std::vector<std::string> documents;
  std::vector<Row> rows;
  Names names(session.client());
  const TimePoint now = system_clock().now();
  for (const Json& each : session.client().list("/v1/tokens")) {
    documents.push_back(each.dump());
    if (session.json()) continue;
    const std::string project = each["project_id"].text();
    const std::string used = age(each["last_used_at"].text(), now);
    rows.push_back({each["id"].text(), each["name"].text(), each["kind"].text(),
                    names.project(project),
                    names.environment(project, each["environment_id"].text()),
                    or_never(each["expires_at"].text()), used.empty() ? "never" : used + " ago"});
  }
  if (session.json())
    print(json_array(documents));
  else if (rows.empty())
    print("no tokens but the administrator's: `" + session.program() + " token create NAME`");
  else
    print_table({"TOKEN", "NAME", "KIND", "PROJECT", "ENVIRONMENT", "EXPIRES", "USED"}, rows);
  return 0;
}

std::string wanted_body(Session& session, const Place& place) {
  const Call& call = session.call();
  std::string body;
  JsonObject object(body);
  object.text("name", call.words.empty() ? call.value("--name").value_or("") : call.words[0]);
  if (!place.environment_id.empty())
    object.text("project", place.project_id).text("environment", place.environment_id);
  if (const auto user = call.value("--user")) object.text("user", *user);
  if (const auto text = call.value("--expires")) {
    const auto seconds = duration_seconds(*text);
    if (!seconds)
      throw Failure{"cannot read the time \"" + *text + "\"", "usage", "write 12h, 30d or 52w",
                    kUnreadable};
    object.number("expires_in_seconds", *seconds);
  }
  return body;
}

int create(Session& session) {
  const Call& call = session.call();
  if (call.words.empty() && !call.value("--name"))
    throw Failure{"the token's name is missing", "usage", "`{program} token create ci -p PROJECT`",
                  kUnreadable};
  const bool of_project = call.has("--project") || call.has("--environment");
  const Place place = of_project ? find_environment(session) : Place{};
  const Json token = session.client().send("POST", "/v1/tokens", wanted_body(session, place));
  if (session.json()) {
    print(token.dump());
    return 0;
  }
  session.note("created " + token["kind"].text() + " token " + token["name"].text() + " (" +
               token["id"].text() + ")" +
               (of_project ? " for environment " + place.environment + " of " + place.project
                           : " for everything this account may do") +
               ", expires: " + or_never(token["expires_at"].text()) + ". It is not shown again:");
  print(token["secret"].text());
  return 0;
}

// By its id, or by its name when only one has it.
Json named_token(Session& session, const std::string& wanted) {
  std::vector<Json> found;
  for (const Json& each : session.client().list("/v1/tokens")) {
    if (each["id"].text() == wanted) return each;
    if (each["name"].text() == wanted) found.push_back(each);
  }
  if (found.empty())
    throw Failure{"Token \"" + wanted + "\" not found.", "not_found",
                  "`{program} token list` shows them"};
  if (found.size() > 1)
    throw Failure{"there are " + std::to_string(found.size()) + " tokens named " + wanted,
                  "ambiguous", "name it by its id: `{program} token list`"};
  return found[0];
}

int revoke(Session& session) {
  if (session.call().words.empty())
    throw Failure{"the token's id or name is missing", "usage", "`{program} token revoke NAME`",
                  kUnreadable};
  const Json token = named_token(session, session.call().words[0]);
  const std::string what = "token " + token["name"].text() + " (" + token["id"].text() + ")";
  confirm(session, "revoke " + what);
  session.client().send("DELETE", "/v1/tokens/" + token["id"].text());
  std::string out;
  JsonObject(out).text("id", token["id"].text()).boolean("revoked", true);
  print(session.json() ? out : "revoked " + what);
  return 0;
}

int show(Session& session) {
  const auto& words = session.call().words;
  const Json token =
      words.empty() ? session.client().get("/v1/token") : named_token(session, words[0]);
  if (session.json()) {
    print(token.dump());
    return 0;
  }
  Names names(session.client());
  std::string project = token["project"]["name"].text();
  std::string environment = token["environment"]["name"].text();
  if (const std::string id = token["project_id"].text(); project.empty() && !id.empty()) {
    project = names.project(id);
    environment = names.environment(id, token["environment_id"].text());
  }
  print("Token:        " + token["name"].text() + " (" + token["id"].text() +
        ")\nKind:         " + token["kind"].text());
  if (!project.empty()) print("Project:      " + project + "\nEnvironment:  " + environment);
  print("Expires:      " + or_never(token["expires_at"].text()));
  return 0;
}

}  // namespace

std::vector<Command> token_commands() {
  return {
      {.path = "token list",
       .summary = "the tokens, without their secrets",
       .aliases = {"ls"},
       .run = list},
      {.path = "token create",
       .summary = "make a token: of a project's environment with -p or -e, else of the account",
       .aliases = {"new"},
       .words = "NAME",
       .words_max = 1,
       .scope = Scope::environment,
       .options = {{"-n,--name", "NAME", "the same"},
                   {"--user", "NAME|ID", "for this user (the operator's)"},
                   {"--expires", "TIME", "12h, 30d, 52w from now (else never)"}},
       .examples = {"token create ci -p shop -e production --expires 90d > token"},
       .run = create},
      {.path = "token revoke",
       .summary = "revoke a token: it counts no more, at once",
       .aliases = {"rm", "delete", "remove"},
       .words = "TOKEN",
       .words_max = 1,
       .options = {{"-y,--yes", "", "do not ask"}},
       .examples = {"token revoke ci -y"},
       .run = revoke},
      {.path = "token show",
       .summary = "the token in use, or another by its id or name",
       .words = "[TOKEN]",
       .words_max = 1,
       .run = show},
  };
}

}  // namespace gantry::cli
