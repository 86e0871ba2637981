#include "proto/codec.hpp"
#include "store/git_ledger.hpp"
#include "store/open_git.hpp"
#include "store/rows.hpp"

namespace gantry {
namespace {

constexpr const char* kColumns =
    "id, project_id, url, forge, api_url, secrets, submodules, poll_seconds, previews, "
    "preview_base, focused, expiry_days, bots, previews_most, trouble, fetched_at, created_at";

std::string identity(const RepositoryId& id) { return "git_repository/" + id.str(); }

Connection connection_from(const pqxx::row& row) {
  return {.instance_id = *InstanceId::parse(row["instance_id"].c_str()),
          .repository_id = *RepositoryId::parse(row["repository_id"].c_str()),
          .branch = row["branch"].c_str(),
          .wait_for_ci = row["wait_for_ci"].as<bool>()};
}

}  // namespace

std::unique_ptr<GitLedger> open_git_ledger(Store& store) {
  return std::make_unique<PgGitLedger>(dynamic_cast<PgStore&>(store));
}

Result<bool> PgGitLedger::leads() {
  const std::int64_t term = store_.term();
  if (term == 0) return false;
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<bool> {
    return !work.exec_params("select 1 from lease where term = $1", term).empty();
  });
}

// One ciphertext of them all.
std::string PgGitLedger::seal(const Repository& one) const {
  return store_.secrets().seal(variables_json({{"secret", one.secret},
                                               {"username", one.username},
                                               {"token", one.token},
                                               {"ssh_key", one.ssh_key}}),
                               identity(one.id));
}

Result<Repository> PgGitLedger::repository_from(const pqxx::row& row) const {
  Repository one;
  one.id = *RepositoryId::parse(row["id"].c_str());
  one.project_id = *ProjectId::parse(row["project_id"].c_str());
  one.url = row["url"].c_str();
  one.forge = parse_forge(row["forge"].c_str()).value_or(Forge::plain);
  one.api_url = row["api_url"].c_str();
  one.submodules = row["submodules"].as<bool>();
  one.poll_seconds = row["poll_seconds"].as<int>();
  one.previews = {.enabled = row["previews"].as<bool>(),
                  .base = row["preview_base"].c_str(),
                  .focused = row["focused"].as<bool>(),
                  .expiry_days = row["expiry_days"].as<int>(),
                  .bots = row["bots"].as<bool>(),
                  .most = row["previews_most"].as<int>()};
  one.trouble = row["trouble"].c_str();
  if (!row["fetched_at"].is_null()) one.fetched_at = time_from(row["fetched_at"]);
  one.created_at = time_from(row["created_at"]);
  const auto opened = store_.secrets().open(bytes_from(row["secrets"]), identity(one.id));
  if (!opened) return opened.error();
  auto secrets = parse_variables_json(*opened);
  if (!secrets) return secrets.error();
  one.secret = (*secrets)["secret"];
  one.username = (*secrets)["username"];
  one.token = (*secrets)["token"];
  one.ssh_key = (*secrets)["ssh_key"];
  return one;
}

Result<std::vector<Repository>> PgGitLedger::repositories(const ProjectId& project) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<Repository>> {
    std::vector<Repository> found;
    for (const auto& row :
         work.exec_params(std::string("select ") + kColumns +
                              " from git_repositories where $1 = '' or project_id = $1 order by id",
                          project.str())) {
      auto one = repository_from(row);
      if (!one) return one.error();
      found.push_back(*std::move(one));
    }
    return found;
  });
}

Result<Repository> PgGitLedger::repository(const RepositoryId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<Repository> {
    const auto rows = work.exec_params(
        std::string("select ") + kColumns + " from git_repositories where id = $1", id.str());
    if (rows.empty()) return not_found("repository " + id.str());
    return repository_from(rows[0]);
  });
}

Result<std::vector<Repository>> PgGitLedger::polled() {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<Repository>> {
    std::vector<Repository> found;
    for (const auto& row : work.exec(std::string("select ") + kColumns +
                                     " from git_repositories where poll_seconds > 0 order by id")) {
      auto one = repository_from(row);
      if (!one) return one.error();
      found.push_back(*std::move(one));
    }
    return found;
  });
}

Result<> PgGitLedger::put_repository(const Repository& one) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    const auto taken = work.exec_params(
        "select 1 from git_repositories where project_id = $1 and url = $2 and id <> $3",
        one.project_id.str(), one.url, one.id.str());
    if (!taken.empty())
      return Error{Code::conflict, "repository_taken", "the project has this repository already"};
    work.exec_params0(
        "insert into git_repositories (id, project_id, url, forge, api_url, secrets, submodules, "
        "poll_seconds, previews, preview_base, focused, expiry_days, bots, created_at, "
        "previews_most) values "
        "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict (id) do "
        "update set "
        "forge = $4, api_url = $5, secrets = $6, submodules = $7, poll_seconds = $8, previews = "
        "$9, preview_base = $10, focused = $11, expiry_days = $12, bots = $13, previews_most = $15",
        one.id.str(), one.project_id.str(), one.url, std::string(name(one.forge)), one.api_url,
        bytea(seal(one)), one.submodules, one.poll_seconds, one.previews.enabled, one.previews.base,
        one.previews.focused, one.previews.expiry_days, one.previews.bots,
        format_time(one.created_at), one.previews.most);
    return done();
  });
}

Result<> PgGitLedger::erase_repository(const RepositoryId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0("delete from git_repositories where id = $1", id.str());
    return done();
  });
}

Result<> PgGitLedger::record_fetch(const RepositoryId& id, std::string_view trouble,
                                   TimePoint now) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0("update git_repositories set trouble = $2, fetched_at = $3 where id = $1",
                      id.str(), std::string(trouble), format_time(now));
    return done();
  });
}

Result<std::vector<Connection>> PgGitLedger::connections(const RepositoryId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<Connection>> {
    std::vector<Connection> found;
    for (const auto& row : work.exec_params(
             "select instance_id, repository_id, branch, wait_for_ci from git_connections where "
             "repository_id = $1 order by instance_id",
             id.str()))
      found.push_back(connection_from(row));
    return found;
  });
}

Result<std::optional<Connection>> PgGitLedger::connection(const InstanceId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::optional<Connection>> {
    const auto rows = work.exec_params(
        "select instance_id, repository_id, branch, wait_for_ci from git_connections where "
        "instance_id = $1",
        id.str());
    return rows.empty() ? std::optional<Connection>() : std::optional(connection_from(rows[0]));
  });
}

Result<> PgGitLedger::put_connection(const Connection& one) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "insert into git_connections (instance_id, repository_id, branch, wait_for_ci) values ($1, "
        "$2, $3, $4) on conflict (instance_id) do update set repository_id = $2, branch = $3, "
        "wait_for_ci = $4",
        one.instance_id.str(), one.repository_id.str(), one.branch, one.wait_for_ci);
    return done();
  });
}

Result<> PgGitLedger::erase_connection(const InstanceId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<> {
    work.exec_params0("delete from git_connections where instance_id = $1", id.str());
    return done();
  });
}

}  // namespace gantry
