#include "proto/audit.hpp"

#include "proto/json.hpp"

namespace gantry {

void append_json(std::string& out, const AuditEntry& one) {
  JsonObject(out)
      .number("seq", one.seq)
      .time("at", one.at)
      .text("outcome", one.refused ? "REFUSED" : "DONE")
      .text("action", one.action)
      .text_or_null("user_id", one.user_id)
      .text_or_null("user_name", one.user_name)
      .text_or_null("token_id", one.token_id)
      .text_or_null("token_name", one.token_name)
      .text_or_null("request_id", one.request_id)
      .text_or_null("project_id", one.project_id)
      .text_or_null("environment_id", one.environment_id)
      .text_or_null("service_id", one.service_id)
      .text_or_null("deployment_id", one.deployment_id)
      .text("message", one.message);
}

}  // namespace gantry
