// What the forges send to hooks. Their documents are large; only what is used is read.
#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "proto/forge.hpp"
#include "proto/git_url.hpp"

namespace gantry {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kTextMax = 1000;

const Json& at(const Json& json, std::initializer_list<const char*> path) {
  static const Json nothing;
  const Json* here = &json;
  for (const char* key : path) {
    if (!here->is_object()) return nothing;
    const auto found = here->find(key);
    if (found == here->end()) return nothing;
    here = &*found;
  }
  return *here;
}

std::string text(const Json& json, std::initializer_list<const char*> path) {
  const Json& found = at(json, path);
  return found.is_string() ? found.get<std::string>() : std::string();
}

std::string clipped(std::string value) {
  if (value.size() <= kTextMax) return value;
  std::size_t end = kTextMax;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
  return value.substr(0, end);
}

Error malformed(const std::string& what) {
  return invalid("", "malformed_hook", "the hook's body has no " + what);
}

// Of 40 zeros: empty.
std::string commit_of(const Json& json, std::initializer_list<const char*> path) {
  std::string commit = text(json, path);
  if (!is_commit(commit) || commit.find_first_not_of('0') == std::string::npos) return {};
  return commit;
}

std::optional<std::string> branch_of(const std::string& ref) {
  constexpr std::string_view heads = "refs/heads/";
  if (!ref.starts_with(heads) || !is_branch_name(std::string_view(ref).substr(heads.size())))
    return std::nullopt;
  return ref.substr(heads.size());
}

// GitHub's and Gitea's, and GitLab's, whose words are the same here.
Result<HookEvent> read_push(const Json& json) {
  const auto ref = text(json, {"ref"});
  if (ref.empty()) return malformed("ref");
  const auto branch = branch_of(ref);
  if (!branch) return HookEvent(OtherEvent{"push of " + ref.substr(0, 100)});
  PushEvent push{.branch = *branch,
                 .commit = commit_of(json, {"after"}),
                 .previous = commit_of(json, {"before"}),
                 .author = text(json, {"head_commit", "author", "name"}),
                 .message = clipped(text(json, {"head_commit", "message"}))};
  if (push.author.empty()) push.author = text(json, {"user_name"});
  if (push.commit.empty() && text(json, {"after"}).find_first_not_of('0') != std::string::npos)
    return malformed("commit in \"after\"");
  if (at(json, {"deleted"}).is_boolean() && json["deleted"].get<bool>()) push.commit.clear();
  return HookEvent(push);
}

Result<HookEvent> check_pull(PullEvent pull) {
  if (pull.number <= 0) return malformed("number of the pull request");
  if (!is_commit(pull.head_commit) && pull.action != PullEvent::Action::closed)
    return malformed("commit of the pull request");
  if (!is_branch_name(pull.head_branch)) return malformed("branch of the pull request");
  if (!is_branch_name(pull.base_branch)) return malformed("base of the pull request");
  pull.title = clipped(std::move(pull.title));
  return HookEvent(std::move(pull));
}

int number_of(const Json& json) { return json.is_number_integer() ? json.get<int>() : 0; }

// Whether both are said and one and the same: a repository that was deleted is null.
bool same(const Json& one, const Json& other) { return !one.is_null() && one == other; }

Result<HookEvent> read_pull(const Json& json) {
  const std::string action = text(json, {"action"});
  PullEvent pull;
  if (action == "opened" || action == "reopened" || action == "ready_for_review")
    pull.action = PullEvent::Action::opened;
  else if (action == "synchronize" || action == "synchronized" || action == "edited")
    pull.action = PullEvent::Action::updated;
  else if (action == "closed")
    pull.action = PullEvent::Action::closed;
  else
    return HookEvent(OtherEvent{"pull_request " + action.substr(0, 40)});
  const Json& one = at(json, {"pull_request"});
  pull.number = number_of(at(one, {"number"}));
  pull.title = text(one, {"title"});
  pull.author = text(one, {"user", "login"});
  pull.bot = text(one, {"user", "type"}) == "Bot" || pull.author.ends_with("[bot]");
  pull.head_branch = text(one, {"head", "ref"});
  pull.head_commit = text(one, {"head", "sha"});
  pull.base_branch = text(one, {"base", "ref"});
  pull.fork = !same(at(one, {"head", "repo", "id"}), at(one, {"base", "repo", "id"}));
  return check_pull(std::move(pull));
}

Result<HookEvent> read_merge_request(const Json& json) {
  const Json& one = at(json, {"object_attributes"});
  const std::string action = text(one, {"action"});
  PullEvent pull;
  if (action == "open" || action == "reopen")
    pull.action = PullEvent::Action::opened;
  else if (action == "update")
    pull.action = PullEvent::Action::updated;
  else if (action == "close" || action == "merge")
    pull.action = PullEvent::Action::closed;
  else
    return HookEvent(OtherEvent{"merge request " + action.substr(0, 40)});
  pull.number = number_of(at(one, {"iid"}));
  pull.title = text(one, {"title"});
  pull.author = text(json, {"user", "username"});
  pull.bot = pull.author.find("_bot_") != std::string::npos || pull.author.ends_with("-bot");
  pull.head_branch = text(one, {"source_branch"});
  pull.head_commit = text(one, {"last_commit", "id"});
  pull.base_branch = text(one, {"target_branch"});
  pull.fork = !same(at(one, {"source_project_id"}), at(one, {"target_project_id"}));
  return check_pull(std::move(pull));
}

Result<HookEvent> read_change(const Json& json, const Json& change) {
  const bool gone = at(change, {"new"}).is_null();
  const Json& side = gone ? at(change, {"old"}) : at(change, {"new"});
  if (text(side, {"type"}) != "branch") return HookEvent(OtherEvent{"push of a tag"});
  PushEvent push{.branch = text(side, {"name"}),
                 .commit = gone ? "" : commit_of(side, {"target", "hash"}),
                 .previous = commit_of(change, {"old", "target", "hash"}),
                 .author = text(json, {"actor", "display_name"}),
                 .message = clipped(text(side, {"target", "message"}))};
  if (!is_branch_name(push.branch)) return malformed("name of the branch");
  if (!gone && push.commit.empty()) return malformed("commit of the branch");
  return HookEvent(push);
}

// One push may have moved several branches.
Result<std::vector<HookEvent>> read_bitbucket_push(const Json& json) {
  const Json& changes = at(json, {"push", "changes"});
  if (!changes.is_array() || changes.empty()) return malformed("changes");
  std::vector<HookEvent> events;
  for (const Json& change : changes) {
    auto event = read_change(json, change);
    if (!event) return event.error();
    events.push_back(*std::move(event));
  }
  return events;
}

// Its commits are abbreviated here: the branch says which one it is.
Result<HookEvent> read_bitbucket_pull(std::string_view type, const Json& json) {
  const Json& one = at(json, {"pullrequest"});
  PullEvent pull;
  pull.action = type == "pullrequest:created"   ? PullEvent::Action::opened
                : type == "pullrequest:updated" ? PullEvent::Action::updated
                                                : PullEvent::Action::closed;
  pull.number = number_of(at(one, {"id"}));
  pull.title = text(one, {"title"});
  pull.author = text(one, {"author", "nickname"});
  pull.bot = text(one, {"author", "type"}) == "app_user";
  pull.head_branch = text(one, {"source", "branch", "name"});
  pull.base_branch = text(one, {"destination", "branch", "name"});
  pull.fork = !same(at(one, {"source", "repository", "uuid"}),
                    at(one, {"destination", "repository", "uuid"}));
  std::string commit = text(one, {"source", "commit", "hash"});
  if (!commit.empty() && commit.find_first_not_of("0123456789abcdef") == std::string::npos)
    commit.resize(40, '0');
  pull.head_commit = commit;
  return check_pull(std::move(pull));
}

std::optional<CheckState> state_of(const std::string& word) {
  constexpr std::array<std::string_view, 5> good{"success", "neutral", "skipped", "SUCCESSFUL",
                                                 "passed"};
  constexpr std::array<std::string_view, 11> bad{
      "failure",         "error", "cancelled",       "timed_out", "failed", "canceled",
      "action_required", "stale", "startup_failure", "FAILED",    "STOPPED"};
  if (std::find(good.begin(), good.end(), word) != good.end()) return CheckState::success;
  if (std::find(bad.begin(), bad.end(), word) != bad.end()) return CheckState::failure;
  return CheckState::pending;
}

Result<HookEvent> checked(CheckEvent check) {
  if (!is_commit(check.commit)) return malformed("commit of the check");
  if (check.context.starts_with(kOwnContext)) return HookEvent(OtherEvent{"a status of our own"});
  check.description = clipped(std::move(check.description));
  return HookEvent(std::move(check));
}

// GitHub's and Gitea's: "status", "check_suite", "check_run", "workflow_run".
Result<HookEvent> read_check(std::string_view type, const Json& json) {
  if (type == "status") {
    std::string commit = text(json, {"sha"});
    if (commit.empty()) commit = text(json, {"commit", "id"});
    return checked({.commit = commit,
                    .context = text(json, {"context"}),
                    .state = *state_of(text(json, {"state"})),
                    .description = text(json, {"description"})});
  }
  const Json& one = at(json, {std::string(type).c_str()});
  std::string which = text(one, {"name"});
  if (which.empty()) which = text(one, {"app", "name"});
  const std::string word =
      text(one, {"status"}) == "completed" ? text(one, {"conclusion"}) : std::string();
  return checked({.commit = text(one, {"head_sha"}),
                  .context = std::string(type) + ":" + which,
                  .state = *state_of(word),
                  .description = text(one, {"output", "title"})});
}

Result<HookEvent> read_pipeline(const Json& json) {
  const Json& one = at(json, {"object_attributes"});
  if (text(one, {"source"}) == "external") return HookEvent(OtherEvent{"a status of our own"});
  return checked({.commit = text(one, {"sha"}),
                  .context = "pipeline",
                  .state = *state_of(text(one, {"status"})),
                  .description = text(one, {"detailed_status"})});
}

Result<HookEvent> read_bitbucket_check(const Json& json) {
  const Json& one = at(json, {"commit_status"});
  std::string link = text(one, {"links", "commit", "href"});
  return checked({.commit = link.substr(link.rfind('/') + 1),
                  .context = text(one, {"key"}),
                  .state = *state_of(text(one, {"state"})),
                  .description = text(one, {"name"})});
}

// Of all that have one event.
Result<HookEvent> read_one(Forge forge, std::string_view type, const Json& json) {
  switch (forge) {
    case Forge::github:
    case Forge::gitea:
      if (type == "push") return read_push(json);
      if (type == "pull_request" || type == "pull_request_sync") return read_pull(json);
      if (type == "status" || type == "check_suite" || type == "check_run" ||
          type == "workflow_run")
        return read_check(type, json);
      break;
    case Forge::gitlab:
      if (type == "Push Hook") return read_push(json);
      if (type == "Merge Request Hook") return read_merge_request(json);
      if (type == "Pipeline Hook") return read_pipeline(json);
      break;
    case Forge::bitbucket:
      if (type == "pullrequest:created" || type == "pullrequest:updated" ||
          type == "pullrequest:fulfilled" || type == "pullrequest:rejected")
        return read_bitbucket_pull(type, json);
      if (type.starts_with("repo:commit_status_")) return read_bitbucket_check(json);
      break;
    case Forge::plain:
      break;
  }
  return HookEvent(OtherEvent{std::string(type.substr(0, 60))});
}

}  // namespace

Result<std::vector<HookEvent>> parse_hook(Forge forge, std::string_view type,
                                          std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded() || !json.is_object())
    return invalid(
        "", "malformed_hook",
        "the hook's body is no JSON object: choose application/json as its content type");
  if (forge == Forge::bitbucket && type == "repo:push") return read_bitbucket_push(json);
  auto event = read_one(forge, type, json);
  if (!event) return event.error();
  return std::vector<HookEvent>{*std::move(event)};
}

}  // namespace gantry
