#include "store/job_rows.hpp"

#include <charconv>

#include "proto/codec.hpp"
#include "store/rows.hpp"

namespace gantry {
namespace {

std::optional<TimePoint> maybe_time(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return time_from(field);
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    std::size_t size = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), size);
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    if (read.ec != std::errc() || text.size() < size + 2 || text.front() != ':') return words;
    words.emplace_back(text.substr(1, size));
    text.remove_prefix(size + 2);
  }
  return words;
}

}  // namespace

std::string words_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += std::to_string(word.size()) + ":" + word + ",";
  return text;
}

std::string run_identity(const RunId& id) { return "job_run:" + id.str(); }

JobRun run_from(const pqxx::row& row) {
  JobRun run;
  run.id = *RunId::parse(row["id"].c_str());
  run.instance_id = *InstanceId::parse(row["instance_id"].c_str());
  run.deployment_id = *DeploymentId::parse(row["deployment_id"].c_str());
  run.trigger = parse_run_trigger(row["trigger"].c_str()).value_or(RunTrigger::manual);
  run.tick = maybe_time(row["tick"]);
  run.command = words_of(row["command"].c_str());
  run.limit_seconds = row["limit_seconds"].as<int>();
  run.alone = row["alone"].as<bool>();
  run.status = parse_run_status(row["status"].c_str()).value_or(RunStatus::failed);
  run.reason = row["reason"].c_str();
  if (!row["exit_code"].is_null()) run.exit_code = row["exit_code"].as<int>();
  run.ending = parse_run_status(row["ending"].c_str());
  run.ending_at = maybe_time(row["ending_at"]);
  run.created_at = time_from(row["created_at"]);
  run.started_at = maybe_time(row["started_at"]);
  run.finished_at = maybe_time(row["finished_at"]);
  return run;
}

std::optional<std::string> time_text(const std::optional<TimePoint>& time) {
  if (!time) return std::nullopt;
  return format_time(*time);
}

bool insert_run(pqxx::work& work, const Secrets& secrets, const JobRun& run) {
  std::optional<pqxx::binarystring> sealed;
  if (!run.variables.empty())
    sealed = bytea(secrets.seal(variables_json(run.variables), run_identity(run.id)));
  const auto rows = work.exec_params(
      "insert into job_runs (id, instance_id, deployment_id, trigger, tick, command, "
      "limit_seconds, alone, status, reason, created_at, finished_at) values ($1, $2, $3, $4, $5, "
      "$6, $7, $8, $9, $10, $11, $12) on conflict do nothing returning 1",
      run.id.str(), run.instance_id.str(), run.deployment_id.str(), std::string(name(run.trigger)),
      time_text(run.tick), words_text(run.command), run.limit_seconds, run.alone,
      std::string(name(run.status)), run.reason, format_time(run.created_at),
      time_text(run.finished_at));
  if (!rows.empty() && sealed)
    work.exec_params0("update job_runs set variables = $2 where id = $1", run.id.str(), *sealed);
  return !rows.empty();
}

CronMark mark_from(const pqxx::row& row) {
  return {.instance_id = *InstanceId::parse(row["instance_id"].c_str()),
          .schedule = row["schedule"].c_str(),
          .handled_until = time_from(row["handled_until"])};
}

}  // namespace gantry
