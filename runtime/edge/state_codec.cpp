#include <nlohmann/json.hpp>

#include "runtime/edge/state.hpp"

namespace gantry {
namespace {

using nlohmann::json;

json encode(const SlotRoute& route) {
  json backends = json::array();
  for (const auto& backend : route.route.backends)
    backends.push_back({{"replica_id", backend.key.id()},
                        {"host", backend.address.host},
                        {"port", backend.address.port},
                        {"draining", backend.draining}});
  return {{"instance_id", route.route.instance_id.str()},
          {"slot", route.slot},
          {"hosts", route.route.hosts},
          {"backends", std::move(backends)}};
}

// Throws json's exceptions, and std::invalid_argument.
SlotRoute decode(const json& value) {
  SlotRoute route;
  const auto id = InstanceId::parse(value.at("instance_id").get<std::string>());
  if (!id) throw std::invalid_argument(id.error().detail);
  route.route.instance_id = *id;
  route.slot = value.at("slot").get<int>();
  route.route.hosts = value.at("hosts").get<std::vector<std::string>>();
  for (const auto& entry : value.at("backends")) {
    const auto key = ReplicaKey::parse(entry.at("replica_id").get<std::string>());
    if (!key) throw std::invalid_argument(key.error().detail);
    route.route.backends.push_back(
        {*key,
         {entry.at("host").get<std::string>(), entry.at("port").get<int>()},
         entry.at("draining").get<bool>()});
  }
  return route;
}

}  // namespace

std::string encode_record(const StateRecord& record) {
  json routes = json::array();
  for (const auto& route : record.routes) routes.push_back(encode(route));
  return json{
      {"generation", record.generation}, {"slots", record.slots}, {"routes", std::move(routes)}}
      .dump();
}

Result<StateRecord> decode_record(std::string_view text) {
  try {
    const json value = json::parse(text);
    StateRecord record;
    record.generation = value.at("generation").get<std::int64_t>();
    record.slots = value.at("slots").get<int>();
    if (record.slots < 0 || record.slots > kMostSlots)
      throw std::invalid_argument("slots out of range");
    for (const auto& route : value.at("routes")) record.routes.push_back(decode(route));
    return record;
  } catch (const std::exception& broken) {
    return Error{Code::invalid, "state_corrupt", broken.what()};
  }
}

}  // namespace gantry
