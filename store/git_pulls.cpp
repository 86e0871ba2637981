// Pull requests and their environments.
#include "store/git_ledger.hpp"
#include "store/git_rows.hpp"

namespace gantry {
namespace {

constexpr const char* kPullColumns =
    "repository_id, number, title, author, bot, fork, head_branch, head_commit, base_branch, "
    "state, reason, allowed_commit, done_commit, environment_id, environment, base_environment, "
    "comment, pending, "
    "attempts, not_before, expires_at, version";
// Of a pull request p: its environment.
constexpr const char* kIsThere =
    "exists (select 1 from environments e where e.id = p.environment_id and e.deleted_at is null)";

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
          .base_environment = row["base_environment"].c_str(),
          .comment = row["comment"].c_str(),
          .pending = row["pending"].as<bool>(),
          .attempts = row["attempts"].as<int>(),
          .not_before = time_from(row["not_before"]),
          .expires_at = maybe_time(row["expires_at"]),
          .version = row["version"].as<std::int64_t>()};
}

}  // namespace

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
                                       "expires_at <= $1 order by not_before, number limit 200",
                                   format_time(now)),
                  pull_from);
  });
}

Result<> PgGitLedger::record_pull(const Pull& pull) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "update git_pulls set done_commit = $3, environment_id = $4, environment = $5, "
        "base_environment = $13, expires_at = $6, state = case when version = $7 then $8 else "
        "state end, reason = $9, pending = case "
        "when version = $7 then $10 else pending end, attempts = case when version = $7 then $11 "
        "else attempts end, not_before = case when version = $7 then $12 else not_before end where "
        "repository_id = $1 and number = $2",
        pull.repository_id.str(), pull.number, pull.done_commit, pull.environment_id.str(),
        pull.environment, text_of(pull.expires_at), pull.version, std::string(name(pull.state)),
        pull.reason, pull.pending, pull.attempts, format_time(pull.not_before),
        pull.base_environment);
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
        std::string("update git_pulls set allowed_commit = head_commit, state = 'open', reason = "
                    "'', pending = "
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

Result<int> PgGitLedger::previews(const RepositoryId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<int> {
    return work
        .exec_params1(
            std::string("select count(*) from git_pulls p where repository_id = $1 and ") +
                kIsThere,
            id.str())[0]
        .as<int>();
  });
}

// Held for a person is a fork at a commit that nobody has allowed; all others are held for want of
// room. One that is about to get its environment takes a place already.
Result<> PgGitLedger::admit_pulls(const RepositoryId& id, TimePoint now) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        std::string("update git_pulls set state = 'open', reason = '', pending = true, attempts = "
                    "0, not_before "
                    "= $2, version = version + 1 where repository_id = $1 and number in (select "
                    "number from git_pulls where repository_id = $1 and state = 'held' and not "
                    "(fork and allowed_commit <> head_commit) order by number limit greatest(0, "
                    "(select previews_most from git_repositories where id = $1) - (select count(*) "
                    "from git_pulls p where repository_id = $1 and (") +
            kIsThere + " or (state = 'open' and pending)))))",
        id.str(), format_time(now));
    return done();
  });
}

Result<std::optional<std::string>> PgGitLedger::preview_base(const InstanceId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::optional<std::string>> {
    const auto rows = work.exec_params(
        "select p.base_environment from service_instances i join git_pulls p on p.environment_id = "
        "i.environment_id and p.environment_id <> '' where i.id = $1",
        id.str());
    return rows.empty() ? std::nullopt : std::optional<std::string>(rows[0][0].c_str());
  });
}

}  // namespace gantry
