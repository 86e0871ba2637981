#include <algorithm>

#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/instances_page.hpp"
#include "api/reply.hpp"
#include "api/requested_service.hpp"
#include "proto/codec.hpp"

namespace gantry::api {
namespace {

std::string json_of(const Place& place, const InstanceView& view, const Context& context) {
  return to_json(place.owners(), view, site_of(context));
}

// The instance as it is after a write, with the deployments of before.
Response changed(const Request& request, const Context& context, const Place& place,
                 ServiceInstance instance) {
  InstanceView view = *place.instance;
  view.instance = std::move(instance);
  return object(request, view.instance.stamp.version, json_of(place, view, context),
                Varies::with_body);
}

// Settings are read, changed and written back: without If-Match the version that was read stands
// in, and the frame runs the effect again when another write came between.
IfMatch version_read(const Request& request, const Place& place) {
  if (request.header("if-match") != nullptr) return if_match(request);
  return place.instance->instance.stamp.version;
}

}  // namespace

Answer page_of_instances(const Request& request, const Context& context, const PageRequest& wanted,
                         Place place,
                         const std::function<void(std::string& out, const Place&)>& append) {
  std::vector<const InstanceView*> here;
  for (const auto& [id, view] : place.project->instances)
    if (view->instance.environment_id == place.environment->environment.id)
      here.push_back(view.get());
  return page_of(
      request, context, wanted, here,
      [](const InstanceView* view) -> const std::string& { return view->instance.id.str(); },
      [&](std::string& out, const InstanceView* view) {
        place.instance = view;
        place.service = service_of(*place.project, view->instance);
        append(out, place);
      });
}

Answer list_instances(const Request& request, Context& context) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  return page_of_instances(request, context, *wanted, *place,
                           [&](std::string& out, const Place& one) {
                             append_json(out, one.owners(), *one.instance, site_of(context));
                           });
}

Answer get_instance(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const InstanceView& view = *place->instance;
  const std::array<std::int64_t, 3> owners{place->project->project.stamp.version,
                                           place->service->stamp.version,
                                           place->environment->environment.stamp.version};
  auto text = view.text.get();
  if (text == nullptr || text->owners != owners) {
    auto made = std::make_shared<TextCache::Text>();
    made->owners = owners;
    made->body = std::make_shared<const std::string>(json_of(*place, view, context));
    made->tag = object_tag(view.instance.stamp.version, *made->body);
    text = std::move(made);
    view.text.set(text);
  }
  return object(request, *text);
}

Answer create_instance(const Request& request, Context& context, Transaction& transaction) {
  const auto wanted = read_requested_instance(request, context);
  if (!wanted) return wanted.error();
  const Place& place = wanted->place;
  auto instance = transaction.create_instance(place.service->id, place.environment->environment.id,
                                              wanted->settings);
  if (!instance) return instance.error();
  const InstanceView view{
      .instance = std::move(*instance), .variables = nullptr, .deployments = {}};
  return started(201, instance_location(place), view.instance.stamp.version,
                 json_of(place, view, context), Varies::with_body);
}

Answer change_instance(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto patch = read_object(request);
  if (!patch) return patch.error();
  const auto settings = merge_settings(place->instance->instance.settings, *patch);
  if (!settings) return settings.error();
  auto instance = transaction.update_settings(place->instance->instance.id, *settings,
                                              version_read(request, *place));
  if (!instance) return instance.error();
  return changed(request, context, *place, std::move(*instance));
}

Answer delete_instance(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  GANTRY_TRY(transaction.delete_instance(place->instance->instance.id, if_match(request)));
  return no_content();
}

Answer scale(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto replicas = read_replicas(request);
  if (!replicas) return replicas.error();
  Settings settings = place->instance->instance.settings;
  settings.deploy.replicas = *replicas;
  auto instance = transaction.update_settings(place->instance->instance.id, settings,
                                              version_read(request, *place));
  if (!instance) return instance.error();
  Response response = changed(request, context, *place, std::move(*instance));
  response.status = 202;
  return response;
}

Answer restart(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const auto& deployments = place->instance->deployments;
  if (std::none_of(deployments.begin(), deployments.end(),
                   [](const auto& d) { return is_live(d->status); }))
    return Error{Code::conflict, "nothing_live",
                 "nothing of this service runs here: deploy it first"};
  const IfMatch seen = if_match(request);
  if (seen && *seen != place->instance->instance.stamp.version)
    return Error{
        Code::stale, "stale_version",
        "the instance is at version " + std::to_string(place->instance->instance.stamp.version)};
  auto instance = transaction.bump_restart_epoch(place->instance->instance.id);
  if (!instance) return instance.error();
  Response response = changed(request, context, *place, std::move(*instance));
  response.status = 202;
  return response;
}

}  // namespace gantry::api
