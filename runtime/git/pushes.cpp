// Pushes: one fetch of a branch, a deployment for each service that follows it.
#include <algorithm>
#include <set>

#include "proto/git_url.hpp"
#include "proto/ignore.hpp"
#include "proto/variables.hpp"
#include "runtime/git/work.hpp"

namespace gantry {
namespace {

constexpr int kRaces = 5;

// So long after the n-th attempt the next one begins.
Seconds pause_after(int attempts) {
  constexpr int kMost = 300;
  return Seconds(std::min(kMost, 5 << std::min(2 * attempts, 12)));
}

const InstanceView* view_of(const ProjectPtr& project, const InstanceId& id) {
  if (!project) return nullptr;
  const auto found = project->instances.find(id);
  if (found == project->instances.end()) return nullptr;
  const auto environment = project->environments.find(found->second->instance.environment_id);
  const bool there =
      environment != project->environments.end() && !environment->second->environment.deleted_at;
  return there ? found->second.get() : nullptr;
}

// Whether the newest deployment is of this source and on its way or in service, or had nothing to
// do.
bool is_there(const InstanceView& view, const Source& source) {
  if (view.deployments.empty()) return false;
  const Deployment& newest = *view.deployments.front();
  const bool ended = newest.status == DeploymentStatus::failed ||
                     newest.status == DeploymentStatus::removed ||
                     newest.status == DeploymentStatus::removing || was_skipped_for_checks(newest);
  return !ended && newest.settings.source.commit == source.commit &&
         newest.settings.source.archive == source.archive &&
         newest.settings.source.image == source.image;
}

DeploymentId next_id(const Clock& clock, const InstanceView& view) {
  TimePoint at = clock.now();
  if (!view.deployments.empty())
    at = std::max(at, view.deployments.front()->created_at + std::chrono::milliseconds(1));
  return DeploymentId::make(at);
}

std::string short_commit(const std::string& commit) { return commit.substr(0, 7); }

}  // namespace

GitCredential credential_of(const Repository& repository) {
  return {
      .username = repository.username, .token = repository.token, .ssh_key = repository.ssh_key};
}

ResolvedVariables git_variables(const Repository& repository, const std::string& branch,
                                const Fetched& fetched) {
  const auto url = parse_repository_url(repository.url);
  return {{"GIT_COMMIT_SHA", fetched.commit},
          {"GIT_AUTHOR", fetched.author},
          {"GIT_BRANCH", branch},
          {"GIT_REPO_NAME", url ? url->name() : ""},
          {"GIT_REPO_OWNER", url ? url->owner() : ""},
          {"GIT_COMMIT_MESSAGE", fetched.message}};
}

bool is_touched(const BuildSettings& build, const std::vector<std::string>& changed) {
  if (!build.watch_patterns.empty()) return !watched(build.watch_patterns, changed).empty();
  if (!build.root_directory || build.root_directory->empty()) return true;
  const std::string below = *build.root_directory + "/";
  return std::any_of(changed.begin(), changed.end(),
                     [&](const std::string& path) { return path.starts_with(below); });
}

void GitWork::tell(std::string_view type, const Repository& repository, const std::string& message,
                   const InstanceId& instance) {
  Event event;
  event.type = type;
  event.project_id = repository.project_id;
  event.message = message;
  if (const InstanceView* view =
          view_of(ports_.store.project(repository.project_id.str()), instance)) {
    event.environment_id = view->instance.environment_id.str();
    event.service_id = view->instance.service_id.str();
    event.instance_id = instance.str();
  }
  (void)ports_.store.record_event(event);  // without the database nobody reads it either
  if (options_.log)
    options_.log(std::string(type) + " repository=" + repository.id.str() + " detail=\"" + message +
                 "\"");
}

Result<> GitWork::push(const Repository& repository, const Push& push,
                       const std::stop_token& stop) {
  const auto connections = ports_.ledger.connections(repository.id);
  if (!connections) return connections.error();
  std::vector<Connection> followers;
  for (const Connection& one : *connections)
    if (one.branch == push.branch &&
        (push.instance_id.empty() || push.instance_id == one.instance_id) &&
        view_of(ports_.store.project_of(one.instance_id), one.instance_id) != nullptr)
      followers.push_back(one);
  if (push.deleted) {
    GANTRY_TRY(ports_.ledger.see_commit(repository.id, push.branch, ""));
    if (!followers.empty()) {
      const std::string what = "the branch " + push.branch + " was deleted: what runs goes on";
      GANTRY_TRY(ports_.ledger.record_fetch(repository.id, what, ports_.clock.now()));
      tell("git.branch_deleted", repository, what);
    }
    return ports_.ledger.finish_push(push);
  }
  if (followers.empty()) return ports_.ledger.finish_push(push);
  const auto fetched = ports_.remote.fetch({.project_id = repository.project_id,
                                            .url = repository.url,
                                            .credential = credential_of(repository),
                                            .ref = "refs/heads/" + push.branch,
                                            .submodules = repository.submodules,
                                            .stop = stop});
  if (!fetched) return later(repository, push, followers, fetched.error());
  GANTRY_TRY(ports_.ledger.record_fetch(repository.id, "", ports_.clock.now()));
  GANTRY_TRY(ports_.ledger.see_commit(repository.id, push.branch, fetched->commit));
  for (const std::string& warning : fetched->warnings) tell("git.warning", repository, warning);
  for (const Connection& one : followers) {
    const Wanted wanted{.instance_id = one.instance_id,
                        .source = {.image = {},
                                   .archive = fetched->archive,
                                   .repository = repository.url,
                                   .branch = push.branch,
                                   .commit = fetched->commit},
                        .message = fetched->message.substr(0, fetched->message.find('\n')),
                        .git = git_variables(repository, push.branch, *fetched),
                        // Who asks for it wants it done, whatever has changed.
                        .trigger = push.instance_id.empty() ? "push" : "redeploy",
                        .waits = one.wait_for_ci && push.instance_id.empty()};
    const auto deployed = deploy(repository, wanted);
    if (!deployed && deployed.error().code == Code::unavailable)
      return later(repository, push, followers, deployed.error());
    if (!deployed)
      tell("git.failed", repository,
           short_commit(fetched->commit) + " is not deployed: " + deployed.error().detail,
           one.instance_id);
  }
  return ports_.ledger.finish_push(push);
}

// What may pass is tried again; what does not is said to people, and the next push begins anew.
Result<> GitWork::later(const Repository& repository, Push push,
                        const std::vector<Connection>& followers, const Error& error) {
  GANTRY_TRY(ports_.ledger.record_fetch(repository.id, error.detail, ports_.clock.now()));
  if (error.reason == "interrupted") return done();
  ++push.attempts;
  if (error.code == Code::unavailable && push.attempts < options_.attempts) {
    push.not_before = ports_.clock.now() + pause_after(push.attempts);
    return ports_.ledger.delay_push(push);
  }
  tell("git.failed", repository, error.detail, push.instance_id);
  for (const Connection& one : followers)
    if (const ProjectPtr project = ports_.store.project_of(one.instance_id))
      tell_outcome(repository, push.commit, status_place(*project, one.instance_id),
                   {.state = CheckState::failure, .description = error.detail});
  return ports_.ledger.finish_push(push);
}

Result<> GitWork::deploy(const Repository& repository, const Wanted& wanted) {
  Result<> deployed = done();
  for (int race = 0; race < kRaces; ++race) {
    const ProjectPtr project = ports_.store.project_of(wanted.instance_id);
    const InstanceView* view = view_of(project, wanted.instance_id);
    if (view == nullptr) return done();
    if (is_there(*view, wanted.source)) return done();
    deployed = deploy_once(repository, wanted, project, *view);
    if (deployed || deployed.error().reason != "superseded") return deployed;
  }
  return deployed;
}

Result<> GitWork::deploy_once(const Repository& repository, const Wanted& wanted,
                              const ProjectPtr& project, const InstanceView& view) {
  NewDeployment made{.instance_id = wanted.instance_id,
                     .id = next_id(ports_.clock, view),
                     .settings = view.instance.settings,
                     .variables = {},
                     .trigger = wanted.trigger,
                     .message = wanted.message};
  made.settings.source = wanted.source;
  made.settings.source.from_template = view.instance.settings.source.from_template;
  if (wanted.source.image)
    made.progress = {.prepared = true,
                     .image = wanted.source.image->str(),
                     .pre_deployed = made.settings.deploy.pre_deploy_command.empty()};
  if (wanted.waits) {
    made.status = DeploymentStatus::waiting;
    made.reason = "waits for the checks of " + short_commit(wanted.source.commit);
  }
  auto resolution = resolve_variables(
      *project, view,
      {.base_domain = options_.base_domain, .deployment_id = made.id, .git = wanted.git});
  if (!resolution) return resolution.error();
  if (!resolution->missing.empty())
    return Error{Code::invalid, "unresolved_reference",
                 resolution->missing.front().variable + " refers to " +
                     resolution->missing.front().reference + ", which is not there"};
  made.variables = std::move(resolution->variables);
  auto transaction = ports_.store.begin({});
  if (!transaction) return transaction.error();
  const auto deployment = (*transaction)->create_deployment(made);
  if (!deployment) return deployment.error();
  GANTRY_TRY((*transaction)->commit());
  if (wanted.source.commit.empty()) return done();
  const TimePoint now = ports_.clock.now();
  GitDeployment row{.deployment_id = made.id,
                    .instance_id = wanted.instance_id,
                    .repository_id = repository.id,
                    .commit = wanted.source.commit,
                    .pull = wanted.pull,
                    .not_before = now};
  if (deployment->status == DeploymentStatus::waiting) row.wait_until = now + options_.checks_wait;
  return ports_.ledger.add_deployment(row);
}

Result<> GitWork::poll(const Repository& repository) {
  const auto connections = ports_.ledger.connections(repository.id);
  if (!connections) return connections.error();
  if (connections->empty()) return done();
  const auto heads = ports_.remote.heads(repository.url, credential_of(repository));
  if (!heads)
    return ports_.ledger.record_fetch(repository.id, heads.error().detail, ports_.clock.now());
  std::set<std::string> branches;
  for (const Connection& one : *connections) branches.insert(one.branch);
  for (const std::string& branch : branches) {
    const auto seen = ports_.ledger.seen_commit(repository.id, branch);
    if (!seen) return seen.error();
    const auto head = heads->branches.find(branch);
    const std::string commit = head == heads->branches.end() ? "" : head->second;
    if (commit == *seen) continue;
    GANTRY_TRY(ports_.ledger.put_push({.repository_id = repository.id,
                                       .branch = branch,
                                       .commit = commit,
                                       .deleted = commit.empty(),
                                       .not_before = ports_.clock.now()}));
    GANTRY_TRY(ports_.ledger.see_commit(repository.id, branch, commit));
  }
  return done();
}

}  // namespace gantry
