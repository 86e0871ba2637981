// Faults that a test build puts into the planner on purpose, one at a time, to see that the
// simulation finds each. In the product mutated() is false at compile time.
#pragma once

namespace gantry {

enum class Mutation {
  none,
  proof_of_earlier_run,  // a drain proof outlives the run that it was made for
  drain_without_time,    // sessions get no time to finish
  mark_missing,          // a start leaves no mark
  route_before_ready,    // whatever runs is routed
  old_gone_before_new,   // the version before is not wanted while the new one starts
  judge_ignored,         // a canary is never found to be worse
  step_without_edge,     // a step counts although the edge has not acknowledged it
  keeps_one_too_few,     // a replica by replica take-over
  lease_ignored,         // acts without the lease
  kept_colour_stopped,   // no way back to the old colour
  orphan_stays,          // what nobody knows is never removed
  never_observed,        // success at once after the switch
  crash_while_watched,   // a crash after the switch is no setback
  host_released_early,   // before the other has it
  sleeps_while_busy,     // although requests come in
  work_not_cancelled,    // of what nobody waits for
  window_without_end,    // a version that never gets ready is waited for
  restart_without_end,   // the restart policy is never used up
  two_writers,           // a volume is mounted while another container has it
  // of runs
  tick_lost,             // a tick whose run was not written counts as seen to
  runs_overlap,          // although the schedule forbids it
  replaced_not_awaited,  // a run begins before the one is gone whose place it takes
  begins_unclaimed,      // a container is made for a run that another daemon has begun
  too_many_at_once,      // more than the installation may have
  last_one,
};

#ifdef GANTRY_MUTATIONS
inline Mutation present_mutation = Mutation::none;
inline bool mutated(Mutation mutation) { return present_mutation == mutation; }
#else
constexpr bool mutated(Mutation) { return false; }
#endif

}  // namespace gantry
