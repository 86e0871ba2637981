// What the forge tells of a commit's checks, and what it is told of its deployments.
#include <algorithm>
#include <map>

#include "proto/git_url.hpp"
#include "runtime/git/work.hpp"

namespace gantry {
namespace {

constexpr Seconds kAskAgain{20};        // the forge's API, for the checks of a commit
constexpr Seconds kAskSkipped{5 * 60};  // the same, of one that was skipped, where no hook tells
constexpr Seconds kMayTurn{7 * 24 * 60 * 60};  // checks that failed may still turn good

bool is_settled(DeploymentStatus status) {
  return is_terminal(status) || has_served(status) || status == DeploymentStatus::removing;
}

CommitStatus status_of(const Deployment& deployment) {
  CommitStatus status;
  status.description = deployment.reason;
  switch (deployment.status) {
    case DeploymentStatus::success:
    case DeploymentStatus::sleeping:
      status.state = CheckState::success;
      status.description = "it serves";
      break;
    case DeploymentStatus::skipped:
      status.state = CheckState::success;
      break;
    case DeploymentStatus::failed:
    case DeploymentStatus::crashed:
      status.state = CheckState::failure;
      break;
    case DeploymentStatus::removing:
    case DeploymentStatus::removed:
      status.state = CheckState::success;
      status.description = "another deployment took its place";
      break;
    case DeploymentStatus::queued:
    case DeploymentStatus::initializing:
    case DeploymentStatus::building:
    case DeploymentStatus::deploying:
    case DeploymentStatus::waiting:
    case DeploymentStatus::needs_approval:
      break;
  }
  if (status.description.empty()) status.description = name(deployment.status);
  std::replace(status.description.begin(), status.description.end(), '\n', ' ');
  return status;
}

std::optional<CheckState> worse(std::optional<CheckState> one, std::optional<CheckState> other) {
  if (!one) return other;
  if (!other || *one == CheckState::failure) return one;
  return *other == CheckState::failure || *one == CheckState::success ? other : one;
}

}  // namespace

std::string status_place(const ProjectSnapshot& project, const InstanceId& id) {
  const ServiceInstance& instance = project.instances.at(id)->instance;
  return project.environments.at(instance.environment_id)->environment.name.str() + "/" +
         project.services.at(instance.service_id)->name.str();
}

bool was_skipped_for_checks(const Deployment& deployment) {
  return deployment.status == DeploymentStatus::skipped && deployment.reason.starts_with(kChecksOf);
}

std::string GitWork::url_of(const InstanceId& id) const {
  const ProjectPtr project = ports_.store.project_of(id);
  if (!project) return {};
  const ServiceInstance& instance = project->instances.at(id)->instance;
  if (!instance.settings.deploy.exposed || instance.settings.deploy.port == 0) return {};
  const bool standard = options_.edge_port == (options_.url_scheme == "https" ? 443 : 80);
  return options_.url_scheme + "://" + instance.host_label + "." + options_.base_domain +
         (standard ? "" : ":" + std::to_string(options_.edge_port));
}

Result<> GitWork::report(const Repository& repository, GitDeployment row) {
  const auto deployment = ports_.store.deployment(row.deployment_id);
  if (!deployment && deployment.error().code == Code::not_found)
    return ports_.ledger.close_deployment(row.deployment_id);
  if (!deployment) return deployment.error();
  if (deployment->status == DeploymentStatus::waiting && row.wait_until)
    GANTRY_TRY(decide(repository, row, *deployment));
  else if (was_skipped_for_checks(*deployment) && row.wait_until)
    GANTRY_TRY(reconsider(repository, row, *deployment));
  return tell_forge(repository, row, *deployment);
}

Result<std::optional<CheckState>> GitWork::checks_of(const Repository& repository,
                                                     const std::string& commit) {
  auto told = ports_.ledger.check_state(repository.id, commit);
  if (!told || !has_forge_api(repository)) return told;
  const auto url = parse_repository_url(repository.url);
  if (!url) return url.error();
  std::optional<CheckState> all;
  for (const ForgeRequest& request : checks_requests(repository.forge, url->path, commit)) {
    const auto answer = ports_.forge.send(repository, request);
    if (!answer) return told;  // what hooks told is what there is
    const auto state = parse_checks(repository.forge, *answer);
    if (!state) return told;
    all = worse(all, *state);
  }
  return all ? Result<std::optional<CheckState>>(all) : told;
}

Result<> GitWork::decide(const Repository& repository, GitDeployment& row,
                         const Deployment& deployment) {
  const TimePoint now = ports_.clock.now();
  const auto state = checks_of(repository, row.commit);
  if (!state) return state.error();
  const std::string commit = row.commit.substr(0, 7);
  const bool late = now >= *row.wait_until;
  const bool failed = *state == CheckState::failure;
  const bool good = *state == CheckState::success;
  if (!good && !failed && !late) {
    row.not_before = now + kAskAgain;  // a hook brings it forward
    return ports_.ledger.record_deployment(row);
  }
  auto transaction = ports_.store.begin({});
  if (!transaction) return transaction.error();
  const auto decided =
      good
          ? (*transaction)->release_deployment(deployment.id)
          : (*transaction)
                ->skip_deployment(deployment.id, std::string(kChecksOf) + commit +
                                                     (failed ? " failed" : " did not end in time"));
  if (!decided && decided.error().reason == "superseded") {
    const auto skipped = (*transaction)->skip_deployment(deployment.id, "a newer one has begun");
    if (!skipped) return skipped.error();
  } else if (!decided && decided.error().reason != "not_held") {
    return decided.error();
  }
  GANTRY_TRY((*transaction)->commit());
  row.wait_until = good ? std::nullopt : std::optional(now + kMayTurn);
  return ports_.ledger.record_deployment(row);
}

// Whether a later run of its checks has turned them good. Then the branch is taken up anew, unless
// there is something newer by now: on the branch, or deployed.
Result<> GitWork::reconsider(const Repository& repository, GitDeployment& row,
                             const Deployment& deployment) {
  const TimePoint now = ports_.clock.now();
  const std::string& branch = deployment.settings.source.branch;
  const auto newest_commit = ports_.ledger.seen_commit(repository.id, branch);
  if (!newest_commit) return newest_commit.error();
  const ProjectPtr project = ports_.store.project_of(row.instance_id);
  const bool is_newest =
      project && *newest_commit == row.commit &&
      project->instances.at(row.instance_id)->deployments.front()->id == row.deployment_id;
  if (!is_newest || now >= *row.wait_until) {
    row.wait_until.reset();
    return ports_.ledger.record_deployment(row);
  }
  const auto state = checks_of(repository, row.commit);
  if (!state) return state.error();
  if (*state == CheckState::success) {
    GANTRY_TRY(ports_.ledger.put_push({.repository_id = repository.id,
                                       .branch = branch,
                                       .commit = row.commit,
                                       .not_before = now}));
    row.wait_until.reset();
  } else {  // a hook brings it forward
    row.not_before = repository.poll_seconds > 0 ? now + kAskSkipped : *row.wait_until;
  }
  return ports_.ledger.record_deployment(row);
}

// Once for each status; what the forge does not take is given up after some attempts.
Result<> GitWork::tell_forge(const Repository& repository, GitDeployment row,
                             const Deployment& deployment) {
  const std::string word(name(deployment.status));
  const auto close = [&]() -> Result<> {
    const bool may_turn = was_skipped_for_checks(deployment) && row.wait_until;
    return is_settled(deployment.status) && !may_turn
               ? ports_.ledger.close_deployment(row.deployment_id)
               : done();
  };
  if (word == row.reported) return close();
  if (has_forge_api(repository)) {
    const auto url = parse_repository_url(repository.url);
    const ProjectPtr project = ports_.store.project_of(row.instance_id);
    if (!url || !project) return ports_.ledger.close_deployment(row.deployment_id);
    CommitStatus status = status_of(deployment);
    status.context = std::string(kOwnContext) + status_place(*project, row.instance_id);
    status.url = url_of(row.instance_id);
    const auto sent = ports_.forge.send(
        repository, status_request(repository.forge, url->path, row.commit, status));
    if (!sent && ++row.attempts < options_.attempts && sent.error().code == Code::unavailable) {
      row.not_before = ports_.clock.now() + Seconds(5 << row.attempts);
      return ports_.ledger.record_deployment(row);
    }
    if (!sent) tell("git.report_failed", repository, sent.error().detail, row.instance_id);
  }
  row.reported = word;
  row.attempts = 0;
  GANTRY_TRY(ports_.ledger.record_deployment(row));
  if (row.pull > 0)
    if (auto pull = ports_.ledger.pull(repository.id, row.pull)) (void)comment(repository, *pull);
  return close();
}

// Of a commit that no deployment is made of. Who cannot be told is not.
void GitWork::tell_outcome(const Repository& repository, const std::string& commit,
                           const std::string& where, const CommitStatus& outcome) {
  const auto url = parse_repository_url(repository.url);
  if (!url || !is_commit(commit) || !has_forge_api(repository)) return;
  CommitStatus status = outcome;
  status.context = std::string(kOwnContext) + where;
  (void)ports_.forge.send(repository, status_request(repository.forge, url->path, commit, status));
}

// One a pull request, written anew. One at a time, so that there is never a second one.
Result<> GitWork::comment(const Repository& repository, const Pull& of) {
  const auto url = parse_repository_url(repository.url);
  if (!has_forge_api(repository) || !url) return done();
  const std::scoped_lock lock(commenting_);
  const auto pull = ports_.ledger.pull(repository.id, of.number);
  if (!pull) return pull.error();
  const auto sent = ports_.forge.send(
      repository, comment_request(repository.forge, url->path, pull->number, pull->comment,
                                  comment_text(repository, *pull)));
  if (!sent) {
    if (options_.log)
      options_.log("pull request comment failed repository=" + repository.id.str() + " detail=\"" +
                   sent.error().detail + "\"");
    return done();
  }
  const std::string id = comment_id(*sent);
  if (!pull->comment.empty() || id.empty()) return done();
  return ports_.ledger.record_comment(repository.id, pull->number, id);
}

std::string GitWork::comment_text(const Repository& repository, const Pull& pull) {
  if (pull.environment_id.empty())
    return pull.state == PullState::removed
               ? "The preview of this pull request was removed."
               : "This pull request changes no service, so that it has no preview.";
  std::string text = "Preview of " + pull.done_commit.substr(0, 7) + " in the environment `" +
                     pull.environment + "`\n\n| Service | Status | Address |\n|---|---|---|\n";
  const ProjectPtr project = ports_.store.project(repository.project_id.str());
  if (!project) return text;
  for (const auto& [id, view] : project->instances) {
    if (view->instance.environment_id != pull.environment_id || view->deployments.empty()) continue;
    const auto service = project->services.find(view->instance.service_id);
    text += "| " + service->second->name.str() + " | " +
            std::string(name(view->deployments.front()->status)) + " | " + url_of(id) + " |\n";
  }
  return text;
}

}  // namespace gantry
