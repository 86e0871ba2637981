#include "store/errors.hpp"

#include <array>
#include <new>
#include <string_view>

#include <pqxx/pqxx>

namespace gantry {
namespace {

struct Constraint {
  std::string_view name;
  Code code;
  std::string_view reason;
  std::string_view detail;
};

// Constraints that a caller can run into, by their names in migrations/.
constexpr std::array<Constraint, 11> kConstraints{{
    {"\"projects_name\"", Code::conflict, "name_taken", "another project has this name"},
    {"\"environments_name\"", Code::conflict, "name_taken",
     "another environment of the project has this name"},
    {"\"services_name\"", Code::conflict, "name_taken",
     "another service of the project has this name"},
    {"\"service_instances_place\"", Code::conflict, "instance_exists",
     "the service is in this environment already"},
    {"\"volumes_name\"", Code::conflict, "name_taken",
     "another volume of the environment has this name"},
    {"\"volumes_mount_path\"", Code::conflict, "mount_path_taken",
     "another volume of the service is mounted there"},
    {"\"service_instances_tcp_port\"", Code::conflict, "tcp_port_taken",
     "another service has this port of the edge"},
    {"\"users_name\"", Code::conflict, "name_taken", "another user has this name"},
    {"\"memberships_in_project\"", Code::conflict, "member_exists",
     "this user is a member already: change the role"},
    {"\"memberships_in_environment\"", Code::conflict, "member_exists",
     "this user has a role in the environment already: change it"},
    {"\"deployments_pkey\"", Code::conflict, "deployment_exists", "this deployment exists already"},
}};

Error unique_error(std::string_view message) {
  for (const auto& known : kConstraints)
    if (message.find(known.name) != std::string_view::npos)
      return {known.code, std::string(known.reason), std::string(known.detail)};
  return {Code::conflict, "name_taken", "something else has this name already"};
}

bool begins(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

Error sql_state_error(std::string_view state) {
  // 57: operator intervention and shutdown; 08: connection; 53: out of resources; 55: lock not
  // available; 40: rolled back (deadlock); 25006: read-only, a standby.
  if (begins(state, "57014") || begins(state, "55"))
    return {Code::unavailable, "database_busy", "the database took too long: try again"};
  if (begins(state, "40"))
    return {Code::unavailable, "database_busy", "another write got in between: try again"};
  if (begins(state, "57") || begins(state, "08") || begins(state, "53") || begins(state, "25006"))
    return database_unreachable();
  return {Code::internal, "database_error",
          "the database refused a statement (SQLSTATE " + std::string(state) + ")"};
}

}  // namespace

Error database_unreachable() {
  return {Code::unavailable, "database_unreachable", "the database cannot be reached: try again"};
}

Error translate_exception() {
  try {
    throw;
  } catch (const pqxx::broken_connection&) {
    return database_unreachable();
  } catch (const pqxx::in_doubt_error&) {
    return {Code::unavailable, "commit_in_doubt",
            "the database went away during the commit: look whether the write took place"};
  } catch (const pqxx::unique_violation& e) {
    return unique_error(e.what());
  } catch (const pqxx::foreign_key_violation&) {
    return not_found("such parent: it was deleted meanwhile");
  } catch (const pqxx::transaction_rollback&) {
    return sql_state_error("40001");
  } catch (const pqxx::sql_error& e) {
    return sql_state_error(e.sqlstate());
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return {Code::internal, "database_error",
            "the database gave an answer that was not understood"};
  }
}

}  // namespace gantry
