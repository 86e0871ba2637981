// Pushes, pull requests, checks and the deployments that came of them.
#include "store/git_ledger.hpp"
#include "store/rows.hpp"

namespace gantry {
namespace {

constexpr const char* kPushColumns =
    "repository_id, branch, instance_id, commit, deleted, attempts, not_before, version";
constexpr const char* kPullColumns =
    "repository_id, number, title, author, bot, fork, head_branch, head_commit, base_branch, "
    "state, reason, allowed_commit, done_commit, environment_id, environment, comment, pending, "
    "attempts, not_before, expires_at, version";
constexpr const char* kGitColumns =
    "deployment_id, instance_id, repository_id, commit, pull, wait_until, reported, attempts, "
    "not_before";

// A delivery is refused for so long, a check known; of one repository so many deliveries are kept.
constexpr const char* kKept = "30 days";
constexpr int kDeliveriesKept = 2000;

template <class T>
T id_from(const pqxx::field& field) {
  const auto id = T::parse(field.c_str());
  return id ? *id : T();
}

std::optional<TimePoint> maybe_time(const pqxx::field& field) {
  return field.is_null() ? std::nullopt : std::optional(time_from(field));
}

std::optional<std::string> text_of(const std::optional<TimePoint>& time) {
  return time ? std::optional(format_time(*time)) : std::nullopt;
}

Push push_from(const pqxx::row& row) {
  return {.repository_id = *RepositoryId::parse(row["repository_id"].c_str()),
          .branch = row["branch"].c_str(),
          .instance_id = id_from<InstanceId>(row["instance_id"]),
          .commit = row["commit"].c_str(),
          .deleted = row["deleted"].as<bool>(),
          .attempts = row["attempts"].as<int>(),
          .not_before = time_from(row["not_before"]),
          .version = row["version"].as<std::int64_t>()};
}

Pull pull_from(const pqxx::row& row) {
  return {.repository_id = *RepositoryId::parse(row["repository_id"].c_str()),
          .number = row["number"].as<int>(),
          .title = row["title"].c_str(),
          .author = row["author"].c_str(),
          .bot = row["bot"].as<bool>(),
          .fork = row["fork"].as<bool>(),
          .head_branch = row["head_branch"].c_str(),
          .head_commit = row["head_commit"].c_str(),
          .base_branch = row["base_branch"].c_str(),
          .state = parse_pull_state(row["state"].c_str()).value_or(PullState::open),
          .reason = row["reason"].c_str(),
          .allowed_commit = row["allowed_commit"].c_str(),
          .done_commit = row["done_commit"].c_str(),
          .environment_id = id_from<EnvironmentId>(row["environment_id"]),
          .environment = row["environment"].c_str(),
          .comment = row["comment"].c_str(),
          .pending = row["pending"].as<bool>(),
          .attempts = row["attempts"].as<int>(),
          .not_before = time_from(row["not_before"]),
          .expires_at = maybe_time(row["expires_at"]),
          .version = row["version"].as<std::int64_t>()};
}

GitDeployment git_deployment_from(const pqxx::row& row) {
  return {.deployment_id = *DeploymentId::parse(row["deployment_id"].c_str()),
          .instance_id = id_from<InstanceId>(row["instance_id"]),
          .repository_id = *RepositoryId::parse(row["repository_id"].c_str()),
          .commit = row["commit"].c_str(),
          .pull = row["pull"].as<int>(),
          .wait_until = maybe_time(row["wait_until"]),
          .reported = row["reported"].c_str(),
          .attempts = row["attempts"].as<int>(),
          .not_before = time_from(row["not_before"])};
}

template <class T>
std::vector<T> all_of(const pqxx::result& rows, T (*from)(const pqxx::row&)) {
  std::vector<T> found;
  for (const auto& row : rows) found.push_back(from(row));
  return found;
}

// The newest takes the place of one that waits.
void write_push(pqxx::work& work, const Push& push) {
  work.exec_params0(
      "insert into git_pushes (repository_id, branch, instance_id, commit, deleted, attempts, "
      "not_before, version) values ($1, $2, $3, $4, $5, 0, $6, 1) on conflict (repository_id, "
      "branch, instance_id) do update set commit = $4, deleted = $5, attempts = 0, not_before = "
      "$6, version = git_pushes.version + 1",
      push.repository_id.str(), push.branch, push.instance_id.str(), push.commit, push.deleted,
      format_time(push.not_before));
}

// A late event about an earlier commit costs a fetch and nothing else: what is there now counts.
void write_pull(pqxx::work& work, const RepositoryId& id, const PullEvent& event, TimePoint now) {
  const bool closed = event.action == PullEvent::Action::closed;
  work.exec_params0(
      "insert into git_pulls (repository_id, number, title, author, bot, fork, head_branch, "
      "head_commit, base_branch, state, pending, not_before, version) values ($1, $2, $3, $4, $5, "
      "$6, $7, $8, $9, $10, true, $11, 1) on conflict (repository_id, number) do update set title "
      "= $3, author = $4, bot = $5, fork = $6, head_branch = $7, head_commit = $8, base_branch = "
      "$9, state = $10, pending = true, attempts = 0, not_before = $11, version = "
      "git_pulls.version + 1",
      id.str(), event.number, event.title, event.author, event.bot, event.fork, event.head_branch,
      event.head_commit, event.base_branch,
      std::string(name(closed ? PullState::closed : PullState::open)), format_time(now));
}

void write_check(pqxx::work& work, const RepositoryId& id, const CheckEvent& check, TimePoint now) {
  work.exec_params0(
      "insert into git_checks (repository_id, commit, context, state, at) values ($1, $2, $3, $4, "
      "$5) on conflict (repository_id, commit, context) do update set state = $4, at = $5",
      id.str(), check.commit, check.context, std::string(name(check.state)), format_time(now));
  work.exec_params0(
      std::string("delete from git_checks where at < $1::timestamptz - interval '") + kKept + "'",
      format_time(now));
}

// False when it was seen.
bool see_delivery(pqxx::work& work, const RepositoryId& id, std::string_view delivery,
                  TimePoint now) {
  const auto fresh = work.exec_params(
      "insert into git_deliveries (repository_id, delivery, at) values ($1, $2, $3) on conflict do "
      "nothing returning 1",
      id.str(), std::string(delivery), format_time(now));
  if (fresh.empty()) return false;
  work.exec_params0(
      std::string("delete from git_deliveries where at < $2::timestamptz - interval '") + kKept +
          "' or (repository_id = $1 and at < (select at from git_deliveries where repository_id = "
          "$1 order by at desc offset $3 limit 1))",
      id.str(), format_time(now), kDeliveriesKept);
  return true;
}

}  // namespace

Result<> PgGitLedger::take_event(const RepositoryId& id, std::string_view delivery,
                                 const HookEvent& event, TimePoint now) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    if (!see_delivery(work, id, delivery, now))
      return Error{Code::conflict, "delivery_seen", "this delivery was taken before"};
    if (const auto* push = std::get_if<PushEvent>(&event))
      write_push(work, {.repository_id = id,
                        .branch = push->branch,
                        .commit = push->commit,
                        .deleted = push->commit.empty(),
                        .not_before = now});
    if (const auto* pull = std::get_if<PullEvent>(&event)) write_pull(work, id, *pull, now);
    if (const auto* check = std::get_if<CheckEvent>(&event)) {
      write_check(work, id, *check, now);
      work.exec_params0(
          "update git_deployments set not_before = $3 where repository_id = $1 and commit = $2 and "
          "open and wait_until is not null",
          id.str(), check->commit, format_time(now));
    }
    return done();
  });
}

