// Pull requests: an environment each, like the one that they want to change.
#include <algorithm>
#include <set>

#include "proto/git_url.hpp"
#include "proto/variables.hpp"
#include "runtime/git/work.hpp"

namespace gantry {
namespace {

constexpr Seconds kDay{24 * 60 * 60};

std::string head_ref(const Repository& repository, const Pull& pull) {
  const std::string number = std::to_string(pull.number);
  switch (repository.forge) {
    case Forge::github:
    case Forge::gitea:
      return "refs/pull/" + number + "/head";
    case Forge::gitlab:
      return "refs/merge-requests/" + number + "/head";
    case Forge::bitbucket:
    case Forge::plain:
      break;
  }
  return "refs/heads/" + pull.head_branch;
}

// "pr-7", or with the repository's name where another one's is called so.
std::optional<Name> free_name(const ProjectSnapshot& project, const Repository& repository,
                              int number) {
  std::string plain = "pr-" + std::to_string(number);
  if (project.environment(plain) == nullptr) return *Name::parse(plain);
  const auto url = parse_repository_url(repository.url);
  std::string longer = plain + "-";
  for (const char c : url ? url->name() : std::string())
    longer += std::isalnum(static_cast<unsigned char>(c)) != 0
                  ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                  : '-';
  const auto name = Name::parse(longer.substr(0, 32));
  if (!name || project.environment(longer.substr(0, 32)) != nullptr) return std::nullopt;
  return *name;
}

std::string fork_reason(const Repository& repository, const Pull& pull) {
  const std::string why =
      "it is from a fork, whose code would get the variables of " + repository.previews.base + ": ";
  // Bitbucket has no ref of it, and the branch's name may be one of the repository's own.
  if (head_ref(repository, pull) == "refs/heads/" + pull.head_branch)
    return why + "push its branch to the repository itself, from where it can be fetched";
  return why + "`gantry repo allow " + std::to_string(pull.number) + "` lets this commit in";
}

const InstanceView* instance_in(const ProjectSnapshot& project, const InstanceId& like,
                                const EnvironmentId& to) {
  const auto original = project.instances.find(like);
  return original == project.instances.end()
             ? nullptr
             : project.instance(original->second->instance.service_id, to);
}

// What runs there, or would.
Source source_of(const InstanceView& view) {
  for (const auto& deployment : view.deployments)
    if (has_served(deployment->status)) return deployment->settings.source;
  return view.instance.settings.source;
}

}  // namespace

Result<> GitWork::pull(const Repository& repository, Pull pull, const std::stop_token& stop) {
  const TimePoint now = ports_.clock.now();
  const bool over = pull.expires_at && *pull.expires_at <= now;
  if (pull.state == PullState::closed || over) return end_pull(repository, std::move(pull));
  if (pull.state != PullState::open) return refuse_pull(repository, pull, pull.state, pull.reason);
  if (!repository.previews.enabled)
    return refuse_pull(repository, pull, PullState::ignored, "previews are not switched on");
  if (pull.bot && !repository.previews.bots)
    return refuse_pull(repository, pull, PullState::ignored,
                       "a program opened it, and previews are for people's");
  if (pull.fork && pull.allowed_commit != pull.head_commit)
    return refuse_pull(repository, pull, PullState::held, fork_reason(repository, pull));
  if (pull.environment_id.empty()) {
    const auto there = ports_.ledger.previews(repository.id);
    if (!there) return there.error();
    if (*there >= repository.previews.most)
      return refuse_pull(repository, pull, PullState::held,
                         "the repository has " + std::to_string(*there) +
                             " previews, and may have " + std::to_string(repository.previews.most) +
                             ": it gets its own when another one goes, or `gantry repo set --most "
                             "NUMBER` makes room");
  }
  const ProjectPtr project = ports_.store.project(repository.project_id.str());
  if (!project) return done();
  const EnvironmentView* base = project->environment(repository.previews.base);
  if (base == nullptr)
    return refuse_pull(repository, pull, PullState::ignored,
                       "there is no environment " + repository.previews.base);
  const auto fetched = ports_.remote.fetch(
      {.project_id = repository.project_id,
       .url = repository.url,
       .credential = credential_of(repository),
       .ref = head_ref(repository, pull),
       .compare = pull.done_commit.empty() ? "refs/heads/" + pull.base_branch : pull.done_commit,
       .against = "refs/heads/" + pull.base_branch,
       .submodules = repository.submodules,
       .stop = stop});
  if (!fetched) return pull_later(repository, std::move(pull), fetched.error());
  // A fork that moved on since a person looked at it: what they saw is what they allowed.
  if (pull.fork && fetched->commit != pull.allowed_commit)
    return pull_later(repository, std::move(pull),
                      {Code::invalid, "fork_moved", "the fork has another commit by now"});
  if (const auto up = bring_up(repository, pull, *base, *fetched); !up)
    return pull_later(repository, std::move(pull), up.error());
  pull.done_commit = fetched->commit;
  pull.pending = false;
  if (!pull.reason.empty())  // it was told that it failed
    tell_pull(repository, pull, {.state = CheckState::success, .description = "it was fetched"});
  pull.reason.clear();
  if (repository.previews.expiry_days > 0 && !pull.environment_id.empty())
    pull.expires_at = now + kDay * repository.previews.expiry_days;
  GANTRY_TRY(ports_.ledger.record_pull(pull));
  return comment(repository, pull);
}

Result<> GitWork::refuse_pull(const Repository& repository, Pull pull, PullState state,
                              const std::string& reason) {
  const bool fresh = pull.reason != reason || pull.state != state;
  pull.state = state;
  pull.reason = reason;
  pull.pending = false;
  if (fresh)
    tell(state == PullState::held ? "pull.held" : "pull.ignored", repository,
         "pull request " + std::to_string(pull.number) + ": " + reason);
  return ports_.ledger.record_pull(pull);
}

Result<> GitWork::pull_later(const Repository& repository, Pull pull, const Error& error) {
  if (error.reason == "interrupted") return done();
  ++pull.attempts;
  pull.reason = error.detail;
  pull.pending = error.code == Code::unavailable && pull.attempts < options_.attempts;
  pull.not_before = ports_.clock.now() + Seconds(5 << std::min(2 * pull.attempts, 6));
  if (!pull.pending) {
    tell("git.failed", repository,
         "pull request " + std::to_string(pull.number) + ": " + error.detail);
    tell_pull(repository, pull, {.state = CheckState::failure, .description = error.detail});
  }
  return ports_.ledger.record_pull(pull);
}

// Bitbucket tells the commit of a pull request cut short, which no status can be given.
void GitWork::tell_pull(const Repository& repository, const Pull& pull,
                        const CommitStatus& outcome) {
  if (repository.forge != Forge::bitbucket)
    tell_outcome(repository, pull.head_commit, "pr-" + std::to_string(pull.number), outcome);
}

// Closed, merged or forgotten: its environment goes, and what was in it.
Result<> GitWork::end_pull(const Repository& repository, Pull pull) {
  const ProjectPtr project = ports_.store.project(repository.project_id.str());
  const auto made = project ? project->environments.find(pull.environment_id)
                            : decltype(project->environments.find(pull.environment_id)){};
  if (project && made != project->environments.end()) {
    auto transaction = ports_.store.begin({});
    if (!transaction) return transaction.error();
    if (const auto gone = (*transaction)->purge_environment(pull.environment_id, std::nullopt);
        !gone && gone.error().code != Code::not_found)
      return gone;
    GANTRY_TRY((*transaction)->commit());
    tell("pull.removed", repository,
         "the environment " + pull.environment + " of pull request " + std::to_string(pull.number) +
             (pull.state == PullState::closed ? " is gone" : " has expired"));
  }
  const bool had = !pull.environment_id.empty();
  pull.environment_id = {};
  pull.environment.clear();
  pull.done_commit.clear();
  pull.state = PullState::removed;
  pull.pending = false;
  pull.expires_at.reset();
  GANTRY_TRY(ports_.ledger.record_pull(pull));
  return had ? comment(repository, pull) : done();
}

// Its name is written down before it is made: whoever goes on after a crash finds it by that.
Result<EnvironmentId> GitWork::environment_of(const Repository& repository, Pull& pull,
                                              const EnvironmentView& base) {
  const ProjectPtr project = ports_.store.project(repository.project_id.str());
  if (!project) return not_found("project " + repository.project_id.str());
  if (const auto known = project->environments.find(pull.environment_id);
      known != project->environments.end() && !known->second->environment.deleted_at)
    return pull.environment_id;
  if (!pull.environment.empty() && pull.environment_id.empty())
    if (const EnvironmentView* made = project->environment(pull.environment)) {
      pull.environment_id = made->environment.id;
      GANTRY_TRY(ports_.ledger.record_pull(pull));
      return pull.environment_id;
    }
  const auto wanted = free_name(*project, repository, pull.number);
  if (!wanted)
    return Error{Code::invalid, "name_taken",
                 "another environment is called pr-" + std::to_string(pull.number)};
  pull.environment = wanted->str();
  pull.base_environment = base.environment.name.str();
  pull.environment_id = {};
  GANTRY_TRY(ports_.ledger.record_pull(pull));
  auto transaction = ports_.store.begin({});
  if (!transaction) return transaction.error();
  const auto made = (*transaction)->create_environment(repository.project_id, *wanted);
  if (!made) return made.error();
  GANTRY_TRY((*transaction)->copy_environment(base.environment.id, made->id));
  GANTRY_TRY((*transaction)->commit());
  pull.environment_id = made->id;
  GANTRY_TRY(ports_.ledger.record_pull(pull));
  return made->id;
}

// Instances of the base environment that are deployed from this repository and have changed.
std::vector<InstanceId> GitWork::touched(const Repository& repository, const EnvironmentView& base,
                                         const Pull&, const Fetched& fetched) {
  std::vector<InstanceId> found;
  const auto connections = ports_.ledger.connections(repository.id);
  const ProjectPtr project = ports_.store.project(repository.project_id.str());
  if (!connections || !project) return found;
  for (const Connection& one : *connections) {
    const auto view = project->instances.find(one.instance_id);
    if (view == project->instances.end() ||
        view->second->instance.environment_id != base.environment.id)
      continue;
    BuildSettings build = view->second->instance.settings.build;
    for (const auto& deployment : view->second->deployments)
      if (has_served(deployment->status)) {  // with what its configuration file says
        build = deployment->settings.build;
        break;
      }
    if (!repository.previews.focused || !fetched.changed || is_touched(build, *fetched.changed))
      found.push_back(one.instance_id);
  }
  return found;
}

Result<> GitWork::bring_up(const Repository& repository, Pull& pull, const EnvironmentView& base,
                           const Fetched& fetched) {
  const auto changed = touched(repository, base, pull, fetched);
  if (changed.empty()) return done();
  const auto to = environment_of(repository, pull, base);
  if (!to) return to.error();
  const auto connections = ports_.ledger.connections(repository.id);
  if (!connections) return connections.error();
  std::vector<InstanceId> git;
  for (const Connection& one : *connections) git.push_back(one.instance_id);
  const ProjectPtr project = ports_.store.project(repository.project_id.str());
  if (!project) return done();
  // What they use, and what that uses, before them.
  std::vector<InstanceId> order;
  std::set<InstanceId> seen;
  const std::function<void(const InstanceId&)> visit = [&](const InstanceId& id) {
    const auto view = project->instances.find(id);
    if (view == project->instances.end() || !seen.insert(id).second) return;
    for (const InstanceId& used : referenced_instances(*project, *view->second)) visit(used);
    order.push_back(id);
  };
  for (const InstanceId& id : changed) visit(id);
  if (!repository.previews.focused)
    for (const auto& [id, view] : project->instances)
      if (view->instance.environment_id == base.environment.id) visit(id);
  for (const InstanceId& id : order) {
    const InstanceView* copy = instance_in(*project, id, *to);
    const bool is_changed = std::find(changed.begin(), changed.end(), id) != changed.end();
    if (copy == nullptr || (!is_changed && !copy->deployments.empty())) continue;
    GANTRY_TRY(deploy_into(repository, pull, id, *to, fetched, git));
  }
  return done();
}

Result<> GitWork::deploy_into(const Repository& repository, const Pull& pull,
                              const InstanceId& base_instance, const EnvironmentId& to,
                              const Fetched& fetched, const std::vector<InstanceId>& git) {
  const ProjectPtr project = ports_.store.project(repository.project_id.str());
  const auto original = project->instances.find(base_instance);
  const InstanceView* copy = instance_in(*project, base_instance, to);
  if (original == project->instances.end() || copy == nullptr) return done();
  Wanted wanted{.instance_id = copy->instance.id,
                .source = source_of(*original->second),
                .message = "pull request " + std::to_string(pull.number) + ": " + pull.title,
                .pull = pull.number};
  if (std::find(git.begin(), git.end(), base_instance) != git.end()) {
    wanted.source = {.image = {},
                     .archive = fetched.archive,
                     .repository = repository.url,
                     .branch = pull.head_branch,
                     .commit = fetched.commit};
    wanted.git = git_variables(repository, pull.head_branch, fetched);
  }
  if (!wanted.source.image && wanted.source.archive.empty()) return done();  // nothing runs there
  const auto deployed = deploy(repository, wanted);
  if (!deployed && deployed.error().code == Code::unavailable) return deployed;
  if (!deployed)
    tell("git.failed", repository,
         "pull request " + std::to_string(pull.number) + ": " + deployed.error().detail,
         copy->instance.id);
  return done();
}

}  // namespace gantry
