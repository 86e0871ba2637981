#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"

namespace gantry::cli {
namespace {

std::vector<Json> wanted_instances(Session& session, Place& place) {
  if (session.call().value("--service")) {
    place = find_service(session);
    return {place.instance};
  }
  place = find_environment(session);
  return session.client().list(place.environment_path() + "/services");
}

int ps(Session& session) {
  Place place;
  const auto instances = wanted_instances(session, place);
  const TimePoint now = system_clock().now();
  std::vector<std::string> documents;
  std::vector<Row> rows;
  for (const Json& instance : instances) {
    const std::string service = instance["service"]["name"].text();
    const Json answer = session.client().get(place.environment_path() + "/services/" +
                                             instance["service"]["id"].text() + "/replicas");
    for (const Json& replica : answer["data"].items()) {
      std::string document = replica.dump();
      document.insert(1, "\"service\":" + json_string(service) + ",");
      documents.push_back(document);
      const std::string reason = replica["reason"].text();
      rows.push_back({service, replica["deployment_id"].text(), replica["ordinal"].text(),
                      paint_status(replica["status"].text()),
                      replica["ready"].boolean() ? "yes" : "no", replica["restarts"].text(),
                      age(replica["started_at"].text(), now), reason});
    }
  }
  if (session.json())
    print(json_array(documents));
  else if (rows.empty())
    print("nothing runs in " + place.environment);
  else
    print_table(
        {"SERVICE", "DEPLOYMENT", "REPLICA", "STATUS", "READY", "RESTARTS", "AGE", "REASON"}, rows);
  return 0;
}

}  // namespace

std::vector<Command> ps_commands() {
  return {{.path = "ps",
           .summary = "the replicas of the environment's services",
           .scope = Scope::service,
           .examples = {"ps", "ps -s api --json"},
           .run = ps}};
}

}  // namespace gantry::cli
