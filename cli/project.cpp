#include "cli/project.hpp"

#include "cli/linking.hpp"
#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/up_place.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
Place create_project(Session& session, const std::string& name) {
  std::string body;
  JsonObject(body).text("name", name);
  Json project;
  try {
    project = session.client().send("POST", "/v1/projects", body);
  } catch (Failure& failure) {
    if (failure.code.find("taken") != std::string::npos)
      failure.hint = "`{program} link -p NAME` connects this directory to a project that is there";
    throw failure;
  }
  Place place{.project_id = project["id"].text(), .project = project["name"].text()};
  for (const Json& each : session.client().list(place.project_path() + "/environments")) {
    if (!place.environment_id.empty() && each["name"].text() != "production") continue;
    place.environment_id = each["id"].text();
    place.environment = each["name"].text();
  }
  session.change_config([&](ConfigFile& config) {
    config.links[current_directory()] = Link{.url = session.url(),
                                             .project_id = place.project_id,
                                             .project = place.project,
                                             .environment_id = place.environment_id,
                                             .environment = place.environment,
                                             .service_id = "",
                                             .service = ""};
  });
  return place;
}

namespace {

std::string wanted_name(Session& session) {
  if (const auto name = session.call().value("--name")) return *name;
  if (!session.call().words.empty()) return session.call().words[0];
  const std::string fallback = name_of_directory(current_directory(), "project");
  if (!may_prompt(session)) return fallback;
  const std::string answer = ask("Name of the project [" + fallback + "]:");
  return answer.empty() ? fallback : answer;
}

int init(Session& session) {
  const Place place = create_project(session, wanted_name(session));
  if (!session.json()) {
    print("created project " + place.project);
    tell_link(session, place);
    return 0;
  }
  std::string out;
  JsonObject(out).text("id", place.project_id).text("name", place.project);
  print(out);
  return 0;
}

std::string names(const std::vector<Json>& items) {
  std::string out;
  for (const Json& item : items) out += (out.empty() ? "" : ", ") + item["name"].text();
  return out;
}

int list(Session& session) {
  Client& client = session.client();
  std::vector<std::string> documents;
  std::vector<Row> rows;
  for (const Json& project : client.list("/v1/projects")) {
    const std::string path = "/v1/projects/" + project["id"].text();
    const auto environments = client.list(path + "/environments");
    const auto services = client.list(path + "/services");
    rows.push_back({project["name"].text(), names(environments), names(services)});
    std::vector<std::string> environment_documents, service_documents;
    for (const Json& each : environments) environment_documents.push_back(each.dump());
    for (const Json& each : services) service_documents.push_back(each.dump());
    auto members = project.members();
    std::vector<std::pair<std::string, std::string>> document;
    for (const auto& [key, value] : members) document.emplace_back(key, value.dump());
    document.emplace_back("environments", json_array(environment_documents));
    document.emplace_back("services", json_array(service_documents));
    documents.push_back(json_map(document));
  }
  if (session.json())
    print(json_array(documents));
  else if (rows.empty())
    print("no projects yet: `" + session.program() + " init` makes one");
  else
    print_table({"PROJECT", "ENVIRONMENTS", "SERVICES"}, rows);
  return 0;
}

int remove(Session& session) {
  const Place place = find_project(session);
  confirm(session, "delete project " + place.project + " with everything in it");
  session.client().send("DELETE", place.project_path());
  session.change_config([&](ConfigFile& config) {
    std::erase_if(config.links,
                  [&](const auto& entry) { return entry.second.project_id == place.project_id; });
  });
  std::string out;
  JsonObject(out).text("id", place.project_id).boolean("deleted", true);
  print(session.json() ? out : "deleted project " + place.project);
  return 0;
}

}  // namespace

std::vector<Command> project_commands() {
  const std::vector<Option> yes = {{"-y,--yes", "", "do not ask"}};
  return {
      {.path = "init",
       .summary = "create a project and link this directory to it",
       .aliases = {"new"},
       .words = "[NAME]",
       .words_max = 1,
       .options = {{"-n,--name", "NAME", "the project's name (else the directory's)"}},
       .examples = {"init shop", "init --name shop --json"},
       .run = init},
      {.path = "list",
       .summary = "projects with their environments and services",
       .aliases = {"ls"},
       .run = list},
      {.path = "project list", .summary = "the same as list", .run = list},
      {.path = "project delete",
       .summary = "delete a project and everything in it",
       .aliases = {"rm"},
       .scope = Scope::project,
       .options = yes,
       .examples = {"project delete -p shop -y"},
       .run = remove},
      {.path = "delete",
       .summary = "delete a project and everything in it",
       .aliases = {"rm", "remove"},
       .scope = Scope::project,
       .options = yes,
       .run = remove},
  };
}

}  // namespace gantry::cli
