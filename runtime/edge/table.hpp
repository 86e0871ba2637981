// The edge's desired state: which instance has which slot (a pre-declared backend of the proxy),
// hosts and replicas. Pure: it checks and answers, it never reads or writes. Owned by one Edge; not
// thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/edge/edge.hpp"
#include "runtime/edge/weights.hpp"

namespace gantry {

// A route and its slot. An empty one: the instance has no route.
struct SlotRoute {
  int slot = 0;  // from 1
  Route route;
  int split_slot = 0;  // where its split goes now; 0: nowhere. Follows from the whole table
  bool operator==(const SlotRoute&) const = default;
};

struct RouteChange {
  std::optional<SlotRoute> before;
  std::optional<SlotRoute> after;
};

constexpr int kMostSlots = 65536;

// "s0001": opaque to everybody else.
std::string slot_name(int slot);
// "t0001": where the connections to its port go.
std::string tcp_slot_name(int slot);
// The number in either; 0 when it is none.
int slot_of(std::string_view name);

// The replicas that answer a preview's requests: its own that are routed and do not drain.
std::vector<const RouteBackend*> preview_backends(const Route&, const Preview&);

class RouteTable {
 public:
  explicit RouteTable(int slots = 0) { resize(slots); }

  std::int64_t generation() const { return generation_; }
  void set_generation(std::int64_t generation) { generation_ = generation; }
  int slots() const { return slots_; }
  int free_slots() const { return static_cast<int>(free_.size()); }
  void resize(int slots);  // grows only

  const std::map<InstanceId, SlotRoute>& routes() const { return routes_; }
  const std::map<std::string, InstanceId, std::less<>>& hosts() const { return hosts_; }
  // Ports of the edge, and those among them that cannot be had: the proxy does without.
  const std::map<int, InstanceId>& ports() const { return ports_; }
  const std::set<int>& closed_ports() const { return closed_ports_; }
  void set_closed_ports(std::set<int> ports) { closed_ports_ = std::move(ports); }
  // By slot; null when it is free.
  const SlotRoute* at(int slot) const;
  // Where a replica is routed; null backend when it is not.
  struct Placement {
    int slot = 0;
    const RouteBackend* backend = nullptr;
  };
  Placement find(const ReplicaKey&) const;

  // Slots that these changes need and that are not free.
  int missing_slots(const std::vector<Route>& changes) const;

  // What would change, in other routes too: a host or a port goes to the one among the changes that
  // claims it and did not have it, and a split follows its target. Equal routes are left out.
  // Errors, all Code::invalid unless noted: "host_invalid", "host_twice", "address_invalid",
  // "weight_invalid", "policy_invalid", "split_invalid", "port_invalid", "instance_twice",
  // "replica_twice", "host_taken" and "port_taken" (conflict: two of the changes claim it anew),
  // "slots_exhausted" (exhausted).
  Result<std::vector<RouteChange>> plan(const std::vector<Route>& changes) const;

  void commit(const std::vector<RouteChange>&);

  // Takes in what a state file says, the newer word winning over the older. False when it says
  // something that plan() would have refused; that route is left out.
  bool restore(const std::vector<SlotRoute>&);

 private:
  friend class TablePlan;
  void take_out(const InstanceId&);
  void put_in(const SlotRoute&);
  void settle_splits();

  std::int64_t generation_ = 0;
  int slots_ = 0;
  std::map<InstanceId, SlotRoute> routes_;
  std::map<std::string, InstanceId, std::less<>> hosts_;
  std::map<int, InstanceId> ports_;
  std::set<int> closed_ports_;
  std::map<ReplicaKey, InstanceId> replicas_;
  std::map<int, InstanceId> by_slot_;
  std::set<int> free_;
  std::map<InstanceId, std::set<InstanceId>> splitters_;  // by the split's target
};

}  // namespace gantry
