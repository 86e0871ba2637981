// Following what was asked for to its end. An outage of the server is waited out for a minute.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/session.hpp"

namespace gantry::cli {

// The deployment once it is over, however it ended, or waits for its promotion. Phases go to stderr
// as they come.
Json wait_for_end(Session&, const std::string& deployment_id);

bool is_over(const std::string& status);

// Blue-green: it is ready and serves when somebody promotes it. To wait for that is no business of
// a command.
bool waits_for_promotion(const Json& deployment);
// Where it is to be seen meanwhile, and how it is promoted.
void tell_promotion(Session&, const Place&, const Json& deployment);

// WAITING, NEEDS_APPROVAL: nothing goes on before somebody or something lets it. Says so; the exit
// code.
bool is_held(const Json& deployment);
int tell_held(const Session&, const Json& deployment);

// Whether a minute has gone by since the server last answered.
class Outage {
 public:
  void answered() { since_.reset(); }
  bool lasts_too_long();

 private:
  std::optional<std::chrono::steady_clock::time_point> since_;
};

// Says on Ctrl-C that the deployment goes on, and where to see the rest, while it lives.
class WhileWaiting {
 public:
  WhileWaiting(const Session&, const std::string& deployment_id);
  ~WhileWaiting();
  WhileWaiting(const WhileWaiting&) = delete;
  WhileWaiting& operator=(const WhileWaiting&) = delete;
};

// What a deployment's end means: SUCCESS, SKIPPED and one that waits for its
// promotion are 0; FAILED, CRASHED and REMOVED throw
// Failure with the reason. Phases go to stderr as they come.
Json wait_for_deployment(Session&, const std::string& deployment_id);

// Until every replica of the restart epoch is ready.
void wait_for_epoch(Session&, const Place&, std::int64_t epoch);

// After a POST: waits unless --detach, then prints the deployment. The exit code.
int finish_deployment(Session&, const Place&, const Json& deployment);

}  // namespace gantry::cli
