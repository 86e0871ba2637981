// Rows of the ledger of runs as nouns.
#pragma once

#include <pqxx/pqxx>

#include "proto/jobs.hpp"
#include "store/secrets.hpp"

namespace gantry {

// Without the variables, which are sealed.
inline constexpr const char* kRunColumns =
    "id, instance_id, deployment_id, trigger, tick, command, limit_seconds, alone, status, reason, "
    "exit_code, ending, ending_at, created_at, started_at, finished_at";

JobRun run_from(const pqxx::row&);
CronMark mark_from(const pqxx::row&);

// False: there is one of this id, or of this tick.
bool insert_run(pqxx::work&, const Secrets&, const JobRun&);

// Nothing: null.
std::optional<std::string> time_text(const std::optional<TimePoint>&);

// Words as netstrings: "4:echo,2:hi,".
std::string words_text(const std::vector<std::string>&);

// What a run's ciphertext is bound to.
std::string run_identity(const RunId&);

}  // namespace gantry
