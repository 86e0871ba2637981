// Repositories that services are deployed from: pushes, and previews of pull requests.
#include <charconv>
#include <fstream>
#include <sstream>

#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"
#include "proto/time.hpp"

namespace gantry::cli {
namespace {

const Option kForge{"--forge", "NAME",
                    "github, gitlab, gitea, bitbucket or plain; else by its host"};
const Option kApiUrl{"--api-url", "URL", "where the forge's API is, when its host does not say"};
const Option kUsername{"--username", "NAME", "beside the access token, where the server wants one"};
const Option kTokenFile{"--token-file", "FILE",
                        "an access token that may read it; /dev/stdin, too"};
const Option kKeyFile{"--ssh-key", "FILE", "a private key that may read it, without a passphrase"};
const Option kPoll{"--poll", "SECONDS", "ask the server for pushes, where no hook tells; 0: never"};
const Option kNumber{"-r,--repository", "URL", "which one, when the project has several"};

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw Failure{"cannot read " + path, "unreadable_file", "", kUnreadable};
  return text.str();
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  return text;
}

std::int64_t number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw Failure{"\"" + text + "\" is no whole number", "usage", "", kUnreadable};
  return number;
}

bool yes_or_no(const std::string& option, const std::string& text) {
  if (text == "on" || text == "yes" || text == "true") return true;
  if (text == "off" || text == "no" || text == "false") return false;
  throw Failure{option + " is on or off, not \"" + text + "\"", "usage", "", kUnreadable};
}

void add_access(const Call& call, JsonObject& body) {
  if (const auto forge = call.value("--forge")) body.text("forge", *forge);
  if (const auto url = call.value("--api-url")) body.text("api_url", *url);
  if (const auto name = call.value("--username")) body.text("username", *name);
  if (const auto file = call.value("--token-file")) body.text("token", one_line(contents(*file)));
  if (const auto file = call.value("--ssh-key")) body.text("ssh_key", contents(*file));
  if (const auto poll = call.value("--poll")) body.number("poll_seconds", number_of(*poll));
}

// The hook's secret is given once: here.
void show_hook(Session& session, const Json& repository) {
  const Json secret = repository["hook"]["secret"];
  if (secret.is_null()) return;
  if (repository["forge"].text() == "plain") {
    session.note(
        "no hook tells of pushes: --poll SECONDS asks for them, `{program} repo deploy` "
        "deploys by hand");
    return;
  }
  session.note("add a webhook to the repository, so that it tells of pushes and pull requests:");
  session.note("  address  " + session.url() + repository["hook"]["path"].text());
  session.note("  secret   " + secret.text());
  session.note("  content  application/json");
}

int connect(Session& session) {
  const Call& call = session.call();
  if (call.words.empty())
    throw Failure{"which repository?", "usage",
                  "`{program} repo connect https://git.example.com/team/app.git`", kUnreadable};
  const Place place = find_service(session);
  std::string body;
  {
    JsonObject object(body);
    object.text("repository", call.words.front());
    if (const auto branch = call.value("--branch")) object.text("branch", *branch);
    if (call.has("--submodules")) object.boolean("submodules", true);
    if (call.has("--wait-for-ci")) object.boolean("wait_for_ci", true);
    if (call.has("--no-deploy")) object.boolean("deploy", false);
    add_access(call, object);
  }
  const Json made = session.client().send("PUT", place.instance_path() + "/repository", body);
  if (session.json()) {
    print(made.dump());
    return 0;
  }
  print(place.service + " follows " + made["branch"].text() + " of " +
        made["repository"]["url"].text());
  show_hook(session, made["repository"]);
  return 0;
}

int disconnect(Session& session) {
  const Place place = find_service(session);
  session.client().send("DELETE", place.instance_path() + "/repository");
  std::string out;
  JsonObject(out).text("service", place.service).null("repository");
  print(session.json() ? out : place.service + " follows no repository; what runs goes on");
  return 0;
}

