// What hooks tell, pushes, checks and the deployments that came of them.
#include "store/git_ledger.hpp"
#include "store/git_rows.hpp"

namespace gantry {
namespace {

constexpr const char* kPushColumns =
    "repository_id, branch, instance_id, commit, deleted, attempts, not_before, version";
constexpr const char* kGitColumns =
    "deployment_id, instance_id, repository_id, commit, pull, wait_until, reported, attempts, "
    "not_before";

// A delivery is refused for so long, a check known; of one repository so many deliveries are kept.
constexpr const char* kKept = "30 days";
constexpr int kDeliveriesKept = 2000;

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
      "$9, state = $10, reason = case when git_pulls.state = 'held' then '' else git_pulls.reason "
      "end, pending = true, attempts = 0, not_before = $11, version = "
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

void write_event(pqxx::work& work, const RepositoryId& id, const HookEvent& event, TimePoint now) {
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
}

}  // namespace

Result<> PgGitLedger::take_events(const RepositoryId& id, std::string_view delivery,
                                  const std::vector<HookEvent>& events, TimePoint now) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    if (!see_delivery(work, id, delivery, now))
      return Error{Code::conflict, "delivery_seen", "this delivery was taken before"};
    for (const HookEvent& event : events) write_event(work, id, event, now);
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
