#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

std::string wanted_word(const Call& call, std::size_t at, const std::string& what,
                        const std::string& example) {
  if (call.words.size() > at) return call.words[at];
  throw Failure{what + " is missing", "usage", "`{program} " + example + "`", kUnreadable};
}

// A role is for the whole project unless -e is written: a linked environment does not narrow it.
std::optional<std::string> wanted_environment(const Session& session) {
  return session.call().value("--environment");
}

std::string where(const Place& place, const std::optional<std::string>& environment) {
  return (environment ? "environment " + *environment + " of " : "") + place.project;
}

std::string role_body(const Session& session, const std::string& user, const std::string& role) {
  std::string body;
  JsonObject object(body);
  if (!user.empty()) object.text("user", user);
  object.text("role", role);
  if (const auto environment = wanted_environment(session))
    object.text("environment", *environment);
  return body;
}

void tell(const Session& session, const Json& answer, const std::string& text) {
  print(session.json() ? answer.dump() : text);
}

int list(Session& session) {
  const Place place = find_project(session);
  std::vector<std::string> documents;
  std::vector<Row> rows;
  for (const Json& each : session.client().list(place.project_path() + "/members")) {
    documents.push_back(each.dump());
    const std::string environment = each["environment"]["name"].text();
    rows.push_back({each["user"]["name"].text(), each["role"].text(),
                    environment.empty() ? "all" : environment, each["user"]["id"].text()});
  }
  if (session.json())
    print(json_array(documents));
  else if (rows.empty())
    print("no members: `" + session.program() + " invite create --role editor` invites one");
  else
    print_table({"USER", "ROLE", "ENVIRONMENT", "ID"}, rows);
  return 0;
}

int add(Session& session) {
  const std::string user =
      wanted_word(session.call(), 0, "the user", "member add alice --role editor");
  const std::string role = session.call().value("--role").value_or("viewer");
  const Place place = find_project(session);
  const Json made = session.client().send("POST", place.project_path() + "/members",
                                          role_body(session, user, role));
  tell(session, made,
       made["user"]["name"].text() + " is " + role + " of " +
           where(place, wanted_environment(session)));
  return 0;
}

int change(Session& session) {
  const std::string user = wanted_word(session.call(), 0, "the user", "member role alice owner");
  const std::string role = wanted_word(session.call(), 1, "the role", "member role alice owner");
  const Place place = find_project(session);
  const Json made =
      session.client().send("PATCH", place.project_path() + "/members/" + percent_encode(user),
                            role_body(session, "", role));
  tell(session, made,
       made["user"]["name"].text() + " is " + role + " of " +
           where(place, wanted_environment(session)));
  return 0;
}

int remove(Session& session) {
  const std::string user = wanted_word(session.call(), 0, "the user", "member remove alice");
  const auto environment = wanted_environment(session);
  const Place place = find_project(session);
  confirm(session, "take the role in " + where(place, environment) + " from " + user);
  std::string path = place.project_path() + "/members/" + percent_encode(user);
  if (environment) path += "?environment=" + percent_encode(*environment);
  session.client().send("DELETE", path);
  std::string out;
  JsonObject(out).text("user", user).boolean("removed", true);
  print(session.json() ? out : user + " has no role in " + where(place, environment) + " any more");
  return 0;
}

int leave(Session& session) {
  const auto environment = wanted_environment(session);
  const Place place = find_project(session);
  confirm(session, "give up your own role in " + where(place, environment));
  std::string body;
  {
    JsonObject object(body);
    if (environment) object.text("environment", *environment);
  }
  session.client().send("POST", place.project_path() + "/leave", body);
  std::string out;
  JsonObject(out).text("project", place.project).boolean("left", true);
  print(session.json() ? out : "you have left " + where(place, environment));
  return 0;
}

int list_users(Session& session) {
  std::vector<std::string> documents;
  std::vector<Row> rows;
  const TimePoint now = system_clock().now();
  for (const Json& each : session.client().list("/v1/users")) {
    documents.push_back(each.dump());
    rows.push_back({each["name"].text(), each["id"].text(), age(each["created_at"].text(), now)});
  }
  if (session.json())
    print(json_array(documents));
  else
    print_table({"USER", "ID", "AGE"}, rows);
  return 0;
}

int create_user(Session& session) {
  const std::string name = wanted_word(session.call(), 0, "the user's name", "user create alice");
  std::string body;
  JsonObject(body).text("name", name);
  const Json made = session.client().send("POST", "/v1/users", body);
  if (session.json()) {
    print(made.dump());
    return 0;
  }
  print("created user " + name + " (" + made["id"].text() + ")");
  session.note("`" + session.program() + " member add " + name + "` gives it a role, `" +
               session.program() + " token create " + name + " --user " + name + "` a token");
  return 0;
}

int remove_user(Session& session) {
  const std::string name = wanted_word(session.call(), 0, "the user's name", "user remove alice");
  confirm(session, "remove user " + name + " with all its tokens and roles");
  session.client().send("DELETE", "/v1/users/" + percent_encode(name));
  std::string out;
  JsonObject(out).text("user", name).boolean("removed", true);
  print(session.json() ? out : "removed user " + name);
  return 0;
}

}  // namespace

std::vector<Command> member_commands() {
  const Option environment{"-e,--environment", "NAME|ID", "in this environment only"};
  return {
      {.path = "member list",
       .summary = "who has which role in the project",
       .aliases = {"ls"},
       .scope = Scope::project,
       .run = list},
      {.path = "member add",
       .summary = "give a user a role in the project, or in one environment",
       .words = "USER",
       .words_max = 1,
       .scope = Scope::project,
       .options = {{"--role", "ROLE", "viewer (so it is without), editor or owner"}, environment},
       .examples = {"member add alice --role editor", "member add bert --role owner -e staging"},
       .run = add},
      {.path = "member role",
       .summary = "change a member's role",
       .aliases = {"change"},
       .words = "USER ROLE",
       .words_max = 2,
       .scope = Scope::project,
       .options = {environment},
       .examples = {"member role alice owner"},
       .run = change},
      {.path = "member remove",
       .summary = "take a member's role away",
       .aliases = {"rm", "delete"},
       .words = "USER",
       .words_max = 1,
       .scope = Scope::project,
       .options = {environment, {"-y,--yes", "", "do not ask"}},
       .examples = {"member remove alice -y"},
       .run = remove},
      {.path = "member leave",
       .summary = "give up your own roles in the project, or the one in an environment",
       .scope = Scope::project,
       .options = {{"-e,--environment", "NAME|ID", "only the role in this environment"},
                   {"-y,--yes", "", "do not ask"}},
       .examples = {"member leave -p shop -y", "member leave -p shop -e staging"},
       .run = leave},
      {.path = "user list",
       .summary = "the users (the operator's)",
       .aliases = {"ls"},
       .run = list_users},
      {.path = "user create",
       .summary = "make a user (the operator's)",
       .aliases = {"add", "new"},
       .words = "NAME",
       .words_max = 1,
       .run = create_user},
      {.path = "user remove",
       .summary = "remove a user with all its tokens and roles (the operator's)",
       .aliases = {"rm", "delete"},
       .words = "NAME",
       .words_max = 1,
       .options = {{"-y,--yes", "", "do not ask"}},
       .run = remove_user},
  };
}

}  // namespace gantry::cli
