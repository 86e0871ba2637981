#include "scheduler/job_keeper.hpp"

#include <algorithm>

#include "scheduler/make_volumes.hpp"
#include "scheduler/mutation.hpp"

namespace gantry {
namespace {

constexpr Duration kClaimHolds = Seconds(5);  // shorter than JobPolicy::settle

// Worth another try at the next look.
bool is_passing(const Error& error) {
  return error.code == Code::unavailable || error.reason == "volume_in_use" ||
         error.reason == "lease_lost";
}

}  // namespace

JobKeeper::JobKeeper(JobPorts ports, JobKeeperOptions options)
    : ports_(std::move(ports)), options_(std::move(options)), pool_(options_.threads) {
  world_.policy = options_.policy;
}

JobKeeper::~JobKeeper() { stop(); }

void JobKeeper::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { lookout(stop); });
}

void JobKeeper::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  pool_.stop();
}

void JobKeeper::wake() {
  {
    const std::scoped_lock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

bool JobKeeper::idle() const {
  const std::scoped_lock lock(mutex_);
  return busy_.empty();
}

void JobKeeper::lookout(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      if (const auto looked = look(); !looked)
        options_.log("runs not looked at detail=\"" + looked.error().detail + "\"");
    } catch (const std::exception& error) {
      options_.log(std::string("runs not looked at what=\"") + error.what() + "\"");
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, options_.look, [&] { return woken_; });
    woken_ = false;
  }
}

// Rows before containers: what a row says to have begun was there when the engine is asked.
Result<> JobKeeper::look() {
  const std::scoped_lock one_at_a_time(looking_);
  const auto leads = ports_.ledger.leads();
  if (!leads || !*leads) {
    led_ = false;
    return leads ? done() : Result<>(leads.error());
  }
  if (!led_) {
    const auto marks = ports_.ledger.marks();
    if (!marks) return marks.error();
    world_.marks.clear();
    for (const CronMark& mark : *marks) world_.marks[mark.instance_id] = {mark};
    engine_at_ = {};
    world_.led_since = ports_.clock.now();
    led_ = true;
  }
  {
    const std::scoped_lock lock(mutex_);
    world_.busy = busy_;
  }
  auto open = ports_.ledger.open_runs();
  if (!open) return open.error();
  world_.open = *std::move(open);
  const TimePoint now = ports_.clock.now();
  if (now < looked_at_) {  // the clock was set back
    engine_at_ = forget_at_ = {};
    world_.led_since = now;
  }
  looked_at_ = now;
  GANTRY_TRY(gather_containers(now));
  gather_services(world_);
  const JobPlan planned = plan_jobs(world_, now);
  moved_ = false;
  bool all = true;
  for (const JobAction& action : planned.actions) all = perform(action, now) && all;
  for (const auto& [id, until] : planned.quiet_until)
    if (const auto mark = world_.marks.find(id); mark != world_.marks.end() && all)
      mark->second.quiet_until = until;
  if (moved_) wake();
  return forget(now);
}

bool JobKeeper::perform(const JobAction& action, TimePoint now) {
  const auto carried = std::visit([&](const auto& one) { return carry_out(one, now); }, action);
  if (carried) return true;
  if (carried.error().reason == "lease_lost") led_ = false;
  options_.log("run not recorded detail=\"" + carried.error().detail + "\"");
  return false;
}

Result<> JobKeeper::carry_out(const PutMark& action, TimePoint) {
  GANTRY_TRY(ports_.ledger.put_mark(action.mark));
  world_.marks[action.mark.instance_id] = {action.mark};
  return done();
}

Result<> JobKeeper::carry_out(const EraseMark& action, TimePoint) {
  GANTRY_TRY(ports_.ledger.erase_mark(action.instance_id));
  world_.marks.erase(action.instance_id);
  return done();
}

// A mark that is not there yet means that its own write failed: the tick waits for the next look.
Result<> JobKeeper::carry_out(const AddTick& action, TimePoint now) {
  const auto mark = world_.marks.find(action.run.instance_id);
  if (mark == world_.marks.end()) return done();
  JobRun run = action.run;
  run.id = RunId::make(now);
  const auto added = ports_.ledger.add_tick(run);
  if (!added) {
    if (mutated(Mutation::tick_lost)) mark->second.mark.handled_until = *run.tick;
    return added.error();
  }
  mark->second.mark.handled_until = *run.tick;
  if (!*added) return done();
  moved_ = true;
  if (run.status == RunStatus::skipped) tell(run);
  return done();
}

Result<> JobKeeper::carry_out(const BeginRun& action, TimePoint) {
  if (const JobRun* run = open_run(action.run_id))
    in_background(run->id, [this, run = *run] { begin(run); });
  return done();
}

Result<> JobKeeper::carry_out(const RecordWaiting& action, TimePoint) {
  return ports_.ledger.record_waiting(action.run_ids, action.reason);
}

Result<> JobKeeper::carry_out(const RecordStart& action, TimePoint) {
  return ports_.ledger.record_start(action.run_id, action.started_at);
}

Result<> JobKeeper::carry_out(const AskEnd& action, TimePoint now) {
  moved_ = true;
  return ports_.ledger.record_ending(action.run_id, action.as, action.reason, now);
}

Result<> JobKeeper::carry_out(const EndRun& action, TimePoint) {
  in_background(action.run_id, [this, action] {
    if (const auto ended = ports_.engine.end(action.run_id, action.grace); !ended)
      options_.log("run not ended run=" + action.run_id.str() + " detail=\"" +
                   ended.error().detail + "\"");
  });
  return done();
}

