// Databases, and whatever else there is a template for.
#include "cli/linking.hpp"
#include "cli/output.hpp"
#include "cli/pairs.hpp"
#include "cli/prompt.hpp"
#include "cli/session.hpp"
#include "cli/tcp_proxy.hpp"
#include "cli/verbs.hpp"
#include "cli/wait.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

std::vector<std::string> wanted_templates(const Call& call) {
  std::vector<std::string> wanted = call.words;
  for (const std::string& each : call.values("--database")) wanted.push_back(each);
  if (wanted.empty())
    throw Failure{"say what to add", "usage",
                  "`{program} add postgres`; `{program} templates` lists what there is",
                  kUnreadable};
  if (wanted.size() > 1 && (call.has("--name") || call.has("--version") || call.has("--variable")))
    throw Failure{"--name, --version and --variable are about one template", "usage",
                  "add them one by one", kUnreadable};
  if (wanted.size() > 1 && call.has("--public"))
    throw Failure{"--public is about one template", "usage", "add them one by one", kUnreadable};
  if (call.has("--reference") && call.has("--no-reference"))
    throw Failure{"--reference and --no-reference exclude each other", "usage", "", kUnreadable};
  return wanted;
}

std::string body_of(const Call& call, const std::string& name) {
  std::string body;
  JsonObject object(body);
  object.text("template", name);
  if (const auto version = call.value("--version")) object.text("version", *version);
  if (const auto wanted = call.value("--name")) object.text("name", *wanted);
  if (const auto other = call.value("--for")) object.text("for", *other);
  std::vector<std::pair<std::string, std::string>> variables;
  for (const std::string& word : call.values("--variable")) {
    const auto [key, value] = parse_pair(word);
    variables.emplace_back(key, json_string(value));
  }
  if (!variables.empty()) object.raw("variables", json_map(variables));
  return body;
}

Json make(Session& session, const Place& place, const std::string& name) {
  try {
    return session.client().send("POST", place.environment_path() + "/templates",
                                 body_of(session.call(), name));
  } catch (Failure& failure) {
    if (failure.code == "unknown_template")
      failure.hint =
          "`{program} templates` lists them; `{program} service create NAME` makes a "
          "service of any image";
    throw failure;
  }
}

// What a container gets as a variable of a service; empty: not there.
std::string rendered(Session& session, const Place& place, const std::string& name) {
  const Json found = session.client().get(place.instance_path() + "/variables?rendered=true");
  for (const Json& each : found["data"].items())
    if (each["name"].text() == name) return each["value"].text();
  return "";
}

// The service that the directory is linked to, when it is of this environment and none of those
// that were made.
std::optional<Place> linked_service(Session& session, const Place& place, const Json& made) {
  const auto* link = session.link();
  if (link == nullptr || link->second.service_id.empty() ||
      link->second.environment_id != place.environment_id)
    return std::nullopt;
  for (const Json& each : made["services"].items())
    if (each["service"]["id"].text() == link->second.service_id) return std::nullopt;
  Place linked = place;
  linked.service_id = link->second.service_id;
  linked.service = link->second.service;
  return linked;
}

bool wants_reference(Session& session, const std::string& line, const Place& linked) {
  const Call& call = session.call();
  if (call.has("--reference")) return true;
  if (call.has("--no-reference") || !may_prompt(session)) return false;
  const std::string answer = ask("Set " + line + " in " + linked.service + "? [y/N]");
  return answer == "y" || answer == "Y" || answer == "yes";
}

// Sets the reference where that is wanted, else says how. Whether it was set.
bool offer_reference(Session& session, const Place& place, const Json& made) {
  const Json reference = made["reference"];
  if (reference.is_null()) return false;
  const std::string name = reference["name"].text();
  const std::string line = name + "=" + reference["value"].text();
  const auto linked = linked_service(session, place, made);
  if (linked && wants_reference(session, line, *linked)) {
    session.client().send("PATCH", linked->instance_path() + "/variables",
                          json_map({{name, json_string(reference["value"].text())}}));
    session.note("set " + line + " in " + linked->service + ": it counts with the next deployment");
    return true;
  }
  if (session.call().has("--reference"))
    throw Failure{"no service is linked that could refer to it", "no_service",
                  "`{program} variables set '" + line + "' -s SERVICE`"};
  if (!session.call().has("--no-reference"))
    session.note("for another service: `" + session.program() + " variables set '" + line +
                 "' -s " + (linked ? linked->service : "SERVICE") + "`");
  return false;
}

