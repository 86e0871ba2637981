#include <set>

#include "cli/linking.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

Row row_of(const Json& instance) {
  return {instance["service"]["name"].text(), paint_status(instance["status"]["phase"].text()),
          instance["deploy"]["replicas"].text(), instance["source"]["image"].text(),
          instance["url"].text()};
}

// Repositories of services here whose last fetch failed: URL, why. Asked only where one is
// followed.
std::vector<Row> troubles(Session& session, const Place& place, const std::set<std::string>& urls) {
  std::vector<Row> found;
  if (urls.empty()) return found;
  for (const Json& each :
       session.client().get(place.project_path() + "/repositories")["data"].items())
    if (urls.contains(each["url"].text()) && !each["trouble"].text().empty())
      found.push_back({each["url"].text(), each["trouble"].text()});
  return found;
}

int status(Session& session) {
  Place place = find_environment(session);
  const std::string wanted = session.selectors().service;
  std::vector<std::string> documents;
  std::vector<Row> rows;
  std::string reasons;
  std::set<std::string> followed;
  for (const Json& instance : session.client().list(place.environment_path() + "/services")) {
    documents.push_back(instance.dump());
    rows.push_back(row_of(instance));
    if (const std::string url = instance["source"]["repository"].text(); !url.empty())
      followed.insert(url);
    const Json service = instance["service"];
    if (service["id"].text() == wanted || service["name"].text() == wanted) {
      place.service_id = service["id"].text();
      place.service = service["name"].text();
    }
    if (const std::string reason = instance["status"]["reason"].text(); !reason.empty())
      reasons += "\n" + service["name"].text() + ": " + reason;
  }
  const std::vector<Row> trouble = troubles(session, place, followed);
  if (session.json()) {
    std::vector<std::string> repositories;
    for (const Row& each : trouble)
      JsonObject(repositories.emplace_back()).text("url", each[0]).text("trouble", each[1]);
    std::string out = place_json(place);
    out.pop_back();
    print(out + ",\"services\":" + json_array(documents) +
          ",\"repositories\":" + json_array(repositories) + '}');
    return 0;
  }
  print("Server:       " + session.url() + "\nProject:      " + place.project + "\nEnvironment:  " +
        place.environment + "\nService:      " + or_none(place.service) + '\n');
  if (rows.empty())
    print("no services here yet: `" + session.program() + " deploy -s NAME --image IMAGE`");
  else
    print_table({"SERVICE", "STATUS", "REPLICAS", "IMAGE", "URL"}, rows);
  if (!reasons.empty()) print(reasons);
  for (const Row& each : trouble) print("\n" + each[0] + " cannot be fetched: " + each[1]);
  return 0;
}

int open(Session& session) {
  const Place place = find_service(session);
  const std::string url = place.instance["url"].text();
  if (url.empty())
    throw Failure{"service " + place.service + " is a worker (port 0): it has no address",
                  "no_address", ""};
  std::string out;
  JsonObject(out).text("url", url);
  print(session.json() ? out : url);
  return 0;
}

}  // namespace

std::vector<Command> status_commands() {
  return {
      {.path = "status",
       .summary = "the linked project, its environment and what runs there",
       .scope = Scope::service,
       .examples = {"status", "status -p shop -e staging --json"},
       .run = status},
      {.path = "open",
       .summary = "print the service's address",
       .options = {{"-p,--print", "", "print it (always so: no browser is started)"},
                   {"--project", "NAME|ID", "the project"},
                   {"-e,--environment", "NAME|ID", "the environment"},
                   {"-s,--service", "NAME|ID", "the service"}},
       .examples = {"open -s api"},
       .run = open},
  };
}

}  // namespace gantry::cli
