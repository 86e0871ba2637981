#include "proto/people.hpp"

#include <array>

#include "proto/enum_text.hpp"

namespace gantry {
namespace {

constexpr std::array<Named<Role>, 3> kRoles{{
    {Role::viewer, "viewer"},
    {Role::editor, "editor"},
    {Role::owner, "owner"},
}};

// Adds to a view of one environment what is in another.
void add_view(ProjectSnapshot& view, const ProjectSnapshot& other) {
  view.environments.insert(other.environments.begin(), other.environments.end());
  view.instances.insert(other.instances.begin(), other.instances.end());
  view.volumes.insert(other.volumes.begin(), other.volumes.end());
}

// Only some environments; null when none of them is there.
ProjectPtr parts_of(const ProjectSnapshot& whole, const UserRoles::InProject& roles) {
  std::vector<ProjectPtr> parts;
  for (const auto& [id, membership] : roles.in)
    if (auto part = gantry::within(whole, id)) parts.push_back(std::move(part));
  if (parts.empty()) return nullptr;
  if (parts.size() == 1) return parts.front();
  auto view = std::make_shared<ProjectSnapshot>(*parts.front());
  for (const ProjectPtr& each : parts) add_view(*view, *each);
  view->index = std::make_shared<const SnapshotIndex>(*view);
  return view;
}

}  // namespace

std::string_view name(Role role) { return text_of(kRoles, role); }
std::optional<Role> parse_role(std::string_view text) { return value_of(kRoles, text); }

std::optional<Role> UserRoles::in(const ProjectId& project) const {
  const auto found = projects.find(project);
  if (found == projects.end() || !found->second.whole) return std::nullopt;
  return found->second.whole->role;
}

std::optional<Role> UserRoles::in(const ProjectId& project,
                                  const EnvironmentId& environment) const {
  const auto found = projects.find(project);
  if (found == projects.end()) return std::nullopt;
  const auto own = found->second.in.find(environment);
  if (own != found->second.in.end()) return own->second.role;
  return in(project);
}

ProjectPtr UserRoles::seen(const ProjectPtr& whole) const {
  if (!whole) return nullptr;
  const auto found = projects.find(whole->project.id);
  if (found == projects.end()) return nullptr;
  if (found->second.whole) return whole;
  const std::scoped_lock lock(mutex_);
  Seen& seen = seen_[whole->project.id];
  if (seen.of.lock() != whole) seen = {whole, parts_of(*whole, found->second)};
  return seen.view;
}

}  // namespace gantry
