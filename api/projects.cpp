#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/page.hpp"
#include "api/reply.hpp"

namespace gantry::api {

Answer list_projects(const Request& request, Context& context) {
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  return page_of(
      request, context, *wanted, context.store.projects(),
      [](const ProjectPtr& item) -> const std::string& { return item->project.id.str(); },
      [](std::string& out, const ProjectPtr& item) { append_json(out, item->project); });
}

Answer get_project(const Request& request, Context& context) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const Project& project = place->project->project;
  return object(request, project.stamp.version, to_json(project));
}

Answer create_project(const Request& request, Context&, Transaction& transaction) {
  auto body = Fields::read(request, {"name"});
  if (!body) return body.error();
  const Name name = body->name("name");
  GANTRY_TRY(body->check());
  const auto project = transaction.create_project(name);
  if (!project) return project.error();
  return started(201, "/v1/projects/" + project->id.str(), project->stamp.version,
                 to_json(*project));
}

Answer rename_project(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"name"});
  if (!body) return body.error();
  const Name name = body->name("name");
  GANTRY_TRY(body->check());
  const auto project =
      transaction.rename_project(place->project->project.id, name, if_match(request));
  if (!project) return project.error();
  return object(request, project->stamp.version, to_json(*project));
}

Answer delete_project(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  GANTRY_TRY(transaction.delete_project(place->project->project.id, if_match(request)));
  return no_content();
}

}  // namespace gantry::api
