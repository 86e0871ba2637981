// The writes of a plan, in parts: each part takes what the ones before it wrote from the draft.
// Belongs to one request.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/document_apply.hpp"
#include "api/document_draft.hpp"

namespace gantry::api {

// A service and the name of one of its variables; no service: a shared one.
using ChangedVariable = std::pair<std::string, std::string>;

struct PlanWriting {
  const Context& context;
  Transaction& transaction;
  const Place& place;
  const DocumentPlan& plan;
  Draft draft = Draft(place);
  std::set<InstanceId> written = {};  // by this transaction

  // As it is; empty where there is none of that name.
  const DocumentService& before(const std::string& service) const;
  const EnvironmentId& environment() const { return place.environment->environment.id; }
  // The version that it was planned with; nothing when this transaction has written it already.
  IfMatch seen(const ServiceInstance&) const;
  void wrote(const ServiceInstance&);
  void wrote(const Volume&);
};

// What the plan stands on is not there any more: Code::conflict "superseded".
Error gone();
// An error of a verb, told where in the document it comes from.
Error placed(Error, const std::string& pointer);

// Volumes that go or are mounted elsewhere leave their service.
Result<> leave_volumes(PlanWriting&);
Result<> mount_volumes(PlanWriting&);
// Those that are new, their service, too, where the project has none of that name.
Result<> add_services(PlanWriting&);
Result<> change_settings(PlanWriting&);
Result<> remove_services(PlanWriting&);
// What was written, for check_variables(): once all are there, since they refer to each other.
Result<std::vector<ChangedVariable>> change_variables(PlanWriting&);
Result<> check_variables(PlanWriting&, const std::vector<ChangedVariable>&);
// Domains, ports and shares.
Result<> change_edge(PlanWriting&);
Result<Applied> deploy_services(PlanWriting&);

}  // namespace gantry::api
