// People, their roles and invitations: a port beside Store, in the same database. What somebody may
// do is answered from memory and never touches the database; verbs that change it belong to a
// transaction of the store. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/store.hpp"

namespace gantry {

struct InvitationTag {
  static constexpr std::string_view prefix = "inv";
};
using InvitationId = Id<InvitationTag>;

// Each may what the one before it may.
enum class Role { viewer, editor, owner };
std::string_view name(Role);  // "viewer"
std::optional<Role> parse_role(std::string_view);

struct User {
  UserId id;
  Name name;  // nobody else's
  TimePoint created_at{};
};

struct Membership {
  UserId user_id;
  ProjectId project_id;
  EnvironmentId environment_id = {};  // empty: the whole project
  Role role = Role::viewer;
  TimePoint created_at{};
  bool operator==(const Membership&) const = default;
};

// What one user may, as of now. Immutable but for the views it remembers.
class UserRoles {
 public:
  struct InProject {
    std::optional<Membership> whole;
    std::map<EnvironmentId, Membership> in;  // instead of the project's role
    bool operator==(const InProject&) const = default;
  };
  User user = {};
  std::map<ProjectId, InProject> projects = {};

  std::optional<Role> in(const ProjectId&) const;
  std::optional<Role> in(const ProjectId&, const EnvironmentId&) const;
  // What of the project the user sees: all, or its environments; null: nothing.
  ProjectPtr seen(const ProjectPtr& whole) const;

  UserRoles() = default;
  UserRoles(const UserRoles& other) : user(other.user), projects(other.projects) {}
  UserRoles& operator=(const UserRoles&) = delete;

 private:
  struct Seen {
    std::weak_ptr<const ProjectSnapshot> of;
    ProjectPtr view;
  };
  mutable std::mutex mutex_;
  mutable std::map<ProjectId, Seen> seen_;
};
using RolesPtr = std::shared_ptr<const UserRoles>;

// Joins a project once, whoever holds its secret.
struct Invitation {
  InvitationId id;
  ProjectId project_id;
  EnvironmentId environment_id = {};  // empty: the whole project
  Role role = Role::viewer;
  UserId invited_by = {};  // empty: the operator
  TimePoint created_at{};
  TimePoint expires_at{};
  std::optional<TimePoint> accepted_at = {};
  std::string accepted_by = {};  // a user's id
};

struct IssuedInvitation {
  Invitation invitation;
  std::string secret;
};

// Each writes its event in the transaction that it was taken from. Who gives roles and invitations
// must be able to at that moment, by the database and not by what a daemon remembers: else
// Code::forbidden "role_required".
class PeopleVerbs {
 public:
  virtual ~PeopleVerbs() = default;

  virtual Result<User> create_user(const Name&) = 0;  // taken: Code::conflict "name_taken"
  // With its tokens and memberships, also where it is the last owner.
  virtual Result<> remove_user(const UserId&) = 0;

  // There already: Code::conflict "member_exists".
  virtual Result<Membership> add_member(const Membership&) = 0;
  // Not there: not_found. The last owner of a project stays one: Code::conflict "last_owner".
  virtual Result<Membership> change_member(const Membership&) = 0;
  virtual Result<> remove_member(const Membership&) = 0;  // its role does not matter
  // By oneself: all roles in a project, or the one in an environment of it. None there:
  // Code::conflict "no_role". The last owner: Code::conflict "last_owner". Where the project's role
  // is greater than that in the environment, whose place it would take: Code::conflict
  // "role_would_grow".
  virtual Result<> leave(const UserId&, const ProjectId&, const EnvironmentId&) = 0;

  // Makes its id and secret; the secret is given once and kept as a hash.
  virtual Result<IssuedInvitation> create_invitation(const Invitation&) = 0;
  virtual Result<> revoke_invitation(const InvitationId&) = 0;
  // Locked until the end. Nobody's, used, expired, or of who may no longer invite: not_found
  // "invalid_invitation".
  virtual Result<Invitation> find_invitation(std::string_view secret) = 0;
  // The user has its role then, or keeps a greater one.
  virtual Result<Membership> accept_invitation(const InvitationId&, const UserId&) = 0;

  // Whether a verb of the transaction wrote an event, and with it a line of the audit log.
  virtual bool has_recorded() const = 0;
};

class People {
 public:
  virtual ~People() = default;

  // ---- memory ----
  virtual RolesPtr roles(const UserId&) const = 0;  // null: there is no such user
  virtual std::optional<User> user(std::string_view id_or_name) const = 0;
  virtual std::vector<User> users() const = 0;                          // by id
  virtual std::vector<Membership> members(const ProjectId&) const = 0;  // by user, then environment

  // ---- SQL ----
  virtual Result<std::vector<Invitation>> invitations(const ProjectId&) = 0;  // by id
  virtual Result<Invitation> invitation(const ProjectId&, const InvitationId&) = 0;
  // As Store::events, of these projects: of all of each, or of some environments and of none.
  struct Reach {
    std::vector<std::string> projects = {};      // seen whole
    std::vector<std::string> parts = {};         // projects of which only some environments are
    std::vector<std::string> environments = {};  // those
  };
  virtual Result<std::vector<Event>> events(const EventFilter&, const Reach&,
                                            const std::string& after, int limit) = 0;

  // REQUIRES: a transaction of the store that this belongs to
  virtual PeopleVerbs& within(Transaction&) = 0;
};

}  // namespace gantry
