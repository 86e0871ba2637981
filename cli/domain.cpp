// Hosts of people's own.
#include <algorithm>

#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/staging.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

void print_record(const Json& domain) {
  const Json record = domain["record"];
  if (record.is_null()) return;
  print("Set this record in the DNS of the domain:\n");
  print_table({"TYPE", "NAME", "VALUE"},
              {{record["type"].text(), record["name"].text(), record["value"].text()}});
  print("");
}

int list(Session& session) {
  const Place place = find_service(session);
  const Json page = session.client().get(place.instance_path() + "/domains");
  if (session.json()) {
    print(page["data"].dump());
    return 0;
  }
  std::vector<Row> rows;
  for (const Json& each : page["data"].items())
    rows.push_back({each["host"].text(), each["url"].text(),
                    each["generated"].boolean() ? "" : each["record"]["value"].text()});
  print_table({"DOMAIN", "URL", "CNAME"}, rows);
  return 0;
}

int add(Session& session) {
  const Place place = find_service(session);
  std::string body;
  JsonObject(body).text("host", session.call().words.front());
  const auto domain = change(session, "POST", place.instance_path() + "/domains", body);
  if (!domain) return 0;
  if (session.json()) {
    print(domain->dump());
    return 0;
  }
  print_record(*domain);
  print(place.service + " answers at " + (*domain)["url"].text());
  return 0;
}

int list_or_add(Session& session) {
  return session.call().words.empty() ? list(session) : add(session);
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// The path of a host below the service that has it, whichever that is.
std::string domain_path(Session& session, const Place& place, const std::string& host) {
  const std::string wanted = lower(host);
  const auto below = [&](const std::string& service) {
    return place.environment_path() + "/services/" + service + "/domains/" + percent_encode(wanted);
  };
  if (const auto staged = staged_change(session, place, "domains." + wanted);
      staged && !(*staged)["removes"].boolean() && !(*staged)["after"].is_null())
    return below((*staged)["after"].text());
  for (const Json& instance : session.client().list(place.environment_path() + "/services")) {
    const auto domains = instance["domains"].items();
    if (std::any_of(domains.begin(), domains.end(),
                    [&](const Json& each) { return each.text() == wanted; }))
      return below(instance["service"]["id"].text());
  }
  throw Failure{"no service in " + place.environment + " has the domain " + host, "not_found",
                "`{program} domain add " + host + "` gives it to one"};
}

int remove(Session& session) {
  const Place place = find_environment(session);
  const std::string host = session.call().words.front();
  if (!change(session, "DELETE", domain_path(session, place, host))) return 0;
  std::string out;
  JsonObject(out).text("host", host).boolean("removed", true);
  print(session.json() ? out : "removed " + host);
  return 0;
}

int move(Session& session) {
  const auto to = session.call().value("--to");
  if (!to)
    throw Failure{"where to?", "usage", "`{program} domain move HOST --to SERVICE`", kUnreadable};
  const Place place = find_environment(session);
  const std::string host = session.call().words.front();
  std::string body;
  JsonObject(body).text("to", *to);
  const auto domain = change(session, "POST", domain_path(session, place, host) + "/move", body);
  if (!domain) return 0;
  print(session.json() ? domain->dump() : (*domain)["service"].text() + " answers at " + host);
  return 0;
}

}  // namespace

std::vector<Command> domain_commands() {
  return {{.path = "domain",
           .summary = "the service's domains; with HOST: give it one",
           .words = "[HOST]",
           .words_max = 1,
           .scope = Scope::service,
           .examples = {"domain -s api", "domain api.example.com -s api"},
           .run = list_or_add},
          {.path = "domain list",
           .summary = "the service's domains",
           .aliases = {"ls"},
           .scope = Scope::service,
           .run = list},
          {.path = "domain add",
           .summary = "give the service a domain, and show the record to set",
           .words = "HOST",
           .words_max = 1,
           .scope = Scope::service,
           .examples = {"domain add api.example.com -s api"},
           .run = add},
          {.path = "domain remove",
           .summary = "take a domain away from the service that has it",
           .aliases = {"rm", "delete"},
           .words = "HOST",
           .words_max = 1,
           .scope = Scope::environment,
           .examples = {"domain remove api.example.com"},
           .run = remove},
          {.path = "domain move",
           .summary = "move a domain to another service, in one step",
           .aliases = {"mv"},
           .words = "HOST",
           .words_max = 1,
           .scope = Scope::environment,
           .options = {{"--to", "SERVICE", "the service that gets it"}},
           .examples = {"domain move api.example.com --to api-green"},
           .run = move}};
}

}  // namespace gantry::cli
