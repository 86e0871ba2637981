// How the reconciler carries out each action: where it runs and which fact it brings home.
#include <fmt/format.h>

#include "scheduler/make_volumes.hpp"
#include "scheduler/reconciler.hpp"

namespace gantry {
namespace {

constexpr Duration kDrainPoll = std::chrono::milliseconds(25);
constexpr Duration kAlivePoll = std::chrono::milliseconds(50);

Error not_ours() { return {Code::unavailable, "lease_lost", "another daemon acts now"}; }

}  // namespace

void Reconciler::execute(Action&& action) {
  const bool quiet =
      std::holds_alternative<Probe>(action) || std::holds_alternative<RecordReplica>(action);
  if (!quiet) options_.log(describe(action));
  std::visit([this](auto&& one) { perform(std::move(one)); }, std::move(action));
}

void Reconciler::perform(Start&& action) {
  ++counters_.starts;
  starts_.post([this, spec = std::move(action.spec)]() mutable {
    const auto made =
        may_act() ? make_volumes(ports_.store, ports_.volumes, spec.instance_id, spec.mounts)
                  : Result<>(not_ours());
    auto container = made ? ports_.driver.start(spec) : Result<Container>(made.error());
    if (!container && container.error().reason == "image_not_found") {
      if (auto pulled = ports_.driver.pull(spec.image); pulled)
        container = ports_.driver.start(spec);
      else
        container = pulled.error();
    }
    if (container) {
      push(Fact(DeedDone{spec.instance_id, spec.key, Deed::start, std::move(*container)}));
      return;
    }
    ++counters_.failures;
    options_.log("start failed replica=" + spec.key.id() + " detail=\"" + container.error().detail +
                 "\"");
    push(Fact(DeedFailed{spec.instance_id, spec.key, Deed::start, container.error()}));
  });
}

void Reconciler::perform(Stop&& action) {
  ++counters_.stops;
  stops_.post([this, action = std::move(action)] {
    const ReplicaKey key = action.proof.key();
    const auto stopped =
        may_act() ? ports_.driver.stop(key, action.grace, action.proof) : Result<>(not_ours());
    if (stopped)
      push(Fact(DeedDone{action.instance_id, key, Deed::stop, std::nullopt}));
    else
      push(Fact(DeedFailed{action.instance_id, key, Deed::stop, stopped.error()}));
  });
}

void Reconciler::perform(Remove&& action) {
  stops_.post([this, action = std::move(action)] {
    const auto removed = may_act() ? ports_.driver.remove(action.key) : Result<>(not_ours());
    if (removed)
      push(Fact(DeedDone{action.instance_id, action.key, Deed::remove, std::nullopt}));
    else
      push(Fact(DeedFailed{action.instance_id, action.key, Deed::remove, removed.error()}));
  });
}

void Reconciler::perform(SetRoute&& action) {
  ++counters_.routes;
  {
    const std::scoped_lock lock(edge_mutex_);
    edge_routes_.push_back(std::move(action.route));
  }
  edge_changed_.notify_one();
}

void Reconciler::perform(Drain&& action) {
  {
    const std::scoped_lock lock(edge_mutex_);
    std::erase_if(edge_drains_, [&](const Drain& old) { return old.key == action.key; });
    edge_drains_.push_back(std::move(action));
    edge_nudged_ = true;
  }
  edge_changed_.notify_one();
}

void Reconciler::perform(Probe&& action) {
  ++counters_.probes;
  ports_.prober.probe(action.target, [this, id = action.instance_id, key = action.key,
                                      container = action.container_id](ProbeOutcome outcome) {
    push(Fact(ProbeFinished{id, key, container, std::move(outcome)}));
  });
}

// A builder reads what strangers wrote: a bug that they hit ends their deployment, not the daemon.
template <class F>
auto guarded(F work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& failure) {
    return Error{Code::invalid, "internal",
                 std::string("something broke inside Gantry: ") + failure.what()};
  }
}

// What a work was for, and what came of it; `done` fills in what has changed.
template <class T, class F>
void Reconciler::bring_home(const InstanceId& instance, const DeploymentId& deployment, Work work,
                            const Result<T>& result, F done) {
  if (!result) {
    if (result.error().reason != "cancelled") ++counters_.failures;
    options_.log("work failed deployment=" + deployment.str() + " detail=\"" +
                 result.error().detail + "\"");
    push(Fact(WorkFailed{instance, deployment, work, result.error()}));
    return;
  }
  WorkDone fact{work, {.deployment_id = deployment, .instance_id = instance, .progress = {}}, ""};
  done(*result, fact);
  push(Fact(std::move(fact)));
}

void Reconciler::perform(Prepare&& action) {
  prepares_.post([this, order = std::move(action.order)] {
    bring_home(order.instance_id, order.deployment_id, Work::preparing,
               guarded([&] { return ports_.builder.prepare(order); }),
               [&](const Prepared& prepared, WorkDone& fact) {
                 fact.change.progress.prepared = true;
                 fact.change.progress.pre_deployed =
                     prepared.settings.deploy.pre_deploy_command.empty();
                 fact.change.settings = prepared.settings;
                 fact.change.config = prepared.config;
                 fact.skip_reason = prepared.skip_reason;
               });
  });
}

void Reconciler::perform(Build&& action) {
  builds_.post([this, order = std::move(action.order), progress = action.progress] {
    bring_home(order.instance_id, order.deployment_id, Work::building,
               guarded([&] { return ports_.builder.build(order); }),
               [&](const std::string& image, WorkDone& fact) {
                 fact.change.progress = progress;
                 fact.change.progress.image = image;
               });
    sweep_builds();
  });
}

