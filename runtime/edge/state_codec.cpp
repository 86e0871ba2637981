#include <nlohmann/json.hpp>

#include "runtime/edge/state.hpp"

namespace gantry {
namespace {

using nlohmann::json;

json encode(const RouteBackend& backend) {
  json value = {{"replica_id", backend.key.id()},
                {"host", backend.address.host},
                {"port", backend.address.port},
                {"draining", backend.draining}};
  if (backend.weight != kFullWeight) value["weight"] = backend.weight;
  return value;
}

// What most routes do not have is left out when it is as by default.
void encode_rest(const Route& route, json& value) {
  const RoutePolicy usual;
  if (route.policy != usual)
    value["policy"] = {{"balance", name(route.policy.balance)},
                       {"sticky", route.policy.sticky},
                       {"max_connections", route.policy.max_connections},
                       {"queue_seconds", route.policy.queue_seconds}};
  for (const auto& preview : route.previews) {
    json keys = json::array();
    for (const auto& key : preview.keys) keys.push_back(key.id());
    value["previews"].push_back({{"host", preview.host}, {"replica_ids", std::move(keys)}});
  }
  if (route.split)
    value["split"] = {{"to", route.split->to.str()}, {"percent", route.split->percent}};
  if (route.asleep) value["asleep"] = true;
  if (route.measured) value["measured"] = true;
  if (route.tcp_proxy)
    value["tcp_proxy"] = {{"port", route.tcp_proxy->port},
                          {"target_port", route.tcp_proxy->target_port}};
}

json encode(const SlotRoute& route) {
  json backends = json::array();
  for (const auto& backend : route.route.backends) backends.push_back(encode(backend));
  json value = {{"instance_id", route.route.instance_id.str()},
                {"slot", route.slot},
                {"hosts", route.route.hosts},
                {"backends", std::move(backends)}};
  encode_rest(route.route, value);
  return value;
}

// From here on: throws json's exceptions, and std::invalid_argument.
template <class Id>
Id parsed(const json& value) {
  const auto id = Id::parse(value.get<std::string>());
  if (!id) throw std::invalid_argument(id.error().detail);
  return *id;
}

RouteBackend decode_backend(const json& value) {
  return {parsed<ReplicaKey>(value.at("replica_id")),
          {value.at("host").get<std::string>(), value.at("port").get<int>()},
          value.at("draining").get<bool>(),
          value.value("weight", kFullWeight)};
}

void decode_rest(const json& value, Route& route) {
  if (const auto policy = value.find("policy"); policy != value.end()) {
    const auto balance = parse_balance(policy->at("balance").get<std::string>());
    if (!balance) throw std::invalid_argument("no such balance");
    route.policy = {*balance, policy->at("sticky").get<bool>(),
                    policy->at("max_connections").get<int>(),
                    policy->at("queue_seconds").get<int>()};
  }
  for (const auto& entry : value.value("previews", json::array())) {
    Preview preview{entry.at("host").get<std::string>(), {}};
    for (const auto& key : entry.at("replica_ids")) preview.keys.push_back(parsed<ReplicaKey>(key));
    route.previews.push_back(std::move(preview));
  }
  if (const auto split = value.find("split"); split != value.end())
    route.split = {parsed<InstanceId>(split->at("to")), split->at("percent").get<int>()};
  route.asleep = value.value("asleep", false);
  route.measured = value.value("measured", false);
  if (const auto proxy = value.find("tcp_proxy"); proxy != value.end())
    route.tcp_proxy = {proxy->at("port").get<int>(), proxy->at("target_port").get<int>()};
}

SlotRoute decode(const json& value) {
  SlotRoute route;
  route.route.instance_id = parsed<InstanceId>(value.at("instance_id"));
  route.slot = value.at("slot").get<int>();
  route.route.hosts = value.at("hosts").get<std::vector<std::string>>();
  for (const auto& entry : value.at("backends"))
    route.route.backends.push_back(decode_backend(entry));
  decode_rest(value, route.route);
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

std::string encode_rest(const Route& route) {
  json value = json::object();
  encode_rest(route, value);
  return value.empty() ? "" : value.dump();
}

bool decode_rest(std::string_view text, Route& route) {
  try {
    Route whole = route;
    decode_rest(json::parse(text), whole);
    route = std::move(whole);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace gantry
