#include "api/handlers.hpp"
#include "api/lookup.hpp"

namespace gantry::api {

Answer list_replicas(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto replicas = context.store.replicas(place->instance->instance.id);
  if (!replicas) return replicas.error();
  Response response;
  std::string& out = response.body;
  out += "{\"data\":[";
  for (const Replica& replica : *replicas) {
    if (out.back() != '[') out += ',';
    append_json(out, replica);
  }
  out += "]}";
  return response;
}

}  // namespace gantry::api
