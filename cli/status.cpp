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

int status(Session& session) {
  Place place = find_environment(session);
  const std::string wanted = session.selectors().service;
  std::vector<std::string> documents;
  std::vector<Row> rows;
  std::string reasons;
  for (const Json& instance : session.client().list(place.environment_path() + "/services")) {
    documents.push_back(instance.dump());
    rows.push_back(row_of(instance));
    const Json service = instance["service"];
    if (service["id"].text() == wanted || service["name"].text() == wanted) {
      place.service_id = service["id"].text();
      place.service = service["name"].text();
    }
    if (const std::string reason = instance["status"]["reason"].text(); !reason.empty())
      reasons += "\n" + service["name"].text() + ": " + reason;
  }
  if (session.json()) {
    std::string out = place_json(place);
    out.pop_back();
    print(out + ",\"services\":" + json_array(documents) + '}');
    return 0;
  }
  print("Server:       " + session.url() + "\nProject:      " + place.project + "\nEnvironment:  " +
        place.environment + "\nService:      " + or_none(place.service) + '\n');
  if (rows.empty())
    print("no services here yet: `" + session.program() + " deploy -s NAME --image IMAGE`");
  else
    print_table({"SERVICE", "STATUS", "REPLICAS", "IMAGE", "URL"}, rows);
  if (!reasons.empty()) print(reasons);
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
