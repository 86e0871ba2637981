#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/duration.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

std::string invitation_body(const Call& call) {
  std::string body;
  JsonObject object(body);
  object.text("role", call.value("--role").value_or("viewer"));
  if (const auto environment = call.value("--environment"))
    object.text("environment", *environment);
  if (const auto text = call.value("--expires")) {
    const auto seconds = duration_seconds(*text);
    if (!seconds)
      throw Failure{"cannot read the time \"" + *text + "\"", "usage", "write 12h, 3d or 2w",
                    kUnreadable};
    object.number("expires_in_seconds", *seconds);
  }
  return body;
}

int create(Session& session) {
  const Place place = find_project(session);
  const Json made = session.client().send("POST", place.project_path() + "/invitations",
                                          invitation_body(session.call()));
  if (session.json()) {
    print(made.dump());
    return 0;
  }
  session.note("invitation " + made["id"].text() + " into " + place.project + " as " +
               made["role"].text() + ", until " + made["expires_at"].text() +
               ". It works once and is not shown again; who gets it runs `" + session.program() +
               " invite accept --url " + session.url() + " --name NAME` and gives it on stdin:");
  print(made["secret"].text());
  return 0;
}

int list(Session& session) {
  const Place place = find_project(session);
  std::vector<std::string> documents;
  std::vector<Row> rows;
  for (const Json& each : session.client().list(place.project_path() + "/invitations")) {
    documents.push_back(each.dump());
    const std::string environment = each["environment"]["name"].text();
    const std::string accepted = each["accepted_at"].text();
    rows.push_back({each["id"].text(), each["role"].text(),
                    environment.empty() ? "all" : environment, each["expires_at"].text(),
                    accepted.empty() ? "no" : accepted});
  }
  if (session.json())
    print(json_array(documents));
  else
    print_table({"INVITATION", "ROLE", "ENVIRONMENT", "EXPIRES", "ACCEPTED"}, rows);
  return 0;
}

int revoke(Session& session) {
  if (session.call().words.empty())
    throw Failure{"the invitation's id is missing", "usage", "`{program} invite list` shows them",
                  kUnreadable};
  const std::string id = session.call().words[0];
  const Place place = find_project(session);
  session.client().send("DELETE", place.project_path() + "/invitations/" + percent_encode(id));
  std::string out;
  JsonObject(out).text("id", id).boolean("revoked", true);
  print(session.json() ? out : "revoked invitation " + id);
  return 0;
}

std::string wanted_secret(Session& session) {
  if (!session.call().words.empty()) return session.call().words[0];
  std::string secret = may_prompt(session) ? ask_secret("Invitation:") : read_stdin();
  secret.erase(secret.find_last_not_of(" \t\r\n") + 1);
  return secret;
}

int accept(Session& session) {
  const auto name = session.call().value("--name");
  std::string body;
  {
    JsonObject object(body);
    object.text("secret", wanted_secret(session));
    if (name) object.text("name", *name);
  }
  const std::string url = session.url();
  // Somebody new needs no token, and sends none.
  Client stranger({.url = url, .token = "", .token_origin = ""}, 30);
  Client& client = name ? stranger : session.client();
  const Json joined = client.send("POST", "/v1/invitations/accept", body);
  const std::string secret = joined["token"]["secret"].text();
  if (!secret.empty())
    session.change_config([&](ConfigFile& config) {
      config.url = url;
      config.tokens[url] = secret;
    });
  if (session.json()) {
    print(joined.dump());
    return 0;
  }
  print(joined["user"]["name"].text() + " is " + joined["role"].text() + " of " +
        joined["project"]["name"].text());
  if (!secret.empty()) session.note("logged in to " + url + ": the token is kept");
  return 0;
}

}  // namespace

std::vector<Command> invite_commands() {
  return {
      {.path = "invite create",
       .summary = "invite somebody into the project: prints a secret that works once",
       .aliases = {"new"},
       .scope = Scope::project,
       .options = {{"--role", "ROLE", "viewer (so it is without), editor or owner"},
                   {"-e,--environment", "NAME|ID", "in this environment only"},
                   {"--expires", "TIME", "12h, 3d from now (7d)"}},
       .examples = {"invite create --role editor --expires 2d"},
       .run = create},
      {.path = "invite accept",
       .summary = "join a project: as somebody new with --name, else as who is logged in",
       .words = "[SECRET]",
       .words_max = 1,
       .options = {{"-n,--name", "NAME", "who you will be"}},
       .examples = {"invite accept --url https://gantry.example.com --name alice < invitation"},
       .run = accept},
      {.path = "invite list",
       .summary = "the invitations, without their secrets",
       .aliases = {"ls"},
       .scope = Scope::project,
       .run = list},
      {.path = "invite revoke",
       .summary = "revoke an invitation",
       .aliases = {"rm", "delete", "remove"},
       .words = "ID",
       .words_max = 1,
       .scope = Scope::project,
       .run = revoke},
  };
}

}  // namespace gantry::cli