void Reconciler::perform(RunOnce&& action) {
  runs_.post([this, spec = std::move(action.spec), progress = action.progress] {
    auto ended = ports_.driver.run_once(spec, stopping_.get_token());
    if (!ended && ended.error().reason == "image_not_found")
      if (auto pulled = ports_.driver.pull(spec.image); pulled)
        ended = ports_.driver.run_once(spec, stopping_.get_token());
    if (ended && (ended->code != 0 || ended->out_of_memory))
      ended = Error{Code::invalid, "pre_deploy_failed",
                    ended->out_of_memory
                        ? "the pre-deploy command was killed for want of memory"
                        : fmt::format("the pre-deploy command exited with code {}: its output is "
                                      "in the build log",
                                      ended->code)};
    bring_home(spec.instance_id, spec.deployment_id, Work::running, ended,
               [&](const ContainerExit&, WorkDone& fact) {
                 fact.change.progress = progress;
                 fact.change.progress.pre_deployed = true;
               });
  });
}

void Reconciler::perform(Cancel&& action) {
  stops_.post([this, action = std::move(action)] {
    switch (action.work) {
      case Work::preparing:
      case Work::building:
        ports_.builder.cancel(action.deployment_id);
        break;
      case Work::running:
        (void)ports_.driver.end_run(action.deployment_id);
        break;
      case Work::none:
        break;
    }
  });
}

void Reconciler::perform(RecordProgress&& action) {
  records_.post([this, change = std::move(action.change)] {
    const auto recorded = ports_.store.record_progress(change);
    const bool ok = recorded || recorded.error().code == Code::not_found;
    push(change.instance_id);
    push(Fact(ProgressRecorded{change, ok}));
    if (ok && change.progress.pre_deployed) (void)ports_.driver.end_run(change.deployment_id);
  });
}

void Reconciler::perform(RecordStatus&& action) {
  records_.post([this, change = std::move(action.change)] {
    const bool ok = ports_.store.record_status(change).ok();
    push(change.instance_id);
    push(Fact(StatusRecorded{change, ok}));
  });
}

void Reconciler::perform(RecordRollout&& action) {
  records_.post([this, change = std::move(action.change)] {
    const bool ok = ports_.store.record_rollout(change).ok();
    push(change.instance_id);
    push(Fact(RolloutRecorded{change, ok}));
  });
}

void Reconciler::perform(RecordScale&& action) {
  records_.post([this, change = std::move(action.change)] {
    const bool ok = ports_.store.record_scale(change).ok();
    push(change.instance_id);
    push(Fact(ScaleRecorded{change, ok}));
  });
}

void Reconciler::perform(RecordReplica&& action) {
  records_.post([this, replica = std::move(action.replica)] {
    const bool ok = ports_.store.record_replica(replica).ok();
    push(Fact(ReplicaRecorded{replica, ok}));
  });
}

// ---- the edge's thread: routes are taken in batches, one generation each ----

void Reconciler::edge_loop() {
  TimePoint supervised = ports_.clock.now(), looked = supervised;
  for (;;) {
    std::vector<Route> routes;
    bool draining = false;
    {
      std::unique_lock lock(edge_mutex_);
      const Duration wait = edge_drains_.empty() ? kAlivePoll : kDrainPoll;
      edge_changed_.wait_for(lock, wait, [this] { return !edge_routes_.empty() || edge_nudged_; });
      edge_nudged_ = false;
      routes.swap(edge_routes_);
      draining = !edge_drains_.empty();
    }
    {
      const std::scoped_lock lock(inbox_->mutex);
      if (inbox_->stopping) return;
    }
    if (!routes.empty()) {
      const auto applied =
          may_act() ? ports_.edge.apply(routes) : Result<AppliedGeneration>(not_ours());
      if (applied) {
        push(Fact(RoutesApplied{applied->generation, std::move(routes)}));
      } else {
        ++counters_.failures;
        options_.log("edge refused routes detail=\"" + applied.error().detail + "\"");
        for (const Route& route : routes)
          push(Fact(RouteFailed{route.instance_id, applied.error().detail}));
      }
    }
    if (draining) check_drains();
    supervised = std::min(supervised, ports_.clock.now());  // it may be set back
    looked = std::min(looked, ports_.clock.now());
    if (ports_.clock.now() - looked >= options_.look) {
      look_at_edge();
      looked = ports_.clock.now();
    }
    const Duration since = ports_.clock.now() - supervised;
    const bool died = since >= options_.supervise / 4 && !ports_.edge.alive();
    if (died || since >= options_.supervise) {
      supervise_edge();
      supervised = ports_.clock.now();
    }
  }
}

void Reconciler::check_drains() {
  std::vector<Drain> drains;
  {
    const std::scoped_lock lock(edge_mutex_);
    drains.swap(edge_drains_);
  }
  std::vector<Drain> left;
  for (Drain& drain : drains) {
    auto proof = ports_.edge.drained(drain.key, ports_.clock.now(), drain.deadlines);
    if (proof)
      push(Fact(Drained{drain.instance_id, std::move(*proof)}));
    else if (proof.error().reason == "still_routed")  // it serves again: a later drain is another
      push(Fact(DeedFailed{drain.instance_id, drain.key, Deed::stop, proof.error()}));
    else
      left.push_back(std::move(drain));
  }
  const std::scoped_lock lock(edge_mutex_);
  edge_drains_.insert(edge_drains_.end(), left.begin(), left.end());
}

void Reconciler::supervise_edge() {
  auto repaired = ports_.edge.supervise();
  if (!repaired) {
    ++counters_.failures;
    options_.log("edge failed detail=\"" + repaired.error().detail + "\"");
  } else if (*repaired) {
    ++counters_.repairs;
    options_.log("edge repaired");
  }
}

}  // namespace gantry
