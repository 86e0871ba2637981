#include <algorithm>
#include <cctype>

#include "store/rows.hpp"
#include "store/statements.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

std::string event_of(ReplicaStatus status) {
  std::string type = "replica." + std::string(name(status));
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type;
}

std::optional<std::string> text_of(const std::optional<TimePoint>& time) {
  if (!time) return std::nullopt;
  return format_time(*time);
}

}  // namespace

Result<> PgTransaction::put_replica(const Replica& replica) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(check_lease());
    const auto place = place_of(replica.instance_id);
    if (!place) return place.error();
    const std::string id = replica.key.id();
    const std::string deployment_id = replica.key.deployment_id.str();
    if (replica.status == ReplicaStatus::removed) {
      const auto gone = work_->exec_params("delete from replicas where id = $1 returning id", id);
      if (!gone.empty())
        record(event_of(replica.status), *place, replica.reason, deployment_id, id);
      return done();
    }
    const std::string status(name(replica.status));
    const auto row = work_->exec_prepared1(
        kPutReplica, id, deployment_id, replica.instance_id.str(), status, replica.reason,
        replica.container_id, replica.node, replica.address, replica.ready, replica.restarts,
        replica.exit_code, text_of(replica.started_at), text_of(replica.exited_at), now());
    if (row["old_status"].is_null() || row["old_status"].c_str() != status)
      record(event_of(replica.status), *place, replica.reason, deployment_id, id);
    return done();
  });
}

Result<> PgStore::record_replica(const Replica& replica) {
  return alone(*this, [&](PgTransaction& work) { return work.put_replica(replica); });
}

Result<std::vector<Replica>> PgStore::replicas(const InstanceId& id) {
  return with_connection(pool_, [&](pqxx::connection& connection) -> Result<std::vector<Replica>> {
    pqxx::nontransaction work(connection);
    std::vector<Replica> found;
    for (const auto& row : work.exec_params(
             std::string("select ") + kReplicaColumns +
                 " from replicas where instance_id = $1 and deployment_id in "
                 "(select d.id from deployments d where d.instance_id = $1 and d.status not in "
                 "('FAILED', 'REMOVED', 'SKIPPED')) order by id",
             id.str()))
      found.push_back(replica_from(row));
    return found;
  });
}

}  // namespace gantry
