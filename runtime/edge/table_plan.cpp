#include "runtime/edge/table_plan.hpp"

#include <algorithm>

#include <arpa/inet.h>

namespace gantry {
namespace {

constexpr int kMostQueueSeconds = 86400, kMostConnections = 1'000'000;

Error invalid(const char* reason, const std::string& what) { return {Code::invalid, reason, what}; }

bool is_host(const std::string& host) {
  if (host.empty() || host.size() > 253) return false;
  std::size_t label = 0;
  for (std::size_t i = 0; i < host.size(); ++i) {
    const char c = host[i];
    if (c == '.') {
      if (label == 0 || host[i - 1] == '-') return false;
      label = 0;
      continue;
    }
    const bool inner = c == '-' && label > 0;
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || inner)) return false;
    if (++label > 63) return false;
  }
  return label > 0 && host.back() != '-';
}

bool is_ip(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

Result<> check_hosts(const Route& route) {
  for (const auto& host : all_hosts(route))
    if (!is_host(host))
      return invalid("host_invalid", "'" + host + "' is not a lower-case host name");
  std::set<std::string> plain(route.hosts.begin(), route.hosts.end());
  for (const auto& preview : route.previews)
    if (!plain.insert(preview.host).second)
      return invalid("host_twice", preview.host + " is a host or a preview of the route, not both");
  return done();
}

Result<> check_backend(const RouteBackend& backend) {
  if (!is_ip(backend.address.host) || backend.address.port < 1 || backend.address.port > 65535)
    return invalid("address_invalid",
                   "the edge needs an IP address and a port, not '" + backend.address.str() + "'");
  if (backend.key.deployment_id.empty() || backend.key.epoch < 0 || backend.key.ordinal < 0)
    return invalid("replica_invalid", "a backend names no replica");
  if (backend.weight < 0 || backend.weight > kMostWeight)
    return invalid("weight_invalid", "weight is 0 to " + std::to_string(kMostWeight) + ", not " +
                                         std::to_string(backend.weight));
  return done();
}

Result<> check(const Route& route) {
  GANTRY_TRY(check_hosts(route));
  for (const auto& backend : route.backends) GANTRY_TRY(check_backend(backend));
  const auto& policy = route.policy;
  if (policy.queue_seconds < 1 || policy.queue_seconds > kMostQueueSeconds)
    return invalid("policy_invalid", "queue_seconds is 1 to " + std::to_string(kMostQueueSeconds));
  if (policy.max_connections < 0 || policy.max_connections > kMostConnections)
    return invalid("policy_invalid", "max_connections is 0 to " + std::to_string(kMostConnections));
  if (route.split && (route.split->percent < 1 || route.split->percent > 100))
    return invalid("split_invalid",
                   "a split's percent is 1 to 100, not " + std::to_string(route.split->percent));
  const auto bad_port = [](int port) { return port < 1 || port > 65535; };
  if (route.tcp_proxy &&
      (bad_port(route.tcp_proxy->port) || bad_port(route.tcp_proxy->target_port)))
    return invalid("port_invalid", "a port of the edge and its target are 1 to 65535");
  if (route.split && (route.split->to.empty() || route.split->to == route.instance_id))
    return invalid("split_invalid", "a split goes to another instance");
  return done();
}

std::string canonical_ip(const std::string& host) {
  in6_addr bytes{};
  char text[INET6_ADDRSTRLEN];
  if (::inet_pton(AF_INET6, host.c_str(), &bytes) != 1) return host;
  return ::inet_ntop(AF_INET6, &bytes, text, sizeof text);
}

}  // namespace

std::vector<std::string> all_hosts(const Route& route) {
  std::vector<std::string> hosts = route.hosts;
  for (const auto& preview : route.previews) hosts.push_back(preview.host);
  return hosts;
}

Route normal_route(Route route) {
  if (is_empty(route)) return {route.instance_id, {}, {}};
  for (auto& backend : route.backends) backend.address.host = canonical_ip(backend.address.host);
  std::sort(route.hosts.begin(), route.hosts.end());
  route.hosts.erase(std::unique(route.hosts.begin(), route.hosts.end()), route.hosts.end());
  std::sort(route.backends.begin(), route.backends.end(),
            [](const RouteBackend& a, const RouteBackend& b) { return a.key < b.key; });
  std::sort(route.previews.begin(), route.previews.end(),
            [](const Preview& a, const Preview& b) { return a.host < b.host; });
  for (auto& preview : route.previews) std::sort(preview.keys.begin(), preview.keys.end());
  return route;
}

Result<std::vector<RouteChange>> RouteTable::plan(const std::vector<Route>& changes) const {
  return TablePlan(*this).make(changes);
}

Result<std::vector<RouteChange>> TablePlan::make(const std::vector<Route>& changes) {
  GANTRY_TRY(take(changes));
  GANTRY_TRY(claim_hosts());
  GANTRY_TRY(claim_ports());
  GANTRY_TRY(claim_replicas());
  GANTRY_TRY(place());
  settle_splits();
  std::vector<RouteChange> plan;
  for (auto& step : steps_) {
    if (is_empty(step.after->route)) step.after.reset();
    if (step.before != step.after) plan.push_back(std::move(step));
  }
  return plan;
}

