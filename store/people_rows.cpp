#include "store/people_rows.hpp"

#include "store/rows.hpp"

namespace gantry {
namespace {

template <class T>
T id_or_none(const pqxx::field& field) {
  return field.is_null() ? T() : *T::parse(field.c_str());
}

}  // namespace

User user_from(const pqxx::row& row) {
  return {.id = *UserId::parse(row["id"].c_str()),
          .name = *Name::parse(row["name"].c_str()),
          .created_at = time_from(row["created_at"])};
}

Membership membership_from(const pqxx::row& row) {
  return {.user_id = *UserId::parse(row["user_id"].c_str()),
          .project_id = *ProjectId::parse(row["project_id"].c_str()),
          .environment_id = id_or_none<EnvironmentId>(row["environment_id"]),
          .role = *parse_role(row["role"].c_str()),
          .created_at = time_from(row["created_at"])};
}

Invitation invitation_from(const pqxx::row& row) {
  Invitation one{.id = *InvitationId::parse(row["id"].c_str()),
                 .project_id = *ProjectId::parse(row["project_id"].c_str()),
                 .environment_id = id_or_none<EnvironmentId>(row["environment_id"]),
                 .role = *parse_role(row["role"].c_str()),
                 .invited_by = id_or_none<UserId>(row["invited_by"]),
                 .created_at = time_from(row["created_at"]),
                 .expires_at = time_from(row["expires_at"])};
  if (!row["accepted_at"].is_null()) {
    one.accepted_at = time_from(row["accepted_at"]);
    one.accepted_by = row["accepted_by"].c_str();
  }
  return one;
}

}  // namespace gantry
