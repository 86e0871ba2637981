// Prepared statements of the hot paths, known by name to every pooled connection.
#pragma once

#include <pqxx/pqxx>

namespace gantry {

// Registered here, prepared by the database at their first use on each connection.
void prepare_statements(pqxx::connection&);

// Upsert and event in one statement. Parameters: environment, instance (none for shared), name,
// sealed value, now, project, service, token, request. Gives version, created_at, seq, xid.
inline constexpr const char* kPutVariable = "put_variable";
inline constexpr const char* kPutSharedVariable = "put_shared_variable";
// Parameters: type, project, environment, service, instance, deployment, replica, message, token,
// request, at. Gives seq, xid.
inline constexpr const char* kInsertEvent = "insert_event";
// Parameters: id, deployment, instance, status, reason, container, node, address, ready, restarts,
// exit code, started, exited, now. Gives the status before, null when there was none.
inline constexpr const char* kPutReplica = "put_replica";

}  // namespace gantry
