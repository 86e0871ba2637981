// Rows of the audit log as lines.
#pragma once

#include <pqxx/pqxx>

#include "proto/audit.hpp"

namespace gantry {

// Lines of events have no names of their own (see migrations/).
inline constexpr const char* kSelectAudit =
    "select seq, at, outcome, action, a.token_id, "
    "coalesce(nullif(a.token_name, ''), c.token_name, '') as token_name, "
    "coalesce(nullif(a.user_id, ''), c.user_id, '') as user_id, "
    "coalesce(nullif(a.user_name, ''), c.user_name, '') as user_name, request_id, project_id, "
    "environment_id, service_id, deployment_id, message "
    "from audit a left join audit_actors c on c.token_id = a.token_id";

AuditEntry audit_entry_from(const pqxx::row&);

}  // namespace gantry
