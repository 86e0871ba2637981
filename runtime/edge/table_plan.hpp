// What a change of routes means for the whole table: checked, normal, with the hosts that move and
// the splits that follow. Pure; internal to RouteTable.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/edge/table.hpp"

namespace gantry {

std::vector<std::string> all_hosts(const Route&);  // of previews too
// In order and as the proxy writes it, so that equal routes compare equal.
Route normal_route(Route);

class TablePlan {
 public:
  explicit TablePlan(const RouteTable& table) : table_(table) {}
  Result<std::vector<RouteChange>> make(const std::vector<Route>& changes);

 private:
  Result<> take(const std::vector<Route>& changes);
  Result<> claim_hosts();
  Result<> claim_ports();
  Result<> claim_replicas() const;
  Result<> place();
  void settle_splits();
  // The route after the changes of whoever has something that another one claims.
  Route& losing(const InstanceId& owner);
  int split_slot(const Route&) const;

  const RouteTable& table_;
  std::vector<RouteChange> steps_;  // `after` is always there until the end
  std::map<InstanceId, std::size_t> at_;
};

}  // namespace gantry