// A directory that is linked to no service is linked to the first one that was made.
void link_when_free(Session& session, Place place, const Json& made) {
  const auto* link = session.link();
  if (link != nullptr &&
      (!link->second.service_id.empty() || link->second.environment_id != place.environment_id))
    return;
  place.service_id = made["services"].items().front()["service"]["id"].text();
  place.service = made["services"].items().front()["service"]["name"].text();
  write_link(session, place);
  session.note("linked " + current_directory() + " to service " + place.service);
}

Json add_one(Session& session, Place place, const std::string& name) {
  const Json made = make(session, place, name);
  for (const Json& warning : made["warnings"].items()) session.warn(warning.text());
  const bool wait = !session.call().has("--detach");
  for (const Json& each : made["services"].items()) {
    const std::string id = each["deployment_id"].text();
    session.note("deployment " + id + " of " + each["service"]["name"].text() + " in " +
                 place.environment);
    if (!wait) continue;
    const WhileWaiting waiting(session, id);
    (void)wait_for_deployment(session, id);
  }
  const Json first = made["services"].items().front()["service"];
  place.service_id = first["id"].text();
  place.service = first["name"].text();
  std::string url_variable = made["url_variable"].is_null() ? "" : made["url_variable"].text();
  if (session.call().has("--public")) {
    const Json proxy = open_tcp_proxy(session, place).value()["tcp_proxy"];
    session.note("port " + proxy["port"].dump() + " of the edge leads to " + place.service);
    url_variable = public_variable(url_variable);
  }
  const std::string url = url_variable.empty() ? "" : rendered(session, place, url_variable);
  if (!session.json()) {
    const std::string what = wait ? " is live" : " is on its way";
    if (url.empty()) {
      const std::string site = session.client().get(place.instance_path())["url"].text();
      print(place.service + what + (site.empty() ? "" : ": " + site));
    } else {
      print_error(place.service + what);
      print(url);
    }
  }
  const bool set = offer_reference(session, place, made);
  auto members = made.members();
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [key, value] : members) out.emplace_back(key, value.dump());
  out.emplace_back("url", url.empty() ? "null" : json_string(url));
  out.emplace_back("reference_set", set ? "true" : "false");
  return *Json::parse(json_map(out));
}

int add(Session& session) {
  const auto wanted = wanted_templates(session.call());
  const Place place = find_environment(session);
  std::vector<std::string> documents;
  for (const std::string& name : wanted) {
    const Json made = add_one(session, place, name);
    if (wanted.size() == 1) link_when_free(session, place, made);
    documents.push_back(made.dump());
  }
  if (session.json()) print(documents.size() == 1 ? documents.front() : json_array(documents));
  return 0;
}

int templates(Session& session) {
  const Json all = session.client().get("/v1/templates");
  if (session.json()) {
    print(all["data"].dump());
    return 0;
  }
  std::vector<Row> rows;
  for (const Json& each : all["data"].items()) {
    std::string versions, services;
    const auto made = each["services"].items();
    for (const Json& version : made.front()["versions"].items())
      versions += (versions.empty() ? "" : " ") + version.text();
    for (const Json& service : made)
      services += (services.empty() ? "" : " ") + service["name"].text();
    rows.push_back({each["name"].text(),
                    made.front()["version"].is_null() ? "" : made.front()["version"].text(),
                    versions, services, each["summary"].text()});
  }
  print_table({"TEMPLATE", "DEFAULT", "VERSIONS", "SERVICES", "SUMMARY"}, rows);
  return 0;
}

}  // namespace

std::vector<Command> add_commands() {
  return {
      {.path = "add",
       .summary = "add a database, or another template, and print its connection URL",
       .words = "TEMPLATE...",
       .words_max = -1,
       .scope = Scope::environment,
       .options = {{"-d,--database", "TEMPLATE", "the same as the word; may be repeated"},
                   {"--version", "VERSION", "another than the default"},
                   {"-s,--service,--name", "NAME", "its service's name"},
                   {"--for", "SERVICE", "what a pool stands in front of"},
                   {"-v,--variables,--variable", "KEY=VALUE", "a variable of it; may be repeated"},
                   {"--reference", "", "set the reference in the linked service"},
                   {"--no-reference", "", "do not offer to"},
                   {"--public", "", "open a port at the edge, and print the URL with it"},
                   {"--detach", "", "do not wait until it serves"}},
       .examples = {"add postgres", "add postgres --version 16 --name db --reference",
                    "add --database mysql --database redis"},
       .run = add},
      {.path = "templates",
       .summary = "list what `add` can make",
       .examples = {"templates", "templates --json"},
       .run = templates},
  };
}

}  // namespace gantry::cli
