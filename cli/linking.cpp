#include "cli/linking.hpp"

#include "cli/output.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

std::string reference(const std::string& id, const std::string& name) {
  if (id.empty()) return "null";
  std::string out;
  JsonObject(out).text("id", id).text("name", name);
  return out;
}

}  // namespace

void write_link(Session& session, const Place& place) {
  const Link link{.url = session.url(),
                  .project_id = place.project_id,
                  .project = place.project,
                  .environment_id = place.environment_id,
                  .environment = place.environment,
                  .service_id = place.service_id,
                  .service = place.service};
  const auto* present = session.link();
  const bool narrower = present != nullptr && present->second.project_id == place.project_id;
  const std::string directory = narrower ? present->first : current_directory();
  session.change_config([&](ConfigFile& config) { config.links[directory] = link; });
}

std::string place_json(const Place& place) {
  std::string out;
  JsonObject(out)
      .raw("project", reference(place.project_id, place.project))
      .raw("environment", reference(place.environment_id, place.environment))
      .raw("service", reference(place.service_id, place.service));
  return out;
}

void tell_link(Session& session, const Place& place) {
  if (session.json()) return print(place_json(place));
  std::string line = "linked " + current_directory() + " to project " + place.project;
  if (!place.environment.empty()) line += ", environment " + place.environment;
  if (!place.service.empty()) line += ", service " + place.service;
  print(line);
}

}  // namespace gantry::cli
