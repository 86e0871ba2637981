#include "api/reach.hpp"

#include <algorithm>

namespace gantry::api {
namespace {

Error not_for_tokens() {
  return {Code::forbidden, "account_token_required",
          "a token of a project or a user may not do this"};
}

}  // namespace

ProjectPtr ReachableStore::seen(const ProjectPtr& whole) const {
  if (!whole) return nullptr;
  if (is_user()) return roles_->seen(whole);
  const bool own = whole->project.id == token_.project_id &&
                   (!roles_ || roles_->in(token_.project_id, token_.environment_id));
  return own ? gantry::within(*whole, token_.environment_id) : nullptr;
}

bool ReachableStore::owns(const Token& token) const {
  return is_user() ? token.user_id == token_.user_id : token.id == token_.id;
}

bool ReachableStore::reaches(const InstanceId& id) const { return project_of(id) != nullptr; }

// What may be written is what was found here before.
Result<std::unique_ptr<Transaction>> ReachableStore::begin(const Actor& actor) {
  return whole_.begin(actor);
}

ProjectPtr ReachableStore::project(std::string_view id_or_name) const {
  return seen(whole_.project(id_or_name));
}

ProjectPtr ReachableStore::project_of(const InstanceId& id) const {
  ProjectPtr project = seen(whole_.project_of(id));
  return project && project->instances.contains(id) ? project : nullptr;
}

std::vector<ProjectPtr> ReachableStore::projects() const {
  std::vector<ProjectPtr> all;
  const auto add = [&](const ProjectId& id) {
    if (auto project = seen(whole_.project(id.str()))) all.push_back(std::move(project));
  };
  if (!is_user()) add(token_.project_id);
  if (is_user())
    for (const auto& [id, roles] : roles_->projects) add(id);
  return all;
}

std::optional<Token> ReachableStore::verify_token(std::string_view secret) {
  return whole_.verify_token(secret);
}

std::optional<Token> ReachableStore::token(const TokenId& id) const {
  auto token = whole_.token(id);
  if (token && !owns(*token)) return std::nullopt;
  return token;
}

std::vector<Token> ReachableStore::tokens() const {
  auto tokens = whole_.tokens();
  std::erase_if(tokens, [&](const Token& each) { return !owns(each); });
  return tokens;
}

Result<Deployment> ReachableStore::deployment(const DeploymentId& id) {
  auto found = whole_.deployment(id);
  if (found && !reaches(found->instance_id)) return not_found("deployment " + id.str());
  return found;
}

Result<Page<Deployment>> ReachableStore::deployments(const InstanceId& id,
                                                     const PageRequest& wanted) {
  if (!reaches(id)) return not_found("instance " + id.str());
  return whole_.deployments(id, wanted);
}

Result<std::vector<Replica>> ReachableStore::replicas(const InstanceId& id) {
  if (!reaches(id)) return not_found("instance " + id.str());
  return whole_.replicas(id);
}

Result<std::string> ReachableStore::deployment_config(const DeploymentId& id) {
  if (const auto found = deployment(id); !found) return found.error();
  return whole_.deployment_config(id);
}

Result<std::vector<Release>> ReachableStore::releases(int per_instance) {
  auto found = whole_.releases(per_instance);
  if (found)
    std::erase_if(*found, [&](const Release& release) { return !reaches(release.instance_id); });
  return found;
}

Result<std::vector<Volume>> ReachableStore::volumes() {
  std::vector<Volume> found;
  for (const ProjectPtr& project : projects())
    for (const auto& [id, volume] : project->volumes) found.push_back(*volume);
  std::sort(found.begin(), found.end(),
            [](const Volume& one, const Volume& other) { return one.id < other.id; });
  return found;
}

Result<std::vector<Event>> ReachableStore::events(const EventFilter& filter,
                                                  const std::string& after, int limit) {
  if (is_user()) return events_of_user(filter, after, limit);
  if (!filter.project_id.empty() && filter.project_id != token_.project_id)
    return std::vector<Event>();
  EventFilter narrowed = filter;
  narrowed.project_id = token_.project_id;
  narrowed.within_environment_id = token_.environment_id.str();
  return whole_.events(narrowed, after, limit);
}

Result<std::vector<Event>> ReachableStore::events_of_user(const EventFilter& filter,
                                                          const std::string& after, int limit) {
  People::Reach reach;
  for (const ProjectPtr& project : projects()) {
    const ProjectId& id = project->project.id;
    if (!filter.project_id.empty() && id != filter.project_id) continue;
    const bool whole = roles_->in(id).has_value();
    (whole ? reach.projects : reach.parts).push_back(id.str());
    if (whole) continue;
    for (const auto& [environment, view] : project->environments)
      reach.environments.push_back(environment.str());
  }
  if (reach.projects.empty() && reach.parts.empty()) return std::vector<Event>();
  return people_->events(filter, reach, after, limit);
}

Result<Lease> ReachableStore::hold_lease(const std::string&, Seconds) { return not_for_tokens(); }
Result<> ReachableStore::release_lease(const std::string&) { return not_for_tokens(); }
Result<> ReachableStore::record_rollout(const RolloutChange&) { return not_for_tokens(); }
Result<> ReachableStore::record_scale(const ScaleChange&) { return not_for_tokens(); }
Result<> ReachableStore::record_status(const StatusChange&) { return not_for_tokens(); }
Result<> ReachableStore::record_progress(const ProgressChange&) { return not_for_tokens(); }
Result<> ReachableStore::record_replica(const Replica&) { return not_for_tokens(); }
Result<> ReachableStore::record_event(const Event&) { return not_for_tokens(); }
Result<> ReachableStore::record_volume_made(const VolumeId&) { return not_for_tokens(); }
Result<> ReachableStore::record_volume_usage(const VolumeId&, std::int64_t) {
  return not_for_tokens();
}
Result<bool> ReachableStore::claim_volume_purge(const VolumeId&, TimePoint) {
  return not_for_tokens();
}
Result<> ReachableStore::record_volume_purged(const VolumeId&) { return not_for_tokens(); }
Result<> ReachableStore::reload() { return not_for_tokens(); }

}  // namespace gantry::api