Result<> JobKeeper::carry_out(const RecordEnd& action, TimePoint) {
  const auto recorded = ports_.ledger.record_end(action.run);
  if (!recorded) return recorded.error();
  moved_ = true;
  if (*recorded) tell(action.run);
  return done();
}

// Somebody may have begun it since the rows were read.
Result<> JobKeeper::carry_out(const RemoveRun& action, TimePoint) {
  const auto run = ports_.ledger.run(action.run_id);
  if (!run && run.error().code != Code::not_found) return run.error();
  if (run && !is_over(run->status)) return done();
  in_background(action.run_id, [this, id = action.run_id] { (void)ports_.engine.remove(id); });
  return done();
}

const JobRun* JobKeeper::open_run(const RunId& id) const {
  const auto found = std::find_if(world_.open.begin(), world_.open.end(),
                                  [&](const JobRun& run) { return run.id == id; });
  return found == world_.open.end() ? nullptr : &*found;
}

void JobKeeper::in_background(const RunId& id, std::function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    if (!busy_.insert(id).second) return;
  }
  const auto job = [this, id, work = std::move(work)] {
    try {
      work();
    } catch (const std::exception& error) {
      options_.log("run threw run=" + id.str() + " what=\"" + error.what() + "\"");
    }
    {
      const std::scoped_lock lock(mutex_);
      busy_.erase(id);
    }
    wake();
  };
  if (options_.in_background)
    options_.in_background(job);
  else
    pool_.post(job);
}

// The claim comes last before the container: whoever lost the lease meanwhile does not get it.
Result<JobSeen> JobKeeper::begin_once(const JobRun& run, const JobSpec& spec, bool& claimed) {
  const TimePoint asked_at = ports_.clock.now();
  auto mine = ports_.ledger.claim_run(run.id);
  const Duration took = ports_.clock.now() - asked_at;
  if (took < Duration(0) || took > kClaimHolds) mine = false;  // another one may be at it by now
  claimed = mutated(Mutation::begins_unclaimed) || (mine && *mine);
  return claimed ? ports_.engine.begin(spec) : Result<JobSeen>(JobSeen{});
}

void JobKeeper::begin(const JobRun& run) {
  const auto spec = spec_of(run);
  auto begun = spec ? Result<JobSeen>(JobSeen{}) : Result<JobSeen>(spec.error());
  if (spec) {
    bool claimed = false;
    begun = begin_once(run, *spec, claimed);
    if (!begun && begun.error().reason == "image_not_found" && ports_.pull)
      if (const auto pulled = ports_.pull(spec->image); pulled)  // it may have taken long
        begun = begin_once(run, *spec, claimed);
    if (!claimed) return;
  }
  if (begun) {
    options_.log("run begun run=" + run.id.str() + " instance=" + run.instance_id.str());
    (void)ports_.ledger.record_start(run.id, begun->started_at);
  } else if (!is_passing(begun.error())) {
    finish(run, RunStatus::failed, begun.error().detail);
  } else {
    options_.log("run not begun run=" + run.id.str() + " detail=\"" + begun.error().detail + "\"");
  }
}

void JobKeeper::finish(JobRun run, RunStatus status, std::string reason) {
  run.status = status;
  run.reason = std::move(reason);
  run.finished_at = ports_.clock.now();
  if (const auto recorded = ports_.ledger.record_end(run); recorded && *recorded) tell(run);
}

Result<JobSpec> JobKeeper::spec_of(const JobRun& run) {
  const ProjectPtr project = ports_.store.project_of(run.instance_id);
  const DesiredPtr desired =
      project ? desired_of(*project, run.instance_id, options_.desired) : nullptr;
  if (!desired) return Error{Code::not_found, "not_found", "its service is gone"};
  const auto deployment = ports_.store.deployment(run.deployment_id);
  if (!deployment) return deployment.error();
  JobSpec spec = job_spec(*desired, *deployment, run);
  GANTRY_TRY(make_volumes(ports_.store, ports_.volumes, run.instance_id, spec.mounts));
  return spec;
}

void JobKeeper::tell(const JobRun& run) {
  Event event;
  event.type = "run." + std::string(name(run.status));
  const ProjectPtr project = ports_.store.project_of(run.instance_id);
  if (project) {
    const ServiceInstance& instance = project->instances.at(run.instance_id)->instance;
    event.project_id = project->project.id;
    event.environment_id = instance.environment_id.str();
    event.service_id = instance.service_id.str();
    event.instance_id = run.instance_id.str();
    event.deployment_id = run.deployment_id.str();
    event.message = run.id.str() + (run.reason.empty() ? "" : ": " + run.reason);
    if (const auto kept = ports_.store.record_event(event); !kept)
      options_.log("event not recorded type=" + event.type + " detail=\"" + kept.error().detail +
                   "\"");
  }
  options_.log(event.type + " run=" + run.id.str() + " instance=" + run.instance_id.str() +
               (run.reason.empty() ? "" : " detail=\"" + run.reason + "\""));
}

Result<> JobKeeper::forget(TimePoint now) {
  if (now < forget_at_) return done();
  forget_at_ = now + options_.forget_look;
  const auto forgotten = ports_.ledger.forget_runs(options_.limits, now);
  if (!forgotten) return forgotten.error();
  for (const JobRun& run : *forgotten) ports_.logs.remove_replica(run.instance_id, log_key(run.id));
  return done();
}

}  // namespace gantry
