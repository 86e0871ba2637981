#include "proto/jobs.hpp"

#include <array>

#include "proto/enum_text.hpp"

namespace gantry {
namespace {

constexpr std::array<Named<RunTrigger>, 2> kTriggers{{
    {RunTrigger::cron, "cron"},
    {RunTrigger::manual, "manual"},
}};

constexpr std::array<Named<RunStatus>, 7> kStatuses{{
    {RunStatus::queued, "queued"},
    {RunStatus::running, "running"},
    {RunStatus::succeeded, "succeeded"},
    {RunStatus::failed, "failed"},
    {RunStatus::timed_out, "timed_out"},
    {RunStatus::cancelled, "cancelled"},
    {RunStatus::skipped, "skipped"},
}};

}  // namespace

std::string_view name(RunTrigger value) { return text_of(kTriggers, value); }
std::string_view name(RunStatus value) { return text_of(kStatuses, value); }
std::optional<RunTrigger> parse_run_trigger(std::string_view text) {
  return value_of(kTriggers, text);
}
std::optional<RunStatus> parse_run_status(std::string_view text) {
  return value_of(kStatuses, text);
}

bool is_over(RunStatus status) {
  return status != RunStatus::queued && status != RunStatus::running;
}

// Logs name their files after replicas: a run is the only one of a deployment of its own.
ReplicaKey log_key(const RunId& id) {
  const auto deployment = DeploymentId::parse("dep_" + std::string(id.ulid()));
  return {deployment ? *deployment : DeploymentId(), 0, 0};
}

}  // namespace gantry