Result<> PgGitLedger::put_push(const Push& push) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    write_push(work, push);
    return done();
  });
}

Result<std::vector<Push>> PgGitLedger::due_pushes(TimePoint now) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<Push>> {
    return all_of(work.exec_params(std::string("select ") + kPushColumns +
                                       " from git_pushes where not_before <= $1 order by "
                                       "not_before limit 200",
                                   format_time(now)),
                  push_from);
  });
}

Result<> PgGitLedger::delay_push(const Push& push) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "update git_pushes set attempts = $4, not_before = $5 where repository_id = $1 and branch "
        "= $2 and instance_id = $3 and version = $6",
        push.repository_id.str(), push.branch, push.instance_id.str(), push.attempts,
        format_time(push.not_before), push.version);
    return done();
  });
}

Result<> PgGitLedger::finish_push(const Push& push) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "delete from git_pushes where repository_id = $1 and branch = $2 and instance_id = $3 and "
        "version = $4",
        push.repository_id.str(), push.branch, push.instance_id.str(), push.version);
    return done();
  });
}

Result<std::string> PgGitLedger::seen_commit(const RepositoryId& id, std::string_view branch) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::string> {
    const auto rows =
        work.exec_params("select commit from git_branches where repository_id = $1 and branch = $2",
                         id.str(), std::string(branch));
    return rows.empty() ? std::string() : std::string(rows[0][0].c_str());
  });
}

Result<> PgGitLedger::see_commit(const RepositoryId& id, std::string_view branch,
                                 std::string_view commit) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "insert into git_branches (repository_id, branch, commit) values ($1, $2, $3) on conflict "
        "(repository_id, branch) do update set commit = $3",
        id.str(), std::string(branch), std::string(commit));
    return done();
  });
}

Result<std::vector<Pull>> PgGitLedger::pulls(const RepositoryId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<Pull>> {
    return all_of(work.exec_params(std::string("select ") + kPullColumns +
                                       " from git_pulls where repository_id = $1 order by number "
                                       "desc limit 200",
                                   id.str()),
                  pull_from);
  });
}

