#include "api/reach.hpp"

namespace gantry::api {
namespace {

Error not_for_tokens() {
  return {Code::forbidden, "account_token_required", "a project token may not do this"};
}

}  // namespace

ProjectPtr ReachableStore::own() const {
  const ProjectPtr whole = whole_.project(token_.project_id.str());
  return whole ? within(*whole, token_.environment_id) : nullptr;
}

bool ReachableStore::reaches(const InstanceId& id) const {
  const ProjectPtr project = own();
  return project && project->instances.contains(id);
}

// What may be written is what was found here before.
Result<std::unique_ptr<Transaction>> ReachableStore::begin(const Actor& actor) {
  return whole_.begin(actor);
}

ProjectPtr ReachableStore::project(std::string_view id_or_name) const {
  ProjectPtr project = own();
  const bool named = project && (project->project.id.str() == id_or_name ||
                                 project->project.name.str() == id_or_name);
  return named ? project : nullptr;
}

ProjectPtr ReachableStore::project_of(const InstanceId& id) const {
  ProjectPtr project = own();
  return project && project->instances.contains(id) ? project : nullptr;
}

std::vector<ProjectPtr> ReachableStore::projects() const {
  ProjectPtr project = own();
  if (!project) return {};
  return {std::move(project)};
}

std::optional<Token> ReachableStore::verify_token(std::string_view secret) {
  return whole_.verify_token(secret);
}

std::optional<Token> ReachableStore::token(const TokenId& id) const {
  return id == token_.id ? whole_.token(id) : std::nullopt;
}

std::vector<Token> ReachableStore::tokens() const {
  auto token = whole_.token(token_.id);
  if (!token) return {};
  return {*std::move(token)};
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
  if (const ProjectPtr project = own())
    for (const auto& [id, volume] : project->volumes) found.push_back(*volume);
  return found;
}

Result<std::vector<Event>> ReachableStore::events(const EventFilter& filter,
                                                  const std::string& after, int limit) {
  if (!filter.project_id.empty() && filter.project_id != token_.project_id)
    return std::vector<Event>();
  EventFilter narrowed = filter;
  narrowed.project_id = token_.project_id;
  narrowed.within_environment_id = token_.environment_id.str();
  return whole_.events(narrowed, after, limit);
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
