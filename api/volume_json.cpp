#include "api/volume_json.hpp"

#include "proto/json.hpp"

namespace gantry::api {
namespace {

void append_owners(JsonObject& object, const Volume& volume, const ProjectSnapshot* project) {
  const EnvironmentView* environment =
      project == nullptr ? nullptr : project->environment(volume.environment_id.str());
  if (project != nullptr)
    append_reference(object, "project", project->project.id.str(), project->project.name.str());
  else
    object.null("project");
  if (environment != nullptr)
    append_reference(object, "environment", environment->environment.id.str(),
                     environment->environment.name.str());
  else
    object.null("environment");
  if (project != nullptr)
    if (const auto view = project->instances.find(volume.instance_id);
        view != project->instances.end())
      if (const Service* service = project->service(view->second->instance.service_id.str());
          service != nullptr) {
        append_reference(object, "service", service->id.str(), service->name.str());
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
  std::optional<TimePoint> purge_at = volume.deleted_at;
  if (purge_at) *purge_at += context.options.volume_grace;
  object.text_or_null("mount_path", volume.mount_path)
      .number("size_bytes", volume.size_bytes)
      .number_or_null("used_bytes", volume.used_bytes)
      .boolean("made", volume.made)
      .time_or_null("deleted_at", volume.deleted_at)
      .time_or_null("purge_at", purge_at)
      .number("version", volume.stamp.version)
      .time("created_at", volume.stamp.created_at)
      .time("updated_at", volume.stamp.updated_at);
}

}  // namespace gantry::api
