// What the forges say of a repository, in one form: a push, a pull request, a check of a commit.
// proto/codec_hook.cpp reads it out of what they send. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

// Whose hooks and whose API. plain: none; its pushes are asked for.
enum class Forge { github, gitlab, gitea, bitbucket, plain };

enum class CheckState { pending, success, failure };

std::string_view name(Forge);
std::string_view name(CheckState);
std::optional<Forge> parse_forge(std::string_view);             // exact
std::optional<CheckState> parse_check_state(std::string_view);  // exact

// Who runs a host, as far as its name tells; else plain.
Forge forge_of_host(std::string_view host);

struct PushEvent {
  std::string branch;
  std::string commit;    // empty: the branch was deleted
  std::string previous;  // empty: the branch is new
  std::string author, message;
};

struct PullEvent {
  enum class Action { opened, updated, closed };
  Action action = Action::opened;
  int number = 0;
  std::string title, author;
  bool bot = false;
  bool fork = false;  // from another repository, or nobody says from which
  std::string head_branch, head_commit;
  std::string base_branch;
};

struct CheckEvent {
  std::string commit;
  std::string context;  // which check
  CheckState state = CheckState::pending;
  std::string description;
};

// What does not concern us.
struct OtherEvent {
  std::string type;
};

using HookEvent = std::variant<OtherEvent, PushEvent, PullEvent, CheckEvent>;

// `type`: of the forge's header; `body`: JSON. At least one event; several where a push moved
// several branches. Code::invalid "malformed_hook" names what is missing.
Result<std::vector<HookEvent>> parse_hook(Forge, std::string_view type, std::string_view body);

// What this daemon itself reports; a check of this kind never counts.
inline constexpr std::string_view kOwnContext = "gantry/";

// ---- the forge's API ----

struct CommitStatus {
  CheckState state = CheckState::pending;
  std::string context = {};      // begins with kOwnContext
  std::string description = {};  // at most 140 bytes
  std::string url = {};          // empty: none
};

struct ForgeRequest {
  std::string method;
  std::string path;  // below the API's URL, with its query
  std::string body;  // JSON; empty: none
};

// `path`: of the repository, "team/app".
ForgeRequest status_request(Forge, std::string_view path, std::string_view commit,
                            const CommitStatus&);
// `comment`: the id of the one that is replaced; empty: a new one.
ForgeRequest comment_request(Forge, std::string_view path, int number, std::string_view comment,
                             std::string_view text);
// The requests whose answers together say how a commit's checks stand. None: it cannot be asked.
std::vector<ForgeRequest> checks_requests(Forge, std::string_view path, std::string_view commit);

std::string comment_id(std::string_view answer);  // empty: it has none
// One answer of checks_requests(); nothing: it speaks of no check.
Result<std::optional<CheckState>> parse_checks(Forge, std::string_view answer);

// Where the API of a repository's host is; empty: it has none.
std::string api_url_of(Forge, std::string_view scheme, std::string_view host);

}  // namespace gantry
