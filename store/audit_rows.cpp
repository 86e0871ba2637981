#include "store/audit_rows.hpp"

#include <string_view>

#include "store/rows.hpp"

namespace gantry {

AuditEntry audit_entry_from(const pqxx::row& row) {
  return {.seq = row["seq"].as<std::int64_t>(),
          .at = time_from(row["at"]),
          .refused = std::string_view(row["outcome"].c_str()) == "REFUSED",
          .action = row["action"].c_str(),
          .token_id = row["token_id"].c_str(),
          .token_name = row["token_name"].c_str(),
          .user_id = row["user_id"].c_str(),
          .user_name = row["user_name"].c_str(),
          .request_id = row["request_id"].c_str(),
          .project_id = row["project_id"].c_str(),
          .environment_id = row["environment_id"].c_str(),
          .service_id = row["service_id"].c_str(),
          .deployment_id = row["deployment_id"].c_str(),
          .message = row["message"].c_str()};
}

}  // namespace gantry
