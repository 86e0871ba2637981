#include "cli/session.hpp"
#include "cli/staging.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

constexpr const char* kDefaultEnvironment = "production";

std::string names_of(const std::vector<Json>& items, const char* of) {
  std::string names;
  for (const Json& item : items)
    names += (names.empty() ? "" : ", ") + (*of == '\0' ? item : item[of])["name"].text();
  return names;
}

std::string known(const std::string& what, const std::string& names) {
  return names.empty() ? "" : what + " here: " + names;
}

void take_project(Session& session, Place& place, const std::string& wanted) {
  const auto project = session.client().find("/v1/projects/" + percent_encode(wanted));
  if (!project)
    throw Failure{"Project \"" + wanted + "\" not found.", "not_found",
                  known("projects", names_of(session.client().list("/v1/projects"), ""))};
  place.project_id = (*project)["id"].text();
  place.project = (*project)["name"].text();
}

void take_environment(Session& session, Place& place, const std::string& wanted) {
  const std::string all = place.project_path() + "/environments";
  const auto environment = session.client().find(
      all + "/" + percent_encode(wanted.empty() ? kDefaultEnvironment : wanted));
  if (environment) {
    place.environment_id = (*environment)["id"].text();
    place.environment = (*environment)["name"].text();
    return;
  }
  const auto present = session.client().list(all);
  if (wanted.empty() && present.size() == 1) {
    place.environment_id = present[0]["id"].text();
    place.environment = present[0]["name"].text();
    return;
  }
  if (wanted.empty())
    throw Failure{"No environment linked", "no_environment",
                  "name one with -e: " + names_of(present, "")};
  throw Failure{"Environment \"" + wanted + "\" not found.", "not_found",
                known("environments", names_of(present, ""))};
}

void take_instance(Place& place, Json instance) {
  place.service_id = instance["service"]["id"].text();
  place.service = instance["service"]["name"].text();
  place.instance = std::move(instance);
}

void take_only_service(Session& session, Place& place) {
  const auto present = session.client().list(place.environment_path() + "/services");
  if (present.size() == 1) return take_instance(place, present[0]);
  if (present.empty())
    throw Failure{"Project has no services.", "no_services",
                  "`{program} service create NAME` makes one, `{program} deploy -s NAME --image "
                  "IMAGE` makes and deploys it"};
  throw Failure{
      "No service linked", "no_service",
      "name one with -s, or `{program} service link NAME`: " + names_of(present, "service")};
}

}  // namespace

Place find_project(Session& session) {
  const std::string wanted = session.selectors().project;
  if (wanted.empty())
    throw Failure{"No linked project found. Run {program} link to connect to a project",
                  "no_project", "or name one with -p; `{program} list` shows them"};
  Place place;
  take_project(session, place, wanted);
  return place;
}

Place find_environment(Session& session) {
  Place place = find_project(session);
  take_environment(session, place, session.selectors().environment);
  return place;
}

std::optional<Place> try_find_service(Session& session) {
  const Selectors wanted = session.selectors();
  Place place = find_environment(session);
  if (wanted.service.empty()) {
    take_only_service(session, place);
    return place;
  }
  auto instance = session.client().find(place.environment_path() + "/services/" +
                                        percent_encode(wanted.service));
  if (!instance && is_staged(session))
    return find_staged_service(session, std::move(place), wanted.service);
  if (!instance) return std::nullopt;
  take_instance(place, std::move(*instance));
  return place;
}

Failure no_such_service(Session& session, const std::string& name) {
  const Place place = find_environment(session);
  const auto elsewhere =
      session.client().find(place.project_path() + "/services/" + percent_encode(name));
  if (elsewhere)
    return {"Service \"" + (*elsewhere)["name"].text() + "\" not found in environment " +
                place.environment + ".",
            "not_found", "`{program} up -s " + (*elsewhere)["name"].text() + "` deploys it there"};
  const auto present = session.client().list(place.environment_path() + "/services");
  return {"Service \"" + name + "\" not found.", "not_found",
          known("services", names_of(present, "service"))};
}

Place find_service(Session& session) {
  auto place = try_find_service(session);
  if (!place) throw no_such_service(session, session.selectors().service);
  return std::move(*place);
}

}  // namespace gantry::cli
