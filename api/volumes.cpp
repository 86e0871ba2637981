// Volumes of an environment; and, for an account token, all there are, those of projects that are
// gone, too.
#include <algorithm>

#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/nearest.hpp"
#include "api/page.hpp"
#include "api/query.hpp"
#include "api/reply.hpp"
#include "api/requested_volume.hpp"
#include "api/volume_json.hpp"

namespace gantry::api {
namespace {

std::string location_of(const Volume& volume) {
  return "/v1/projects/" + volume.project_id.str() + "/environments/" +
         volume.environment_id.str() + "/volumes/" + volume.id.str();
}

std::string json_of(const Volume& volume, const ProjectSnapshot* project, const Context& context) {
  std::string body;
  append_volume(body, volume, project, context);
  return body;
}

Response answer(const Request& request, const Context& context, const Place& place,
                const Volume& volume) {
  return object(request, volume.stamp.version, json_of(volume, place.project.get(), context),
                Varies::with_body);
}

// A conflict that one of the body's fields has to do with.
template <class T>
Result<T> at(const char* pointer, std::initializer_list<std::string_view> reasons,
             Result<T> result) {
  if (result) return result;
  Error error = result.error();
  if (error.fields.empty() &&
      std::find(reasons.begin(), reasons.end(), error.reason) != reasons.end())
    error.fields.push_back({pointer, error.reason, error.detail});
  return error;
}

Result<InstanceId> find_mounter(const Place& place, const std::string& wanted) {
  const Service* service = place.project->service(wanted);
  const InstanceView* view =
      service == nullptr ? nullptr
                         : place.project->instance(service->id, place.environment->environment.id);
  if (view == nullptr)
    return invalid("/service", "unknown_service",
                   "there is no service \"" + clipped(wanted) + "\" in the environment " +
                       place.environment->environment.name.str() +
                       ": a volume is mounted by a service of its own environment");
  return view->instance.id;
}

Result<Volume> attach(Transaction& transaction, const VolumeId& id, const InstanceId& instance_id,
                      const std::string& mount_path) {
  auto attached = transaction.attach_volume(id, instance_id, mount_path);
  attached = at("/mount_path", {"mount_path_taken"}, std::move(attached));
  return at("/service", {"several_replicas", "other_environment"}, std::move(attached));
}

}  // namespace

Answer list_volumes(const Request& request, Context& context) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  const auto deleted = query_flag(request, "deleted");
  if (!deleted) return deleted.error();
  std::vector<const Volume*> here;
  for (const auto& [id, volume] : place->project->volumes)
    if (volume->environment_id == place->environment->environment.id &&
        volume->deleted_at.has_value() == *deleted)
      here.push_back(volume.get());
  return page_of(
      request, context, *wanted, here,
      [](const Volume* volume) -> const std::string& { return volume->id.str(); },
      [&](std::string& out, const Volume* volume) {
        append_volume(out, *volume, place->project.get(), context);
      });
}

Answer get_volume(const Request& request, Context& context) {
  const auto place = find_volume(request, context);
  if (!place) return place.error();
  return answer(request, context, *place, *place->volume);
}

Answer create_volume(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  const auto wanted = read_requested_volume(request);
  if (!wanted) return wanted.error();
  Result<InstanceId> instance = InstanceId();
  if (wanted->service) instance = find_mounter(*place, *wanted->service);
  if (!instance) return instance.error();
  auto volume = at("/name", {"name_taken"},
                   transaction.create_volume(
                       {place->environment->environment.id, wanted->name, wanted->size_bytes}));
  if (volume && wanted->service)
    volume = attach(transaction, volume->id, *instance, *wanted->mount_path);
  if (!volume) return volume.error();
  return started(201, location_of(*volume), volume->stamp.version,
                 json_of(*volume, place->project.get(), context), Varies::with_body);
}

Answer change_volume(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_volume(request, context);
  if (!place) return place.error();
  const auto change = read_volume_change(request);
  if (!change) return change.error();
  const auto volume = at("/name", {"name_taken"},
                         transaction.change_volume(place->volume->id, *change, if_match(request)));
  if (!volume) return volume.error();
  return answer(request, context, *place, *volume);
}

Answer delete_volume(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_volume(request, context);
  if (!place) return place.error();
  const auto deleted = transaction.delete_volume(place->volume->id, if_match(request));
  if (!deleted) return deleted.error();
  return no_content();
}

Answer attach_volume(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_volume(request, context);
  if (!place) return place.error();
  const auto wanted = read_attachment(request, place->volume->mount_path);
  if (!wanted) return wanted.error();
  const auto instance = find_mounter(*place, wanted->service);
  if (!instance) return instance.error();
  const auto volume = attach(transaction, place->volume->id, *instance, wanted->mount_path);
  if (!volume) return volume.error();
  return answer(request, context, *place, *volume);
}

Answer detach_volume(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_volume(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const auto volume = transaction.detach_volume(place->volume->id);
  if (!volume) return volume.error();
  return answer(request, context, *place, *volume);
}

Answer restore_volume(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_volume(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const auto volume =
      transaction.restore_volume(place->volume->id, place->environment->environment.id);
  if (!volume) return volume.error();
  return answer(request, context, *place, *volume);
}

Answer list_all_volumes(const Request& request, Context& context) {
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  const auto volumes = context.store.volumes();
  if (!volumes) return volumes.error();
  return page_of(
      request, context, *wanted, *volumes,
      [](const Volume& volume) -> const std::string& { return volume.id.str(); },
      [&](std::string& out, const Volume& volume) {
        append_volume(out, volume, context.store.project(volume.project_id.str()).get(), context);
      });
}

// Its own place may be gone.
Answer restore_volume_to(const Request& request, Context& context, Transaction& transaction) {
  const auto found = find_any_volume(request, context);
  if (!found) return found.error();
  auto body = Fields::read(request, {"project", "environment"});
  if (!body) return body.error();
  const std::string project = body->text("project");
  const std::string environment = body->text("environment");
  GANTRY_TRY(body->check());
  Place place{.project = context.store.project(project)};
  if (!place.project)
    return invalid("/project", "unknown_project",
                   "there is no project \"" + clipped(project) + "\"");
  place.environment = place.project->environment(environment);
  if (place.environment == nullptr)
    return invalid("/environment", "unknown_environment",
                   "the project has no environment \"" + clipped(environment) + "\"");
  const auto volume = transaction.restore_volume(found->id, place.environment->environment.id);
  if (!volume) return volume.error();
  return answer(request, context, place, *volume);
}

}  // namespace gantry::api
