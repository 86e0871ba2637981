// Variable references, resolved: ${{NAME}} (same service), ${{service.NAME}}, ${{shared.NAME}}, and
// ${RAILWAY_NAME} or
// ${GANTRY_NAME} (same service, provided names only). $${{ is a literal ${{. Pure.
//
// A reference is found by exact name; a service's name in any case. What is not there is an error,
// never an empty string (Railway gives an empty string). Except: a variable that refers to its own
// service's port at the edge is left out while there is none.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/snapshot.hpp"

namespace gantry {

struct VariableReference {
  std::string name_space;  // a service's name or "shared"; empty: the same service
  std::string name;
};
// In their order; of a value that cannot be read: none.
std::vector<VariableReference> references_of(std::string_view value);

struct Missing {
  std::string variable;   // "api.DATABASE_URL": the variable whose value holds the reference
  std::string reference;  // "${{postgres.DATABASE_URL}}"
};

// SERVICE_<NAME>_URL, without a prefix, of each service of an environment that has a host. Of an
// environment with more of them than this: none, they would be most of what a container gets; each
// can still be referred to.
inline constexpr std::size_t kServiceUrlsMax = 256;
using ServiceUrls = std::shared_ptr<const ResolvedVariables>;
ServiceUrls service_urls(const ProjectSnapshot&, const EnvironmentId&,
                         const std::string& base_domain);

struct ResolveOptions {
  std::string base_domain = "localhost";
  DeploymentId deployment_id;  // empty: RAILWAY_DEPLOYMENT_ID and RAILWAY_SNAPSHOT_ID are absent
                               // from the result
  // Of a commit, without their prefix: GIT_COMMIT_SHA, GIT_BRANCH ...
  ResolvedVariables git = {};
  // Of its environment, where many services are resolved in one state; null: they are looked for.
  ServiceUrls service_urls = nullptr;
};

// What is provided to every container of an instance, under RAILWAY_ and GANTRY_ names;
// RAILWAY_REPLICA_ID is added by the scheduler per replica.
ResolvedVariables provided_variables(const ProjectSnapshot&, const InstanceView&,
                                     const ResolveOptions&);

struct Resolution {
  ResolvedVariables variables;  // provided and own; those with a missing reference are left out
  std::vector<Missing> missing;
};

// All variables of an instance, resolved. A cycle: Code::invalid "reference_cycle", its path in the
// detail
// ("api.A -> worker.B -> api.A").
Result<Resolution> resolve_variables(const ProjectSnapshot&, const InstanceView&,
                                     const ResolveOptions&);

// The other instances of its environment whose variables an instance refers to, also through shared
// ones; not what those refer to in their turn.
std::vector<InstanceId> referenced_instances(const ProjectSnapshot&, const InstanceView&);

// Checks a write before it happens: `value` of `name` in an instance (or shared, when `instance` is
// null) of `environment`. Cycle or malformed reference: Code::invalid at /value. Missing targets:
// "unresolved_reference" at /value naming each, unless allowed.
enum class Unresolved { refuse, allow };
Result<> check_variable(const ProjectSnapshot&, const EnvironmentView&,
                        const InstanceView* instance, std::string_view name, std::string_view value,
                        Unresolved);

}  // namespace gantry