Result<Pull> PgGitLedger::pull(const RepositoryId& id, int number) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<Pull> {
    const auto rows =
        work.exec_params(std::string("select ") + kPullColumns +
                             " from git_pulls where repository_id = $1 and number = $2",
                         id.str(), number);
    if (rows.empty()) return not_found("pull request " + std::to_string(number));
    return pull_from(rows[0]);
  });
}

Result<std::vector<Pull>> PgGitLedger::due_pulls(TimePoint now) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<Pull>> {
    return all_of(work.exec_params(std::string("select ") + kPullColumns +
                                       " from git_pulls where (pending and not_before <= $1) or "
                                       "expires_at <= $1 order by not_before limit 200",
                                   format_time(now)),
                  pull_from);
  });
}

Result<> PgGitLedger::record_pull(const Pull& pull) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "update git_pulls set done_commit = $3, environment_id = $4, environment = $5, expires_at "
        "= $6, state = case when version = $7 then $8 else state end, reason = $9, pending = case "
        "when version = $7 then $10 else pending end, attempts = case when version = $7 then $11 "
        "else attempts end, not_before = case when version = $7 then $12 else not_before end where "
        "repository_id = $1 and number = $2",
        pull.repository_id.str(), pull.number, pull.done_commit, pull.environment_id.str(),
        pull.environment, text_of(pull.expires_at), pull.version, std::string(name(pull.state)),
        pull.reason, pull.pending, pull.attempts, format_time(pull.not_before));
    return done();
  });
}

Result<> PgGitLedger::record_comment(const RepositoryId& id, int number, std::string_view comment) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0("update git_pulls set comment = $3 where repository_id = $1 and number = $2",
                      id.str(), number, std::string(comment));
    return done();
  });
}

Result<Pull> PgGitLedger::allow_pull(const RepositoryId& id, int number) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<Pull> {
    const auto rows = work.exec_params(
        std::string("update git_pulls set allowed_commit = head_commit, state = 'open', pending = "
                    "true, attempts = 0, version = version + 1 where repository_id = $1 and number "
                    "= $2 and state = 'held' returning ") +
            kPullColumns,
        id.str(), number);
    if (!rows.empty()) return pull_from(rows[0]);
    if (work.exec_params("select 1 from git_pulls where repository_id = $1 and number = $2",
                         id.str(), number)
            .empty())
      return not_found("pull request " + std::to_string(number));
    return Error{Code::conflict, "not_held", "this pull request does not wait for anybody"};
  });
}

Result<> PgGitLedger::add_deployment(const GitDeployment& one) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "insert into git_deployments (deployment_id, instance_id, repository_id, commit, pull, "
        "wait_until, not_before) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
        one.deployment_id.str(), one.instance_id.str(), one.repository_id.str(), one.commit,
        one.pull, text_of(one.wait_until), format_time(one.not_before));
    return done();
  });
}

Result<std::vector<GitDeployment>> PgGitLedger::open_deployments(TimePoint now) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<GitDeployment>> {
    return all_of(work.exec_params(std::string("select ") + kGitColumns +
                                       " from git_deployments where open and not_before <= $1 "
                                       "order by not_before limit 500",
                                   format_time(now)),
                  git_deployment_from);
  });
}

Result<std::vector<GitDeployment>> PgGitLedger::deployments_of(const RepositoryId& id, int pull) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<GitDeployment>> {
    return all_of(work.exec_params(std::string("select ") + kGitColumns +
                                       " from git_deployments where repository_id = $1 and pull = "
                                       "$2 order by deployment_id desc limit 200",
                                   id.str(), pull),
                  git_deployment_from);
  });
}

Result<> PgGitLedger::record_deployment(const GitDeployment& one) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "update git_deployments set reported = $2, attempts = $3, not_before = $4, wait_until = $5 "
        "where deployment_id = $1",
        one.deployment_id.str(), one.reported, one.attempts, format_time(one.not_before),
        text_of(one.wait_until));
    return done();
  });
}

Result<> PgGitLedger::close_deployment(const DeploymentId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0("update git_deployments set open = false where deployment_id = $1", id.str());
    return done();
  });
}

Result<std::optional<CheckState>> PgGitLedger::check_state(const RepositoryId& id,
                                                           std::string_view commit) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::optional<CheckState>> {
    const auto row = work.exec_params1(
        "select count(*), count(*) filter (where state = 'failure'), count(*) filter (where state "
        "= 'pending') from git_checks where repository_id = $1 and commit = $2",
        id.str(), std::string(commit));
    if (row[0].as<int>() == 0) return std::optional<CheckState>();
    if (row[1].as<int>() > 0) return std::optional(CheckState::failure);
    return std::optional(row[2].as<int>() > 0 ? CheckState::pending : CheckState::success);
  });
}

}  // namespace gantry