int status(Session& session) {
  const Place place = find_service(session);
  const Json found = session.client().get(place.instance_path() + "/repository");
  if (session.json()) {
    print(found.dump());
    return 0;
  }
  const Json repository = found["repository"];
  const TimePoint now = system_clock().now();
  const std::int64_t poll = repository["poll_seconds"].number();
  std::vector<Row> rows{{"branch", found["branch"].text()},
                        {"forge", repository["forge"].text()},
                        {"hook", session.url() + repository["hook"]["path"].text()},
                        {"asked every", poll == 0 ? "" : std::to_string(poll) + " s"},
                        {"waits for checks", found["wait_for_ci"].boolean() ? "yes" : ""},
                        {"submodules", repository["submodules"].boolean() ? "fetched" : ""},
                        {"previews", repository["previews"]["enabled"].boolean()
                                         ? "like " + repository["previews"]["base"].text() +
                                               ", at most " + repository["previews"]["most"].text()
                                         : ""},
                        {"fetched", repository["fetched_at"].is_null()
                                        ? ""
                                        : age(repository["fetched_at"].text(), now) + " ago"},
                        {"trouble", repository["trouble"].text()}};
  std::erase_if(rows, [](const Row& row) { return row[1].empty(); });
  print_table({"REPOSITORY", repository["url"].text()}, rows);
  return 0;
}

int deploy(Session& session) {
  const Place place = find_service(session);
  const Json found = session.client().send("POST", place.instance_path() + "/repository/deploy");
  print(session.json() ? found.dump()
                       : "the newest commit of " + found["branch"].text() + " is fetched: `" +
                             session.program() + " logs --build` follows");
  return 0;
}

// That was named, or the only one.
Json find_repository(Session& session, const Place& place) {
  const Json all = session.client().get(place.project_path() + "/repositories");
  const auto wanted = session.call().value("--repository");
  std::vector<Json> fits;
  for (const Json& each : all["data"].items())
    if (!wanted || each["url"].text() == *wanted || each["id"].text() == *wanted)
      fits.push_back(each);
  if (fits.size() == 1) return fits.front();
  if (fits.empty())
    throw Failure{
        wanted ? "the project has no repository " + *wanted : "the project has no repository",
        "not_found", "`{program} repo connect URL`"};
  std::string urls;
  for (const Json& each : fits) urls += (urls.empty() ? "" : ", ") + each["url"].text();
  throw Failure{"which repository? " + urls, "usage", "--repository URL", kUnreadable};
}

std::string repository_path(const Place& place, const Json& repository) {
  return place.project_path() + "/repositories/" + repository["id"].text();
}

void add_previews(const Call& call, JsonObject& body) {
  std::string previews;
  bool any = false;
  {
    JsonObject object(previews);
    const auto flag = [&](const char* option, const char* key) {
      const auto text = call.value(option);
      if (!text) return;
      object.boolean(key, yes_or_no(option, *text));
      any = true;
    };
    flag("--previews", "enabled");
    flag("--focused", "focused");
    flag("--bots", "bots");
    if (const auto base = call.value("--base")) object.text("base", *base), any = true;
    if (const auto most = call.value("--most")) object.number("most", number_of(*most)), any = true;
    if (const auto days = call.value("--expiry-days"))
      object.number("expiry_days", number_of(*days)), any = true;
  }
  if (any) body.raw("previews", previews);
}

int set(Session& session) {
  const Call& call = session.call();
  const Place place = find_project(session);
  const Json repository = find_repository(session, place);
  std::string body;
  {
    JsonObject object(body);
    add_access(call, object);
    if (const auto text = call.value("--submodules"))
      object.boolean("submodules", yes_or_no("--submodules", *text));
    if (call.has("--rotate-secret")) object.boolean("rotate_secret", true);
    add_previews(call, object);
  }
  const Json changed = session.client().send("PATCH", repository_path(place, repository), body);
  if (session.json()) {
    print(changed.dump());
    return 0;
  }
  const Json previews = changed["previews"];
  print(changed["url"].text() + ": previews " +
        (previews["enabled"].boolean() ? "like " + previews["base"].text() : "off"));
  show_hook(session, changed);
  return 0;
}

