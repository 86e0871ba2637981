// Hosts of people's own, and the share of an instance's requests that another one answers.
#include <algorithm>

#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

Error no_domain(std::string_view host) { return not_found("domain " + std::string(host)); }

std::string touched() {
  return "generation = generation + 1, version = version + 1, updated_at = $2";
}

}  // namespace

Result<ServiceInstance> PgTransaction::touch_instance(const InstanceId& id, std::string_view event,
                                                      const std::string& message) {
  return announce_instance(work_->exec_params1("update service_instances set " + touched() +
                                                   " where id = $1 returning " + kInstanceColumns,
                                               id.str(), now()),
                           event, message);
}

// In one order everywhere, so that two who want the same two do not wait for each other.
Result<> PgTransaction::lock_both(const InstanceId& one, const InstanceId& other) {
  for (const InstanceId& id : {std::min(one, other), std::max(one, other)})
    GANTRY_TRY(lock_row("service_instances", id.str(), "service instance", {}));
  return done();
}

Result<ServiceInstance> PgTransaction::add_domain(const InstanceId& id, std::string_view host) {
  return verb([&]() -> Result<ServiceInstance> {
    GANTRY_TRY(lock_row("service_instances", id.str(), "service instance", {}));
    const std::string wanted(host);
    const auto added = work_->exec_params(
        "insert into domains (host, instance_id, created_at) values ($1, $2, $3) "
        "on conflict (host) do nothing returning host",
        wanted, id.str(), now());
    if (added.empty())
      return Error{Code::conflict, "domain_taken",
                   "a service has the domain " + wanted + " already: move or remove it there"};
    return touch_instance(id, "domain.added", wanted);
  });
}

Result<ServiceInstance> PgTransaction::move_domain(std::string_view host, const InstanceId& to) {
  return verb([&]() -> Result<ServiceInstance> {
    const std::string wanted(host);
    const auto found =
        work_->exec_params("select instance_id from domains where host = $1", wanted);
    if (found.empty()) return no_domain(host);
    const InstanceId from = *InstanceId::parse(found[0][0].c_str());
    GANTRY_TRY(lock_both(from, to));
    const auto source = place_of(from);
    if (!source) return source.error();
    const auto target = place_of(to);
    if (!target) return target.error();
    if (source->project_id != target->project_id)
      return Error{Code::conflict, "other_project",
                   "a domain moves within its project: remove it there, then add it here"};
    const auto moved = work_->exec_params(
        "update domains set instance_id = $3 where host = $1 and instance_id = $2 returning host",
        wanted, from.str(), to.str());
    if (moved.empty()) return no_domain(host);  // it went elsewhere before the rows were locked
    if (from != to) {
      const auto left = touch_instance(from, "domain.moved", wanted);
      if (!left) return left.error();
    }
    return touch_instance(to, "domain.moved", wanted);
  });
}

Result<ServiceInstance> PgTransaction::remove_domain(const InstanceId& id, std::string_view host) {
  return verb([&]() -> Result<ServiceInstance> {
    GANTRY_TRY(lock_row("service_instances", id.str(), "service instance", {}));
    const std::string wanted(host);
    const auto gone = work_->exec_params(
        "delete from domains where host = $1 and instance_id = $2 returning host", wanted,
        id.str());
    if (gone.empty()) return no_domain(host);
    return touch_instance(id, "domain.removed", wanted);
  });
}

Result<ServiceInstance> PgTransaction::set_split(const InstanceId& id,
                                                 const std::optional<TrafficSplit>& split,
                                                 IfMatch if_match) {
  return verb([&]() -> Result<ServiceInstance> {
    if (split) GANTRY_TRY(lock_both(id, split->to));
    GANTRY_TRY(lock_row("service_instances", id.str(), "service instance", if_match));
    if (split) {
      const auto place = place_of(id);
      if (!place) return place.error();
      const auto target = place_of(split->to);
      if (!target) return target.error();
      if (split->to == id || place->environment_id != target->environment_id)
        return invalid("/split/service", "invalid_target",
                       "a share goes to another service of the same environment");
    }
    std::optional<std::string> to;
    if (split) to = split->to.str();
    const auto row =
        work_->exec_params1("update service_instances set split_to = $3, split_percent = $4, " +
                                touched() + " where id = $1 returning " + kInstanceColumns,
                            id.str(), now(), to, split ? split->percent : 0);
    return announce_instance(
        row, "instance.split",
        split ? std::to_string(split->percent) + "% to " + split->to.str() : "no share");
  });
}

Result<ServiceInstance> PgTransaction::set_tcp_proxy(const InstanceId& id,
                                                     const std::optional<TcpProxy>& proxy,
                                                     IfMatch if_match) {
  return verb([&]() -> Result<ServiceInstance> {
    GANTRY_TRY(lock_row("service_instances", id.str(), "service instance", if_match));
    std::optional<int> port, target;
    if (proxy) port = proxy->port, target = proxy->target_port;
    const auto row = work_->exec_params1(
        "update service_instances set tcp_port = $3::integer, tcp_target_port = $4::integer, " +
            touched() + " where id = $1 returning " + kInstanceColumns,
        id.str(), now(), port, target);
    return announce_instance(row, "instance.tcp_proxy",
                             port ? "port " + std::to_string(*port) : "none");
  });
}

// Before the targets go: whoever gives them a share keeps it.
Result<> PgTransaction::end_splits_to(const std::string& column, const std::string& id) {
  for (const auto& row : work_->exec_params(
           "update service_instances set split_to = null, split_percent = 0, " + touched() +
               " where split_to in (select t.id from service_instances t where t." + column +
               " = $1) and " + column + " <> $1 returning " + kInstanceColumns,
           id, now())) {
    const auto announced = announce_instance(row, "instance.split", "no share");
    if (!announced) return announced.error();
  }
  return done();
}

}  // namespace gantry
