#include "api/volume_json.hpp"

#include "proto/json.hpp"

namespace gantry::api {
namespace {

void append_named(JsonObject& object, std::string_view key, const std::string& id,
                  const Name& name) {
  JsonObject(object.at(key)).text("id", id).text("name", name.str());
}

void append_owners(JsonObject& object, const Volume& volume, const ProjectSnapshot* project) {
  const EnvironmentView* environment =
      project == nullptr ? nullptr : project->environment(volume.environment_id.str());
  if (project != nullptr)
    append_named(object, "project", project->project.id.str(), project->project.name);
  else
    object.null("project");
  if (environment != nullptr)
    append_named(object, "environment", environment->environment.id.str(),
                 environment->environment.name);
  else
    object.null("environment");
  if (project != nullptr)
    if (const auto view = project->instances.find(volume.instance_id);
        view != project->instances.end())
      if (const Service* service = project->service(view->second->instance.service_id.str());
          service != nullptr) {
        append_named(object, "service", service->id.str(), service->name);
        return;
      }
  object.null("service");
}

}  // namespace

void append_volume(std::string& out, const Volume& volume, const ProjectSnapshot* project,
                   const Context& context) {
  JsonObject object(out);
  object.text("id", volume.id.str())
      .text("name", volume.name.str())
      .text("project_id", volume.project_id.str())
      .text("environment_id", volume.environment_id.str());
  append_owners(object, volume, project);
  object.text_or_null("mount_path", volume.mount_path).number("size_bytes", volume.size_bytes);
  if (volume.used_bytes)
    object.number("used_bytes", *volume.used_bytes);
  else
    object.null("used_bytes");
  object.boolean("made", volume.made);
  if (volume.deleted_at)
    object.time("deleted_at", *volume.deleted_at)
        .time("purge_at", *volume.deleted_at + context.options.volume_grace);
  else
    object.null("deleted_at").null("purge_at");
  object.number("version", volume.stamp.version)
      .time("created_at", volume.stamp.created_at)
      .time("updated_at", volume.stamp.updated_at);
}

}  // namespace gantry::api
