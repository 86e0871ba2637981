#include "runtime/edge/maps.hpp"

#include "runtime/edge/config.hpp"

namespace gantry {
namespace {

std::string special(const SlotRoute& route) {
  std::string flags;
  if (route.route.measured) flags += 'M';
  if (route.route.policy.sticky) flags += 'K';
  if (route.route.asleep) flags += 'Z';
  const int most = route.route.policy.max_connections;
  if (flags.empty() && route.split_slot == 0 && most == 0) return "";
  const std::string split = route.split_slot == 0 ? "/"
                                                  : slot_name(route.split_slot) + "/" +
                                                        std::to_string(route.route.split->percent);
  return (flags.empty() ? "-" : flags) + "/" + split + "/" + std::to_string(most);
}

void add_preview(const SlotRoute& route, const Preview& preview, Maps& maps) {
  const std::string name = slot_name(route.slot) + "/" + preview.host;
  maps[kHostsMap][preview.host] = name;
  const auto backends = preview_backends(route.route, preview);
  for (std::size_t pin = 0; !backends.empty() && pin < kPins; ++pin)
    maps[kPinsMap][name + ":" + std::to_string(pin)] =
        server_name(backends[pin % backends.size()]->key);
}

}  // namespace

void add_entries(const SlotRoute& route, Maps& maps) {
  const std::string slot = slot_name(route.slot);
  const std::string is = special(route), named = is.empty() ? slot : slot + "/";
  for (const auto& host : route.route.hosts) maps[kHostsMap][host] = named;
  for (const auto& preview : route.route.previews) add_preview(route, preview, maps);
  if (!is.empty()) maps[kSlotsMap][slot] = is;
  if (!route.route.policy.sticky) return;
  for (const auto& backend : route.route.backends)
    if (is_serving(backend)) maps[kStickyMap][server_name(backend.key)] = slot;
}

Maps maps_of(const RouteTable& table) {
  Maps maps;
  for (const auto& [id, route] : table.routes()) add_entries(route, maps);
  return maps;
}

std::string map_text(const MapEntries& entries) {
  std::string text;
  for (const auto& [key, value] : entries) text += key + " " + value + "\n";
  return text;
}

}  // namespace gantry
