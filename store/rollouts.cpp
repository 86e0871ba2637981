#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {
Error missing() { return {Code::internal, "internal", "not there yet"}; }
}  // namespace

Result<Deployment> PgTransaction::order_rollout(const DeploymentId&, RolloutOrder) {
  return missing();
}
Result<ServiceInstance> PgTransaction::add_domain(const InstanceId&, std::string_view) {
  return missing();
}
Result<ServiceInstance> PgTransaction::move_domain(std::string_view, const InstanceId&) {
  return missing();
}
Result<ServiceInstance> PgTransaction::remove_domain(const InstanceId&, std::string_view) {
  return missing();
}
Result<ServiceInstance> PgTransaction::set_split(const InstanceId&,
                                                 const std::optional<TrafficSplit>&, IfMatch) {
  return missing();
}
Result<Lease> PgStore::hold_lease(const std::string&, Seconds) { return missing(); }
Result<> PgStore::release_lease(const std::string&) { return missing(); }
Result<> PgStore::record_rollout(const RolloutChange&) { return missing(); }
Result<> PgStore::record_scale(const ScaleChange&) { return missing(); }

}  // namespace gantry
