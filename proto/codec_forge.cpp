// Requests to the APIs of the forges, and what they answer.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "proto/forge.hpp"
#include "proto/percent.hpp"

namespace gantry {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kDescriptionMax = 140;

std::string word_of(Forge forge, CheckState state) {
  const bool bitbucket = forge == Forge::bitbucket;
  switch (state) {
    case CheckState::pending:
      return bitbucket ? "INPROGRESS" : "pending";
    case CheckState::success:
      return bitbucket ? "SUCCESSFUL" : "success";
    case CheckState::failure:
      return bitbucket ? "FAILED" : forge == Forge::gitlab ? "failed" : "failure";
  }
  return "pending";
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string base_of(Forge forge, std::string_view path) {
  switch (forge) {
    case Forge::gitlab:
      return "/projects/" + percent_encode(path);
    case Forge::bitbucket:
      return "/repositories/" + std::string(path);
    case Forge::github:
    case Forge::gitea:
    case Forge::plain:
      break;
  }
  return "/repos/" + std::string(path);
}

// Worse wins: one that failed, then one that is under way.
void join(std::optional<CheckState>& all, CheckState one) {
  if (!all || *all == CheckState::success || one == CheckState::failure) all = one;
}

CheckState state_of(const std::string& word) {
  for (const char* good : {"success", "neutral", "skipped", "passed", "manual", "SUCCESSFUL"})
    if (word == good) return CheckState::success;
  for (const char* bad : {"failure", "error", "cancelled", "canceled", "timed_out", "failed",
                          "action_required", "startup_failure", "FAILED", "STOPPED"})
    if (word == bad) return CheckState::failure;
  return CheckState::pending;
}

std::string text(const Json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string_view name(Forge forge) {
  switch (forge) {
    case Forge::github:
      return "github";
    case Forge::gitlab:
      return "gitlab";
    case Forge::gitea:
      return "gitea";
    case Forge::bitbucket:
      return "bitbucket";
    case Forge::plain:
      return "plain";
  }
  return "plain";
}

std::string_view name(CheckState state) {
  switch (state) {
    case CheckState::pending:
      return "pending";
    case CheckState::success:
      return "success";
    case CheckState::failure:
      return "failure";
  }
  return "pending";
}

std::optional<Forge> parse_forge(std::string_view word) {
  for (const Forge each :
       {Forge::github, Forge::gitlab, Forge::gitea, Forge::bitbucket, Forge::plain})
    if (name(each) == word) return each;
  return std::nullopt;
}

std::optional<CheckState> parse_check_state(std::string_view word) {
  for (const CheckState each : {CheckState::pending, CheckState::success, CheckState::failure})
    if (name(each) == word) return each;
  return std::nullopt;
}

Forge forge_of_host(std::string_view host) {
  const auto has = [&](std::string_view word) { return host.find(word) != std::string_view::npos; };
  if (has("github")) return Forge::github;
  if (has("gitlab")) return Forge::gitlab;
  if (has("bitbucket.org")) return Forge::bitbucket;
  if (has("gitea") || has("forgejo") || has("codeberg")) return Forge::gitea;
  return Forge::plain;
}

std::string api_url_of(Forge forge, std::string_view scheme, std::string_view host) {
  const bool ssh = scheme != "http" && scheme != "https";
  const std::string at = std::string(ssh ? "https" : scheme) + "://" +
                         std::string(ssh ? host.substr(0, host.find(':')) : host);
  switch (forge) {
    case Forge::github:
      return host == "github.com" ? "https://api.github.com" : at + "/api/v3";
    case Forge::gitlab:
      return at + "/api/v4";
    case Forge::gitea:
      return at + "/api/v1";
    case Forge::bitbucket:
      return "https://api.bitbucket.org/2.0";
    case Forge::plain:
      break;
  }
  return {};
}

ForgeRequest status_request(Forge forge, std::string_view path, std::string_view commit,
                            const CommitStatus& status) {
  const std::string description = status.description.substr(0, kDescriptionMax);
  Json body{{"state", word_of(forge, status.state)}, {"description", description}};
  std::string where = base_of(forge, path) + "/statuses/" + std::string(commit);
  switch (forge) {
    case Forge::gitlab:
      body["name"] = status.context;
      break;
    case Forge::bitbucket:
      where = base_of(forge, path) + "/commit/" + std::string(commit) + "/statuses/build";
      body["key"] = status.context.substr(0, 40);
      body["name"] = status.context;
      body["url"] = status.url;
      break;
    case Forge::github:
    case Forge::gitea:
    case Forge::plain:
      body["context"] = status.context;
      break;
  }
  if (!status.url.empty() && forge != Forge::bitbucket) body["target_url"] = status.url;
  return {"POST", where, dump(body)};
}

ForgeRequest comment_request(Forge forge, std::string_view path, int number,
                             std::string_view comment, std::string_view text_of) {
  const std::string base = base_of(forge, path), n = std::to_string(number);
  const std::string id(comment);
  Json body{{"body", std::string(text_of)}};
  const bool fresh = id.empty();
  switch (forge) {
    case Forge::gitlab: {
      const std::string notes = base + "/merge_requests/" + n + "/notes";
      return {fresh ? "POST" : "PUT", fresh ? notes : notes + "/" + id, dump(body)};
    }
    case Forge::bitbucket: {
      const std::string comments = base + "/pullrequests/" + n + "/comments";
      body = {{"content", {{"raw", std::string(text_of)}}}};
      return {fresh ? "POST" : "PUT", fresh ? comments : comments + "/" + id, dump(body)};
    }
    case Forge::github:
    case Forge::gitea:
    case Forge::plain:
      break;
  }
  return {fresh ? "POST" : "PATCH",
          fresh ? base + "/issues/" + n + "/comments" : base + "/issues/comments/" + id,
          dump(body)};
}

std::vector<ForgeRequest> checks_requests(Forge forge, std::string_view path,
                                          std::string_view commit) {
  const std::string base = base_of(forge, path), sha(commit);
  switch (forge) {
    case Forge::github:
      return {{"GET", base + "/commits/" + sha + "/check-suites?per_page=100", ""},
              {"GET", base + "/commits/" + sha + "/status?per_page=100", ""}};
    case Forge::gitea:
      return {{"GET", base + "/commits/" + sha + "/status", ""}};
    case Forge::gitlab:
      return {{"GET", base + "/pipelines?per_page=50&sha=" + sha, ""}};
    case Forge::bitbucket:
      return {{"GET", base + "/commit/" + sha + "/statuses?pagelen=100", ""}};
    case Forge::plain:
      break;
  }
  return {};
}

std::string comment_id(std::string_view answer) {
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains("id") || !json["id"].is_number_integer()) return {};
  return std::to_string(json["id"].get<std::int64_t>());
}

Result<std::optional<CheckState>> parse_checks(Forge forge, std::string_view answer) {
  const Json json = Json::parse(answer, nullptr, false);
  if (json.is_discarded())
    return Error{Code::unavailable, "forge_answer", "the forge's answer is no JSON"};
  const char* key = forge == Forge::bitbucket                           ? "values"
                    : json.is_object() && json.contains("check_suites") ? "check_suites"
                                                                        : "statuses";
  const Json list = json.is_array()                          ? json
                    : json.is_object() && json.contains(key) ? json[key]
                                                             : Json::array();
  std::optional<CheckState> all;
  for (const Json& one : list) {
    if (text(one, "context").starts_with(kOwnContext) || text(one, "name").starts_with(kOwnContext))
      continue;
    if (text(one, "source") == "external") continue;
    if (text(one, "key").starts_with(kOwnContext)) continue;
    std::string word = text(one, "conclusion");
    if (word.empty()) word = text(one, "state");
    if (word.empty()) word = text(one, "status");
    // A suite of an application that runs nothing here stays queued for ever.
    if (one.contains("latest_check_runs_count") && one["latest_check_runs_count"] == 0) continue;
    join(all, state_of(word));
  }
  return all;
}

}  // namespace gantry