Result<> TablePlan::take(const std::vector<Route>& changes) {
  for (const auto& change : changes) {
    if (change.instance_id.empty() || !at_.emplace(change.instance_id, steps_.size()).second)
      return invalid("instance_twice", "each change names another instance");
    GANTRY_TRY(check(change));
    RouteChange step;
    if (const auto old = table_.routes_.find(change.instance_id); old != table_.routes_.end())
      step.before = old->second;
    step.after = SlotRoute{step.before ? step.before->slot : 0, normal_route(change)};
    steps_.push_back(std::move(step));
  }
  return done();
}

// Whoever names a host and did not have it gets it. A change that still names it, of the one that
// had it, is older knowledge and not an error.
Result<> TablePlan::claim_hosts() {
  std::map<std::string, InstanceId> claimed;
  std::vector<std::pair<std::string, InstanceId>> moves;
  for (const auto& step : steps_) {
    const InstanceId& id = step.after->route.instance_id;
    for (const auto& host : all_hosts(step.after->route)) {
      const auto owner = table_.hosts_.find(host);
      const bool had = owner != table_.hosts_.end() && owner->second == id;
      const auto [claim, fresh] = claimed.emplace(host, id);
      if (fresh && owner != table_.hosts_.end() && !had) moves.emplace_back(host, owner->second);
      if (fresh) continue;
      const bool other_had = owner != table_.hosts_.end() && owner->second == claim->second;
      if (!had && !other_had)
        return Error{Code::conflict, "host_taken",
                     host + " is claimed by " + id.str() + " and " + claim->second.str()};
      moves.emplace_back(host, owner->second);
      if (other_had) claim->second = id;
    }
  }
  for (const auto& [host, owner] : moves) {
    Route& route = losing(owner);
    std::erase(route.hosts, host);
    std::erase_if(route.previews,
                  [&host = host](const Preview& preview) { return preview.host == host; });
    route = normal_route(std::move(route));
  }
  return done();
}

Route& TablePlan::losing(const InstanceId& owner) {
  const auto [at, fresh] = at_.emplace(owner, steps_.size());
  if (fresh) steps_.push_back({table_.routes_.at(owner), table_.routes_.at(owner)});
  return steps_[at->second].after->route;
}

// As with hosts.
Result<> TablePlan::claim_ports() {
  std::map<int, InstanceId> claimed;
  std::vector<InstanceId> losers;
  for (const auto& step : steps_) {
    const Route& route = step.after->route;
    if (!route.tcp_proxy) continue;
    const auto owner = table_.ports_.find(route.tcp_proxy->port);
    const auto had = [&](const InstanceId& id) {
      return owner != table_.ports_.end() && owner->second == id;
    };
    const auto [claim, fresh] = claimed.emplace(route.tcp_proxy->port, route.instance_id);
    if (fresh && owner != table_.ports_.end() && !had(route.instance_id))
      losers.push_back(owner->second);
    if (fresh) continue;
    if (!had(route.instance_id) && !had(claim->second))
      return Error{Code::conflict, "port_taken",
                   "port " + std::to_string(claim->first) + " is claimed by " +
                       route.instance_id.str() + " and " + claim->second.str()};
    losers.push_back(owner->second);
    if (had(claim->second)) claim->second = route.instance_id;
  }
  for (const InstanceId& loser : losers) {
    const auto before = table_.routes_.at(loser).route.tcp_proxy;
    Route& route = losing(loser);
    if (route.tcp_proxy && route.tcp_proxy->port == before->port) route.tcp_proxy.reset();
    route = normal_route(std::move(route));
  }
  return done();
}

Result<> TablePlan::claim_replicas() const {
  std::set<ReplicaKey> claimed;
  for (const auto& step : steps_)
    for (const auto& backend : step.after->route.backends) {
      const auto owner = table_.replicas_.find(backend.key);
      const bool elsewhere = owner != table_.replicas_.end() && !at_.contains(owner->second);
      if (elsewhere || !claimed.insert(backend.key).second)
        return invalid("replica_twice", backend.key.id() + " is routed twice");
    }
  return done();
}

Result<> TablePlan::place() {
  auto next_free = table_.free_.begin();
  for (auto& step : steps_) {
    if (step.after->slot != 0 || is_empty(step.after->route)) continue;
    if (next_free == table_.free_.end())
      return Error{Code::exhausted, "slots_exhausted", "the edge has no free slot"};
    step.after->slot = *next_free++;
  }
  return done();
}

void TablePlan::settle_splits() {
  for (std::size_t i = 0, own = steps_.size(); i < own; ++i) {
    const auto splitters = table_.splitters_.find(steps_[i].after->route.instance_id);
    if (splitters == table_.splitters_.end()) continue;
    for (const auto& id : splitters->second)
      if (at_.emplace(id, steps_.size()).second)
        steps_.push_back({table_.routes_.at(id), table_.routes_.at(id)});
  }
  for (auto& step : steps_) step.after->split_slot = split_slot(step.after->route);
}

int TablePlan::split_slot(const Route& route) const {
  if (!route.split) return 0;
  const SlotRoute* target = nullptr;
  if (const auto step = at_.find(route.split->to); step != at_.end())
    target = &*steps_[step->second].after;
  else if (const auto found = table_.routes_.find(route.split->to); found != table_.routes_.end())
    target = &found->second;
  return target != nullptr && is_serving(target->route) ? target->slot : 0;
}

}  // namespace gantry
