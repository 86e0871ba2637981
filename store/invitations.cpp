// Invitations: only the hash of a secret is kept.
#include <algorithm>

#include "store/people_rows.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

constexpr std::size_t kSecretMax = 256;

std::optional<std::string> text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

Place where_of(const Invitation& one) {
  return {.project_id = one.project_id, .environment_id = one.environment_id.str()};
}

// "inv_" and what a token's secret has after its own prefix.
std::string new_secret() { return "inv_" + new_token_secret().substr(4); }

// One answer for all, so that nobody learns which secrets there ever were.
Error invalid_invitation() {
  return {Code::not_found, "invalid_invitation",
          "this invitation is not valid: it was mistyped, used, revoked or has expired; ask for "
          "another"};
}

}  // namespace

Result<IssuedInvitation> PgTransaction::create_invitation(const Invitation& wanted) {
  return verb([&]() -> Result<IssuedInvitation> {
    GANTRY_TRY(check_decides(wanted.project_id, wanted.environment_id));
    const std::string secret = new_secret();
    const Invitation made = invitation_from(work_->exec_params1(
        std::string("insert into invitations (id, project_id, environment_id, role, hash, "
                    "invited_by, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8) "
                    "returning ") +
            kInvitationColumns,
        InvitationId::make(store_.clock().now()).str(), wanted.project_id.str(),
        text_or_null(wanted.environment_id.str()), std::string(gantry::name(wanted.role)),
        bytea(hash_of(secret)), text_or_null(wanted.invited_by.str()), now(),
        format_time(wanted.expires_at)));
    record("invitation.created", where_of(made),
           made.id.str() + " as " + std::string(gantry::name(made.role)));
    return IssuedInvitation{made, secret};
  });
}

Result<> PgTransaction::revoke_invitation(const InvitationId& id) {
  return verb([&]() -> Result<> {
    const auto rows = work_->exec_params(
        std::string("delete from invitations where id = $1 returning ") + kInvitationColumns,
        id.str());
    if (rows.empty()) return not_found("invitation " + id.str());
    record("invitation.revoked", where_of(invitation_from(rows[0])), id.str());
    return done();
  });
}

Result<Invitation> PgTransaction::find_invitation(std::string_view secret) {
  return verb([&]() -> Result<Invitation> {
    if (secret.size() > kSecretMax || secret.substr(0, 4) != "inv_") return invalid_invitation();
    const auto into = work_->exec_params("select project_id from invitations where hash = $1",
                                         bytea(hash_of(secret)));
    if (into.empty()) return invalid_invitation();
    // Before the invitation's own row: as whoever deletes the project does.
    if (!lock_row("projects", into[0][0].c_str(), "project", {})) return invalid_invitation();
    const auto rows = work_->exec_params(
        std::string("select ") + kInvitationColumns +
            " from invitations i where hash = $1 and accepted_at is null and expires_at > $2 and "
            "not exists (select 1 from environments e where e.id = i.environment_id and "
            "e.deleted_at is not null) for update",
        bytea(hash_of(secret)), now());
    if (rows.empty()) return invalid_invitation();
    Invitation found = invitation_from(rows[0]);
    // What somebody gave counts only while they could give it, by the rows of now.
    if (!found.invited_by.empty() &&
        !owns(found.invited_by, found.project_id, found.environment_id))
      return invalid_invitation();
    return found;
  });
}

Result<Membership> PgTransaction::accept_invitation(const InvitationId& id, const UserId& user) {
  return verb([&]() -> Result<Membership> {
    const Invitation invitation = invitation_from(work_->exec_params1(
        std::string("update invitations set accepted_at = $2, accepted_by = $3 where id = $1 "
                    "returning ") +
            kInvitationColumns,
        id.str(), now(), user.str()));
    record("invitation.accepted", where_of(invitation), id.str() + " by " + user.str());
    // Whoever holds the secret has no token that the event could name.
    work_->exec_params0(
        "insert into audit (at, outcome, action, token_id, token_name, user_id, user_name, "
        "request_id, project_id, environment_id, service_id, deployment_id, message) select $1, "
        "'DONE', 'invitation.accepted', '', '', u.id, u.name, $2, $3, $4, '', '', $5 from users u "
        "where u.id = $6",
        now(), actor_.request_id, invitation.project_id.str(), invitation.environment_id.str(),
        id.str() + " as " + std::string(gantry::name(invitation.role)), user.str());
    Membership wanted{.user_id = user,
                      .project_id = invitation.project_id,
                      .environment_id = invitation.environment_id,
                      .role = invitation.role};
    const auto present = lock_membership(wanted);
    if (present) return present->role >= wanted.role ? present : put_role(wanted);
    // One of the environment would take the place of a greater one of the project.
    const auto whole = lock_membership({.user_id = user, .project_id = wanted.project_id});
    return whole && whole->role >= wanted.role ? whole : put_member(wanted);
  });
}

}  // namespace gantry
