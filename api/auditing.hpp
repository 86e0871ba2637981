// Lines of the audit log about requests: those that were refused, and those that did something of
// which there is no event. Never a query or a body, which may hold secrets.
#pragma once

#include "api/http.hpp"

namespace gantry::api {

// After a request was answered: 401 to one that would have changed something, every 403, and what
// an invitation's secret did not open. Others leave nothing.
void audit_refusal(const Request&, const Response&, Context& whole);
// What was done without an event.
void audit_deed(const Request&, Context&);

}  // namespace gantry::api
