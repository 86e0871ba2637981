#include "cli/service.hpp"

#include "cli/linking.hpp"
#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/setting_words.hpp"
#include "cli/staging.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {

std::optional<Place> create_service(Session& session, const std::string& name,
                                    const std::string& settings) {
  Place place = find_environment(session);
  const auto present =
      session.client().find(place.project_path() + "/services/" + percent_encode(name));
  std::string body;
  {
    JsonObject object(body);
    object.text(present ? "service" : "name", name);
    if (!present) object.text("environment", place.environment_id);
  }
  if (!settings.empty()) body.insert(body.size() - 1, "," + settings);
  const std::string instances = place.environment_path() + "/services";
  const auto made =
      change(session, "POST", present ? instances : place.project_path() + "/services", body);
  if (!made) return std::nullopt;
  place.instance = *made;
  place.service_id = place.instance["service"]["id"].text();
  place.service = place.instance["service"]["name"].text();
  return place;
}

namespace {

std::string wanted_word(Session& session, const char* what) {
  if (session.call().words.empty())
    throw Failure{std::string("the service's name is missing"), "usage", what, kUnreadable};
  return session.call().words[0];
}

int list(Session& session) {
  const Place place = find_environment(session);
  std::vector<std::string> documents;
  std::vector<Row> rows;
  for (const Json& each : session.client().list(place.environment_path() + "/services")) {
    documents.push_back(each.dump());
    rows.push_back({each["service"]["name"].text(), each["service"]["id"].text(),
                    paint_status(each["status"]["phase"].text()), each["url"].text()});
  }
  if (session.json())
    print(json_array(documents));
  else
    print_table({"SERVICE", "ID", "STATUS", "URL"}, rows);
  return 0;
}

int link_named(Session& session, const std::string& name) {
  Call named = session.call();
  named.options["--service"] = {name};
  Session chosen(named);
  const Place place = find_service(chosen);
  write_link(session, place);
  tell_link(session, place);
  return 0;
}

int link(Session& session) {
  return link_named(session, wanted_word(session, "`{program} service link NAME`"));
}

int bare(Session& session) { return session.call().words.empty() ? list(session) : link(session); }

int create(Session& session) {
  const std::string name = wanted_word(session, "`{program} service create NAME`");
  std::string settings;
  if (const auto image = session.call().value("--image"))
    settings = "\"source\":{\"image\":" + json_string(*image) + "}";
  const auto place = create_service(session, name, settings);
  if (!place) return 0;
  print(session.json() ? place->instance.dump()
                       : "created service " + place->service + " in " + place->environment);
  return 0;
}

// Nothing is deployed by it, but replicas count at once.
int set(Session& session) {
  const std::string patch = settings_patch(session.call().words);
  const Place place = find_service(session);
  const auto instance = change(session, "PATCH", place.instance_path(), patch);
  if (!instance) return 0;
  print(session.json() ? instance->dump() : "changed the settings of " + place.service);
  if (!session.json() && (*instance)["status"]["phase"].text() != "EMPTY")
    session.note("they count with the next deployment: `" + session.program() + " redeploy`");
  return 0;
}

int remove(Session& session) {
  Call named = session.call();
  if (!named.words.empty()) named.options["--service"] = {named.words[0]};
  Session chosen(named);
  const std::string wanted = chosen.selectors().service;
  if (wanted.empty()) throw Failure{"No service linked", "no_service", "name the one to delete"};
  if (is_staged(chosen)) {
    const Place here = find_service(chosen);
    (void)change(chosen, "DELETE", here.instance_path());
    return 0;
  }
  const Place place = find_project(chosen);
  const auto service =
      chosen.client().find(place.project_path() + "/services/" + percent_encode(wanted));
  if (!service) throw no_such_service(chosen, wanted);
  confirm(session, "delete service " + (*service)["name"].text() + " from every environment of " +
                       place.project);
  chosen.client().send("DELETE", place.project_path() + "/services/" + (*service)["id"].text());
  std::string out;
  JsonObject(out).text("id", (*service)["id"].text()).boolean("deleted", true);
  print(session.json() ? out : "deleted service " + (*service)["name"].text());
  return 0;
}

}  // namespace

std::vector<Command> service_commands() {
  return {
      {.path = "service",
       .summary = "link a service, or list them",
       .aliases = {"services"},
       .words = "[NAME]",
       .words_max = 1,
       .scope = Scope::environment,
       .examples = {"service api", "service list --json"},
       .run = bare},
      {.path = "service list",
       .summary = "the services",
       .aliases = {"ls"},
       .scope = Scope::environment,
       .run = list},
      {.path = "service link",
       .summary = "link this directory to a service",
       .words = "NAME",
       .words_max = 1,
       .scope = Scope::environment,
       .run = link},
      {.path = "service create",
       .summary = "create a service",
       .aliases = {"new"},
       .words = "NAME",
       .words_max = 1,
       .scope = Scope::environment,
       .options = {{"-i,--image", "IMAGE", "the image that it will run"}},
       .examples = {"service create api --image nginx:1.27"},
       .run = create},
      {.path = "service set",
       .summary = "set settings: source.image, build.root_directory, deploy.healthcheck_path ...",
       .words = "KEY=VALUE...",
       .words_max = -1,
       .scope = Scope::service,
       .examples = {"service set deploy.healthcheck_path=/health deploy.port=3000 -s api",
                    "service set deploy.cron.schedule='0 3 * * *' -s report --stage",
                    "service set deploy.start_command=null -s api"},
       .run = set},
      {.path = "service delete",
       .summary = "delete a service from every environment; staged: from this one",
       .aliases = {"rm", "remove"},
       .words = "[NAME]",
       .words_max = 1,
       .scope = Scope::service,
       .options = {{"-y,--yes", "", "do not ask"}},
       .examples = {"service delete api -y"},
       .run = remove},
  };
}

}  // namespace gantry::cli
