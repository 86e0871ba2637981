// The ledger of runs in PostgreSQL.
#include "proto/codec.hpp"
#include "store/job_rows.hpp"
#include "store/open_jobs.hpp"
#include "store/pg_store.hpp"
#include "store/rows.hpp"

namespace gantry {
namespace {

Error no_lease() { return {Code::conflict, "lease_lost", "another daemon acts now"}; }

class PgJobs final : public JobLedger {
 public:
  explicit PgJobs(PgStore& store) : store_(store) {}

  Result<bool> leads() override;
  Result<JobRun> run(const RunId&) override;
  Result<Page<JobRun>> runs(const InstanceId&, const PageRequest&) override;
  Result<std::optional<JobRun>> newest_tick(const InstanceId&) override;
  Result<std::vector<JobRun>> open_runs() override;
  Result<std::vector<CronMark>> marks() override;
  Result<> put_mark(const CronMark&) override;
  Result<> erase_mark(const InstanceId&) override;
  Result<bool> add_tick(const JobRun&) override;
  Result<> record_waiting(const std::vector<RunId>&, std::string_view) override;
  Result<bool> claim_run(const RunId&) override;
  Result<> record_start(const RunId&, TimePoint) override;
  Result<> record_ending(const RunId&, RunStatus, std::string_view, TimePoint) override;
  Result<bool> record_end(const JobRun&) override;
  Result<std::vector<JobRun>> forget_runs(const RunLimits&, TimePoint now) override;

 private:
  // The same for who holds the lease: nobody else takes it before the commit.
  template <class F>
  auto leading(F&& body) -> decltype(body(std::declval<pqxx::work&>())) {
    return with_work(store_.pool(), [&](pqxx::work& work) -> decltype(body(work)) {
      const std::int64_t term = store_.term();
      if (term == 0 ||
          work.exec_params("select 1 from lease where term = $1 for share", term).empty())
        return no_lease();
      return body(work);
    });
  }

  PgStore& store_;
};

Result<bool> PgJobs::leads() {
  const std::int64_t term = store_.term();
  if (term == 0) return false;
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<bool> {
    return !work.exec_params("select 1 from lease where term = $1", term).empty();
  });
}

Result<JobRun> PgJobs::run(const RunId& id) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<JobRun> {
    const auto rows = work.exec_params(
        std::string("select ") + kRunColumns + " from job_runs where id = $1", id.str());
    if (rows.empty()) return not_found("run " + id.str());
    return run_from(rows[0]);
  });
}

Result<Page<JobRun>> PgJobs::runs(const InstanceId& instance, const PageRequest& wanted) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<Page<JobRun>> {
    Page<JobRun> page;
    for (const auto& row : work.exec_params(
             std::string("select ") + kRunColumns +
                 " from job_runs where instance_id = $1 and ($2 = '' or id < $2) order by id desc "
                 "limit $3::bigint",
             instance.str(), wanted.after.value_or(""), wanted.limit + 1)) {
      if (static_cast<int>(page.items.size()) == wanted.limit) {
        page.next = page.items.back().id.str();
        break;
      }
      page.items.push_back(run_from(row));
    }
    return page;
  });
}

Result<std::optional<JobRun>> PgJobs::newest_tick(const InstanceId& instance) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::optional<JobRun>> {
    const auto rows = work.exec_params(std::string("select ") + kRunColumns +
                                           " from job_runs where instance_id = $1 and tick is not "
                                           "null order by tick desc limit 1",
                                       instance.str());
    if (rows.empty()) return std::optional<JobRun>();
    return std::optional(run_from(rows[0]));
  });
}

Result<std::vector<JobRun>> PgJobs::open_runs() {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<JobRun>> {
    std::vector<JobRun> all;
    for (const auto& row : work.exec(std::string("select ") + kRunColumns +
                                     ", variables from job_runs where finished_at is null order "
                                     "by id")) {
      all.push_back(run_from(row));
      if (row["variables"].is_null()) continue;
      const auto plain =
          store_.secrets().open(bytes_from(row["variables"]), run_identity(all.back().id));
      if (!plain) return plain.error();
      auto variables = parse_variables_json(*plain);
      if (!variables) return variables.error();
      all.back().variables = *std::move(variables);
    }
    return all;
  });
}

