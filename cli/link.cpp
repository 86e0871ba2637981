#include "cli/linking.hpp"
#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/verbs.hpp"

namespace gantry::cli {
namespace {

// The project to link when none was named: the only one, or the one that a person chooses.
Place pick_project(Session& session) {
  const auto projects = session.client().list("/v1/projects");
  if (projects.empty())
    throw Failure{"there is no project yet", "no_projects", "`{program} init NAME` makes one"};
  std::size_t chosen = 0;
  std::vector<std::string> names;
  std::string list;
  for (const Json& project : projects) {
    names.push_back(project["name"].text());
    list += (list.empty() ? "" : ", ") + names.back();
  }
  if (projects.size() > 1) {
    if (!may_prompt(session))
      throw Failure{"there are several projects", "no_project", "name one with -p: " + list};
    chosen = ask_choice("Which project?", names);
  }
  return {.project_id = projects[chosen]["id"].text(), .project = names[chosen]};
}

int link(Session& session) {
  const Call& call = session.call();
  Call named = call;
  if (!call.value("--project") && session.selectors().project.empty())
    named.options["--project"] = {pick_project(session).project_id};
  Session chosen(named);
  Place place;
  if (chosen.call().value("--service") || !chosen.selectors().service.empty())
    place = find_service(chosen);
  else
    place = find_environment(chosen);
  write_link(session, place);
  tell_link(session, place);
  return 0;
}

int unlink(Session& session) {
  const auto* present = session.link();
  if (present == nullptr)
    throw Failure{"No linked project found. Run {program} link to connect to a project",
                  "no_project", ""};
  const std::string directory = present->first;
  const bool service_only = session.call().has("--service");
  const std::string what =
      service_only ? "service " + present->second.service : "project " + present->second.project;
  session.change_config([&](ConfigFile& config) {
    if (!service_only) {
      config.links.erase(directory);
      return;
    }
    config.links[directory].service_id.clear();
    config.links[directory].service.clear();
  });
  print(session.json() ? "{\"unlinked\":true}" : "unlinked " + directory + " from " + what);
  return 0;
}

}  // namespace

std::vector<Command> link_commands() {
  return {
      {.path = "link",
       .summary = "connect this directory to a project, environment and service",
       .scope = Scope::service,
       .examples = {"link -p shop", "link -p shop -e staging -s api"},
       .run = link},
      {.path = "unlink",
       .summary = "undo link",
       .options = {{"-s,--service", "", "only the service"}, {"-y,--yes", "", "do not ask"}},
       .examples = {"unlink", "unlink -s"},
       .run = unlink},
  };
}

}  // namespace gantry::cli
