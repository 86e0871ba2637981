// What follows when a replica's process ends by itself. Pure; source: Railway's restart policy, per
// replica.
#pragma once

#include "proto/model.hpp"

namespace gantry {

enum class AfterExit { restart, completed, give_up };

// `restarts`: how often it was restarted already.
AfterExit after_exit(RestartPolicy, int exit_code, int restarts, int max_retries);

// How long to wait before the n-th restart (n from 1): 0, 1, 2, 4, 8, 16, 30, 30 ... seconds. The
// first is at once, so that one killed process costs no more than its start.
Duration restart_delay(int n);

}  // namespace gantry