Result<std::vector<CronMark>> PgJobs::marks() {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<CronMark>> {
    std::vector<CronMark> all;
    for (const auto& row : work.exec("select instance_id, schedule, handled_until from job_marks"))
      all.push_back(mark_from(row));
    return all;
  });
}

Result<> PgJobs::put_mark(const CronMark& mark) {
  return leading([&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "insert into job_marks (instance_id, schedule, handled_until) values ($1, $2, $3) on "
        "conflict (instance_id) do update set schedule = $2, handled_until = $3",
        mark.instance_id.str(), mark.schedule, format_time(mark.handled_until));
    return done();
  });
}

Result<> PgJobs::erase_mark(const InstanceId& id) {
  return leading([&](pqxx::work& work) -> Result<> {
    work.exec_params0("delete from job_marks where instance_id = $1", id.str());
    return done();
  });
}

Result<bool> PgJobs::add_tick(const JobRun& run) {
  return leading([&](pqxx::work& work) -> Result<bool> {
    const bool inserted = insert_run(work, store_.secrets(), run);
    work.exec_params0("update job_marks set handled_until = $2 where instance_id = $1",
                      run.instance_id.str(), time_text(run.tick));
    return inserted;
  });
}

Result<> PgJobs::record_waiting(const std::vector<RunId>& runs, std::string_view reason) {
  std::string ids = "{";
  for (const RunId& id : runs) ids += (ids.size() > 1 ? "," : "") + id.str();
  return leading([&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "update job_runs set reason = $2 where id = any($1::text[]) and status = 'queued' and "
        "ending = '' and finished_at is null",
        ids + "}", std::string(reason));
    return done();
  });
}

Result<bool> PgJobs::claim_run(const RunId& id) {
  return leading([&](pqxx::work& work) -> Result<bool> {
    return !work.exec_params(
                    "update job_runs set status = 'running', reason = '' where id = $1 and "
                    "finished_at is null and ending = '' returning 1",
                    id.str())
                .empty();
  });
}

Result<> PgJobs::record_start(const RunId& id, TimePoint started_at) {
  return leading([&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "update job_runs set status = 'running', started_at = coalesce(started_at, $2) where id = "
        "$1 and finished_at is null",
        id.str(), format_time(started_at));
    return done();
  });
}

Result<> PgJobs::record_ending(const RunId& id, RunStatus as, std::string_view reason,
                               TimePoint now) {
  return leading([&](pqxx::work& work) -> Result<> {
    work.exec_params0(
        "update job_runs set ending = $2, reason = $3, ending_at = $4 where id = $1 and ending = "
        "'' and finished_at is null",
        id.str(), std::string(name(as)), std::string(reason), format_time(now));
    return done();
  });
}

Result<bool> PgJobs::record_end(const JobRun& run) {
  return leading([&](pqxx::work& work) -> Result<bool> {
    return !work.exec_params(
                    "update job_runs set status = $2, reason = $3, exit_code = $4, started_at = "
                    "coalesce(started_at, $5), finished_at = $6, variables = null where id = $1 "
                    "and finished_at is null returning 1",
                    run.id.str(), std::string(name(run.status)), run.reason, run.exit_code,
                    time_text(run.started_at), time_text(run.finished_at))
                .empty();
  });
}

// The newest of an instance stays, however old: people ask when it ran last. Not under the lease's
// lock: it may take a while, and nothing depends on who does it.
Result<std::vector<JobRun>> PgJobs::forget_runs(const RunLimits& limits, TimePoint now) {
  return with_work(store_.pool(), [&](pqxx::work& work) -> Result<std::vector<JobRun>> {
    std::vector<JobRun> gone;
    for (const auto& row : work.exec_params(
             std::string("delete from job_runs where id in (select id from (select id, "
                         "instance_id, finished_at, row_number() over (partition by instance_id "
                         "order by id desc) as place from job_runs) as placed where finished_at "
                         "is not null and (place > $1::bigint or (place > 1 and finished_at < "
                         "$2::timestamptz) or not exists (select 1 from service_instances s where "
                         "s.id = placed.instance_id)) limit 10000) returning ") +
                 kRunColumns,
             limits.kept, format_time(now - limits.age)))
      gone.push_back(run_from(row));
    return gone;
  });
}

}  // namespace

std::unique_ptr<JobLedger> open_job_ledger(Store& store) {
  return std::make_unique<PgJobs>(dynamic_cast<PgStore&>(store));
}

}  // namespace gantry
