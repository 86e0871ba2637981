// People, memberships, invitations and lines of the audit log as JSON. Pure.
#pragma once

#include <string>

#include "api/http.hpp"

namespace gantry::api {

void append_json(std::string& out, const User&);
// With the names of the user and of the environment, which `project` has.
void append_json(std::string& out, const Membership&, const User&, const ProjectSnapshot& project);
void append_json(std::string& out, const Invitation&, const ProjectSnapshot& project);
// A line of a table as spreadsheets read it (RFC 4180), and its head.
std::string csv_head();
void append_csv(std::string& out, const AuditEntry&);

// The members "user", "operator" and "roles" of a token, each behind a comma.
std::string standing_json(const Token&, const Context&);

}  // namespace gantry::api
