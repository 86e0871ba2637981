// What people ask of runs: the row and its event, which says who asked, in one transaction.
#include <fmt/format.h>

#include "store/job_rows.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {

// "token deploy (tok_...)"
std::string PgTransaction::who() const {
  const auto id = TokenId::parse(actor_.token_id);
  const auto token = id ? store_.token(*id) : std::nullopt;
  return "token " + (token ? token->name + " (" + token->id.str() + ")" : actor_.token_id);
}

// Of its command the program alone: arguments may be secrets.
Result<> PgTransaction::add_run(const JobRun& run, const RunLimits& limits) {
  return verb([&]() -> Result<> {
    const auto place = place_of(run.instance_id);
    if (!place) return place.error();
    const auto open = work_->exec_params1(
        "select count(*) from job_runs where instance_id = $1 and finished_at is null",
        run.instance_id.str());
    if (open[0].as<int>() >= limits.open)
      return Error{Code::conflict, "too_many_runs",
                   open[0].as<std::string>() +
                       " runs of this service have not ended: wait for one, or cancel it"};
    has_asked_ = true;
    (void)insert_run(*work_, store_.secrets(), run);
    record("run.asked", *place,
           fmt::format("{}: {} by {}", run.id.str(),
                       run.command.empty() ? "its start command" : run.command.front(), who()),
           run.deployment_id.str());
    return done();
  });
}

Result<JobRun> PgTransaction::cancel_run(const RunId& id, std::string_view reason, TimePoint now) {
  return verb([&]() -> Result<JobRun> {
    const auto rows = work_->exec_params(
        std::string("select ") + kRunColumns + " from job_runs where id = $1 for update", id.str());
    if (rows.empty()) return not_found("run " + id.str());
    JobRun run = run_from(rows[0]);
    if (is_over(run.status))
      return Error{Code::conflict, "run_over",
                   "run " + id.str() + " is over: it " + std::string(name(run.status))};
    if (run.ending) return run;
    const auto place = place_of(run.instance_id);
    if (!place) return place.error();
    const auto row = work_->exec_params1(
        std::string("update job_runs set reason = $2, ending_at = $3, ending = 'cancelled' where "
                    "id = $1 returning ") +
            kRunColumns,
        id.str(), std::string(reason), format_time(now));
    has_asked_ = true;
    record("run.cancel_asked", *place, id.str() + " by " + who(), run.deployment_id.str());
    return run_from(row);
  });
}

}  // namespace gantry
