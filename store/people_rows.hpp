// Rows of people as nouns, and their lists of columns.
#pragma once

#include <pqxx/pqxx>

#include "proto/people.hpp"

namespace gantry {

inline constexpr const char* kUserColumns = "id, name, created_at";
inline constexpr const char* kMembershipColumns =
    "user_id, project_id, environment_id, role, created_at";
inline constexpr const char* kInvitationColumns =
    "id, project_id, environment_id, role, invited_by, created_at, expires_at, accepted_at, "
    "accepted_by";

User user_from(const pqxx::row&);
Membership membership_from(const pqxx::row&);
Invitation invitation_from(const pqxx::row&);

}  // namespace gantry
