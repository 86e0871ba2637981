#include "scheduler/restart.hpp"

#include <algorithm>

#include "scheduler/mutation.hpp"

namespace gantry {

AfterExit after_exit(RestartPolicy policy, int exit_code, int restarts, int max_retries) {
  if (mutated(Mutation::restart_without_end)) return AfterExit::restart;
  switch (policy) {
    case RestartPolicy::never:
      return exit_code == 0 ? AfterExit::completed : AfterExit::give_up;
    case RestartPolicy::on_failure:
      if (exit_code == 0) return AfterExit::completed;
      return restarts < max_retries ? AfterExit::restart : AfterExit::give_up;
    case RestartPolicy::always:
      return restarts < max_retries ? AfterExit::restart : AfterExit::give_up;
  }
  return AfterExit::give_up;
}

Duration restart_delay(int n) {
  if (n <= 1) return Duration(0);
  return Seconds(std::min(30, 1 << std::min(n - 2, 5)));
}

}  // namespace gantry
