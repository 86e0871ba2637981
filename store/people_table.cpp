#include "store/people_table.hpp"

namespace gantry {

void PeopleTable::change(const UserId& id, const std::function<void(UserRoles&)>& edit) {
  RolesPtr& roles = roles_[id];
  const auto copy = roles ? std::make_shared<UserRoles>(*roles) : std::make_shared<UserRoles>();
  edit(*copy);
  roles = copy;
}

void PeopleTable::put(const User& user) {
  change(user.id, [&](UserRoles& roles) { roles.user = user; });
  id_by_name_[user.name.str()] = user.id;
}

void PeopleTable::drop(const UserId& id) {
  const auto found = roles_.find(id);
  if (found == roles_.end()) return;
  const auto named = id_by_name_.find(found->second->user.name.str());
  if (named != id_by_name_.end() && named->second == id) id_by_name_.erase(named);
  roles_.erase(found);
}

void PeopleTable::put(const Membership& membership) {
  change(membership.user_id, [&](UserRoles& roles) {
    auto& project = roles.projects[membership.project_id];
    if (membership.environment_id.empty())
      project.whole = membership;
    else
      project.in[membership.environment_id] = membership;
  });
}

void PeopleTable::drop(const Membership& membership) {
  if (roles_.count(membership.user_id) == 0) return;
  change(membership.user_id, [&](UserRoles& roles) {
    const auto project = roles.projects.find(membership.project_id);
    if (project == roles.projects.end()) return;
    if (membership.environment_id.empty())
      project->second.whole.reset();
    else
      project->second.in.erase(membership.environment_id);
    if (!project->second.whole && project->second.in.empty()) roles.projects.erase(project);
  });
}

RolesPtr PeopleTable::find(const UserId& id) const {
  const auto found = roles_.find(id);
  return found == roles_.end() || found->second->user.id.empty() ? nullptr : found->second;
}

std::optional<User> PeopleTable::find_by_name(const std::string& name) const {
  const auto found = id_by_name_.find(name);
  const RolesPtr roles = found == id_by_name_.end() ? nullptr : find(found->second);
  if (!roles) return std::nullopt;
  return roles->user;
}

std::vector<User> PeopleTable::all() const {
  std::vector<User> users;
  for (const auto& [id, roles] : roles_)
    if (!roles->user.id.empty()) users.push_back(roles->user);
  return users;
}

std::vector<Membership> PeopleTable::members_of(const ProjectId& id) const {
  std::vector<Membership> members;
  for (const auto& [user, roles] : roles_) {
    const auto found = roles->projects.find(id);
    if (roles->user.id.empty() || found == roles->projects.end()) continue;
    if (found->second.whole) members.push_back(*found->second.whole);
    for (const auto& [environment, membership] : found->second.in) members.push_back(membership);
  }
  return members;
}

}  // namespace gantry