int pulls(Session& session) {
  const Place place = find_project(session);
  const Json repository = find_repository(session, place);
  const Json all = session.client().get(repository_path(place, repository) + "/pulls");
  if (session.json()) {
    print(all["data"].dump());
    return 0;
  }
  std::vector<Row> rows;
  for (const Json& each : all["data"].items())
    rows.push_back({std::to_string(each["number"].number()), each["state"].text(),
                    each["head_branch"].text(), each["environment"].text(),
                    each["deployed_commit"].text().substr(0, 7), each["title"].text(),
                    each["reason"].text()});
  print_table({"PULL", "STATE", "BRANCH", "ENVIRONMENT", "COMMIT", "TITLE", ""}, rows);
  return 0;
}

int allow(Session& session) {
  if (session.call().words.empty())
    throw Failure{"which pull request?", "usage", "`{program} repo pulls` shows them", kUnreadable};
  const Place place = find_project(session);
  const Json repository = find_repository(session, place);
  const Json pull =
      session.client().send("POST", repository_path(place, repository) + "/pulls/" +
                                        percent_encode(session.call().words.front()) + "/allow");
  print(session.json() ? pull.dump()
                       : "pull request " + std::to_string(pull["number"].number()) + " at " +
                             pull["head_commit"].text().substr(0, 7) + " is let in");
  return 0;
}

std::vector<Command> follow_commands() {
  return {
      {.path = "repo connect",
       .summary = "deploy a service from a repository, now and with every push",
       .words = "URL",
       .words_max = 1,
       .scope = Scope::service,
       .options = {{"-b,--branch", "NAME", "whose pushes are deployed; else the default one"},
                   kForge,
                   kApiUrl,
                   kUsername,
                   kTokenFile,
                   kKeyFile,
                   kPoll,
                   {"--submodules", "", "fetch its submodules, too"},
                   {"--wait-for-ci", "", "deploy when the checks of a commit have succeeded"},
                   {"--no-deploy", "", "begin with the next push"}},
       .examples = {"repo connect https://git.example.com/team/app.git -s api",
                    "repo connect git@git.example.com:team/app.git --ssh-key deploy_key -s api"},
       .run = connect},
      {.path = "repo disconnect",
       .summary = "follow pushes no more; what runs goes on",
       .scope = Scope::service,
       .run = disconnect},
      {.path = "repo status",
       .summary = "what a service follows, and whether it can be fetched",
       .scope = Scope::service,
       .run = status},
      {.path = "repo deploy",
       .summary = "deploy the newest commit of the branch",
       .scope = Scope::service,
       .examples = {"repo deploy -s api"},
       .run = deploy}};
}

std::vector<Command> project_repository_commands() {
  return {{.path = "repo set",
           .summary = "credentials, previews of pull requests, and the hook of a repository",
           .scope = Scope::project,
           .options = {kNumber,
                       kForge,
                       kApiUrl,
                       kUsername,
                       kTokenFile,
                       kKeyFile,
                       kPoll,
                       {"--submodules", "on|off", "fetch its submodules, too"},
                       {"--previews", "on|off", "an environment for each pull request"},
                       {"--base", "ENVIRONMENT", "which environment a preview is like"},
                       {"--focused", "on|off", "only services that the changed files touch"},
                       {"--bots", "on|off", "also pull requests that programs open"},
                       {"--expiry-days", "DAYS", "after the last push; 0: never"},
                       {"--most", "NUMBER", "previews at once; further ones wait for their turn"},
                       {"--rotate-secret", "", "another secret for the hook"}},
           .examples = {"repo set --previews on --base staging"},
           .run = set},
          {.path = "repo pulls",
           .summary = "pull requests and their environments",
           .scope = Scope::project,
           .options = {kNumber},
           .run = pulls},
          {.path = "repo allow",
           .summary = "let a pull request of a fork have its environment, at its present commit",
           .words = "NUMBER",
           .words_max = 1,
           .scope = Scope::project,
           .options = {kNumber},
           .examples = {"repo allow 17"},
           .run = allow}};
}

}  // namespace

std::vector<Command> repo_commands() {
  std::vector<Command> all = follow_commands();
  for (Command& each : project_repository_commands()) all.push_back(std::move(each));
  return all;
}

}  // namespace gantry::cli
