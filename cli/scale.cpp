#include "cli/output.hpp"
#include "cli/pairs.hpp"
#include "cli/session.hpp"
#include "cli/staging.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

int scale(Session& session) {
  const auto wanted = parse_scale(session.call().words, session.call().value("--replicas"));
  const Place place = find_service(session);
  Json instance = place.instance;
  if (wanted) {
    std::string body;
    JsonObject(body).number("replicas", *wanted);
    const auto scaled = change(session, "POST", place.instance_path() + "/scale", body);
    if (!scaled) return 0;
    instance = *scaled;
  }
  const Json deploy = instance["deploy"];
  if (session.json()) {
    std::string out;
    JsonObject(out)
        .text("service", place.service)
        .number("replicas", deploy["replicas"].number())
        .number("cpu_millicores", deploy["cpu_millicores"].number())
        .number("memory_bytes", deploy["memory_bytes"].number());
    print(out);
    return 0;
  }
  if (wanted)
    print("scaled " + place.service + " to " + deploy["replicas"].text());
  else
    print_table({"SERVICE", "REPLICAS", "CPU_MILLICORES", "MEMORY_BYTES"},
                {{place.service, deploy["replicas"].text(), deploy["cpu_millicores"].text(),
                  deploy["memory_bytes"].text()}});
  return 0;
}

}  // namespace

std::vector<Command> scale_commands() {
  return {{.path = "scale",
           .summary = "set the number of replicas, or show it",
           .words = "[N | replicas=N]",
           .words_max = 3,
           .scope = Scope::service,
           .options = {{"--replicas", "N", "the same"}},
           .examples = {"scale", "scale 3", "scale replicas=3 -s api"},
           .run = scale}};
}

}  // namespace gantry::cli
