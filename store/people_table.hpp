// Users and their roles in memory. Owned by Memory, whose lock it is read and changed under. Never
// does SQL.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/people.hpp"

namespace gantry {

class PeopleTable {
 public:
  void put(const User&);
  void drop(const UserId&);  // with its memberships
  void put(const Membership&);
  void drop(const Membership&);

  RolesPtr find(const UserId&) const;  // null: there is no such user
  std::optional<User> find_by_name(const std::string& name) const;
  std::vector<User> all() const;                               // by id
  std::vector<Membership> members_of(const ProjectId&) const;  // by user, then environment

 private:
  void change(const UserId&, const std::function<void(UserRoles&)>&);

  // Commits may be published in another order than they took place: who is not yet, or no more,
  // there may have memberships, and does not count.
  std::map<UserId, RolesPtr> roles_;
  std::unordered_map<std::string, UserId> id_by_name_;
};

}  // namespace gantry
