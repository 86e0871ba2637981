// What the edge has of a plan's services: domains, ports, shares of requests.
#include "api/document_writing.hpp"

namespace gantry::api {
namespace {

std::map<std::string, std::string> domains_of(const Document& document) {
  std::map<std::string, std::string> all;
  for (const auto& [name, service] : document.services)
    for (const std::string& host : service.domains) all[host] = name;
  return all;
}

Result<> change_domains(PlanWriting& w) {
  const auto was = domains_of(w.plan.current), is = domains_of(w.plan.wanted);
  for (const auto& [host, name] : was) {
    const auto to = is.find(host);
    if (to != is.end() && to->second == name) continue;
    const auto left = to == is.end() ? w.transaction.remove_domain(w.draft.at(name).id, host)
                                     : w.transaction.move_domain(host, w.draft.at(to->second).id);
    if (!left) return left.error();
    w.written.insert(w.draft.at(name).id);
    w.wrote(*left);
  }
  for (const auto& [host, name] : is) {
    if (was.contains(host)) continue;
    const auto added = w.transaction.add_domain(w.draft.at(name).id, host);
    if (!added) return placed(added.error(), "/services/" + name + "/domains");
    w.wrote(*added);
  }
  return done();
}

Result<> set_port(PlanWriting& w, const std::string& name, const std::optional<TcpProxy>& port) {
  const auto set = w.transaction.set_tcp_proxy(w.draft.at(name).id, port, {});
  if (!set) return placed(set.error(), "/services/" + name + "/tcp_proxy");
  w.wrote(*set);
  return done();
}

// Those that go first: another service may want their port.
Result<> change_ports(PlanWriting& w) {
  const auto wanted = [&](const std::string& name) -> std::optional<TcpProxy> {
    const auto found = w.plan.wanted.services.find(name);
    if (found == w.plan.wanted.services.end()) return std::nullopt;
    return found->second.tcp_proxy;
  };
  for (const auto& [name, service] : w.plan.current.services)
    if (service.tcp_proxy && service.tcp_proxy != wanted(name))
      GANTRY_TRY(set_port(w, name, std::nullopt));
  for (const auto& [name, service] : w.plan.wanted.services)
    if (service.tcp_proxy && service.tcp_proxy != w.before(name).tcp_proxy)
      GANTRY_TRY(set_port(w, name, service.tcp_proxy));
  return done();
}

Result<> change_splits(PlanWriting& w) {
  for (const auto& [name, service] : w.plan.wanted.services) {
    if (service.split == w.before(name).split) continue;
    std::optional<TrafficSplit> split;
    if (service.split)
      split = TrafficSplit{w.draft.at(service.split->service).id, service.split->percent};
    const auto set = w.transaction.set_split(w.draft.at(name).id, split, {});
    if (!set) return placed(set.error(), "/services/" + name + "/split");
    w.wrote(*set);
  }
  return done();
}

}  // namespace

Result<> change_edge(PlanWriting& w) {
  GANTRY_TRY(change_domains(w));
  GANTRY_TRY(change_ports(w));
  return change_splits(w);
}

}  // namespace gantry::api
