// The maps by which the proxy's one frontend finds its way: what they hold for a route. Pure.
//
//   slots   s0001 -> "MKZ/s0002/30/20": what is special about a slot; absent: nothing. Flags:
//           M measured, K sticky, Z asleep. Then where its split goes and percent, then the most
//           connections of a server, which the proxy does not show otherwise.
//   pins    s0001/<host>:<0..7> -> server: who answers a preview. In a worker that a reload has
//           replaced also s0001 -> server: who answers what that worker still holds.
//   sticky  server -> s0001: who may keep the clients that it has, if its slot is sticky.
//   hosts   host -> s0001, or s0001/ when the slot has an entry in slots, or s0001/<host>, a
//   preview.
//           Changed last: what it names is there then.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>

#include "runtime/edge/table.hpp"

namespace gantry {

constexpr std::size_t kSlotsMap = 0, kPinsMap = 1, kStickyMap = 2, kHostsMap = 3, kMapCount = 4;
constexpr int kPins = 8;  // of each preview: its replicas take turns

using MapEntries = std::map<std::string, std::string>;
using Maps = std::array<MapEntries, kMapCount>;
using MapFiles = std::array<std::string, kMapCount>;  // their paths, which name them

void add_entries(const SlotRoute&, Maps&);
Maps maps_of(const RouteTable&);
std::string map_text(const MapEntries&);

}  // namespace gantry
