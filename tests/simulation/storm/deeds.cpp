// The hands of a daemon: each deed takes effect some time after it was ordered, and is answered
// some time after that, or its answer is lost.
#include <fmt/format.h>

#include "tests/simulation/storm/storm.hpp"

namespace gantry::storm {
namespace {

constexpr Duration kQuick = std::chrono::milliseconds(30), kSlow = Seconds(8),
                   kSlowAnswer = Seconds(4);

Error not_ours() { return {Code::unavailable, "lease_lost", "another daemon acts now"}; }
Error lost() { return {Code::unavailable, "engine_unavailable", "the answer was lost"}; }

}  // namespace

void Storm::execute(Daemon& daemon, const Action& action) {
  if (kept_lines > 0 && !std::holds_alternative<Probe>(action))
    tell(fmt::format("d{} orders {}", daemon.number, gantry::describe(action)));
  if (const auto* start = std::get_if<Start>(&action)) check_order(*start);
  std::visit([&](const auto& one) { perform(daemon, one); }, action);
}

// What its program does once it runs.
void Storm::began(const Container& container) {
  const Deployment* deployment = ledger_.deployment(container.key.deployment_id);
  if (deployment == nullptr || app_of(*deployment) != App::leaking || !storming_) return;
  after(dice_.span(Seconds(3), Seconds(60)), [this, container] {
    const auto now = engine_.find(container.key);
    if (!storming_ || !now || now->started_at != container.started_at) return;
    truth_[container.key].trouble_at = now_;
    tell("leaks " + container.key.id());
    engine_.exit(container.key, 1);
  });
}

void Storm::perform(Daemon& daemon, const Start& action) {
  after(
      daemon, lag(std::chrono::milliseconds(300), kSlow),
      [this, &daemon, spec = action.spec]() mutable {
        counted(daemon);
        const auto before = engine_.find(spec.key);
        const auto volumes = leads_on(daemon) ? make_volumes(daemon, spec) : Result<>(not_ours());
        auto made = volumes ? daemon.driver->start(spec) : Result<Container>(volumes.error());
        if (!made && made.error().reason == "image_not_found") {
          const auto pulled = daemon.driver->pull(spec.image);
          made = pulled ? daemon.driver->start(spec) : Result<Container>(pulled.error());
        }
        if (made && (!before || before->started_at != made->started_at)) {
          Truth& truth = truth_[spec.key];
          truth.proved_at.reset();
          truth.drained_at.reset();
          if (edge_.live().find(spec.key).backend != nullptr) truth.trouble_at = now_;
          truth.sick = false;
          truth.sessions = 0;
          edge_.set_sessions(spec.key, 0);
          began(*made);
          check_mounted(*made);
        }
        if (!made && made.error().reason == "volume_missing")
          broke("a volume is gone", spec.key.id());
        if (made && storming_ && dice_.percent(severity_ / 2)) made = lost();
        tell(fmt::format("d{} starts {} {}", daemon.number, spec.key.id(), made.ok()));
        const Duration answer = lag(kQuick, kSlowAnswer);
        if (made)
          reply(daemon, answer, DeedDone{spec.instance_id, spec.key, Deed::start, *made});
        else
          reply(daemon, answer, DeedFailed{spec.instance_id, spec.key, Deed::start, made.error()});
      });
}

void Storm::perform(Daemon& daemon, const Stop& action) {
  after(daemon, lag(kQuick, kSlow), [this, &daemon, action] {
    counted(daemon);
    const ReplicaKey key = action.proof.key();
    const bool ours = leads_on(daemon);
    if (ours) check_stop(daemon, action);
    const Before before = look_before(daemon);
    auto stopped =
        ours ? daemon.driver->stop(key, action.grace, action.proof) : Result<>(not_ours());
    check_change(daemon, before, "stop");
    if (stopped && storming_ && dice_.percent(severity_ / 2)) stopped = lost();
    tell(fmt::format("d{} stops {} {}", daemon.number, key.id(), stopped.ok()));
    const Duration answer = lag(kQuick, kSlowAnswer);
    if (stopped)
      reply(daemon, answer, DeedDone{action.instance_id, key, Deed::stop, std::nullopt});
    else
      reply(daemon, answer, DeedFailed{action.instance_id, key, Deed::stop, stopped.error()});
  });
}

void Storm::perform(Daemon& daemon, const Remove& action) {
  after(daemon, lag(kQuick, kSlow), [this, &daemon, action] {
    counted(daemon);
    auto removed = leads_on(daemon) ? daemon.driver->remove(action.key) : Result<>(not_ours());
    if (removed && storming_ && dice_.percent(severity_ / 2)) removed = lost();
    tell(fmt::format("d{} removes {} {}", daemon.number, action.key.id(), removed.ok()));
    const Duration answer = lag(kQuick, kSlowAnswer);
    if (removed)
      reply(daemon, answer, DeedDone{action.instance_id, action.key, Deed::remove, {}});
    else
      reply(daemon, answer,
            DeedFailed{action.instance_id, action.key, Deed::remove, removed.error()});
  });
}

void Storm::perform(Daemon& daemon, const SetRoute& action) {
  daemon.edge_free = std::max(daemon.edge_free, now_ + lag(kQuick, Seconds(2)));
  after(daemon, daemon.edge_free - now_, [this, &daemon, route = action.route] {
    counted(daemon);
    const Before before = look_before(daemon);
    const auto applied =
        leads_on(daemon) ? edge_.apply({route}) : Result<AppliedGeneration>(not_ours());
    tell(fmt::format("d{} routes {} {}", daemon.number, route.instance_id.str(), applied.ok()));
    check_change(daemon, before, "route");
    // One thread: its answers come in their order.
    daemon.edge_free = std::max(daemon.edge_free, now_ + lag(Duration(5000), Seconds(1)));
    const Duration answer = daemon.edge_free - now_;
    if (applied)
      reply(daemon, answer, RoutesApplied{applied->generation, {route}});
    else
      reply(daemon, answer, RouteFailed{route.instance_id, applied.error().detail});
  });
}

void Storm::perform(Daemon& daemon, const Drain& action) {
  daemon.drains[action.key] = ++number_;
  poll(daemon, action, Duration(25'000));
}

void Storm::poll(Daemon& daemon, const Drain& drain, Duration wait) {
  after(daemon, wait, [this, &daemon, drain, wait, number = daemon.drains[drain.key]] {
    if (daemon.drains[drain.key] != number) return;  // a newer one is asked for
    if (now_ < daemon.edge_free)                     // one thread for both
      return poll(daemon, drain, daemon.edge_free - now_ + Duration(1));
    const auto proof = edge_.drained(drain.key, clock_.now(), drain.deadlines);
    if (!proof && proof.error().reason == "still_routed")
      return push(daemon, DeedFailed{drain.instance_id, drain.key, Deed::stop, proof.error()});
    if (!proof) return poll(daemon, drain, std::min<Duration>(wait * 2, Seconds(1)));
    counted(daemon);
    truth_[drain.key].drained_at = now_;
    push(daemon, Drained{drain.instance_id, *proof});
  });
}

void Storm::perform(Daemon& daemon, const Probe& action) {
  const bool silent = storming_ && dice_.percent(severity_ / 4);
  after(daemon, silent ? Duration(Seconds(5)) : dice_.span(Duration(500), Duration(5000)),
        [this, &daemon, action, silent] {
          counted(daemon);
          const auto container = engine_.find(action.key);
          ProbeOutcome outcome{false, silent ? "no answer within 5 s" : "connection refused"};
          if (!silent && container && healthy(*container)) {
            outcome = {true, ""};
            truth_[action.key].proved_at = now_;
          }
          if (!outcome.ok) truth_[action.key].trouble_at = now_;
          push(daemon, ProbeFinished{action.instance_id, action.key, action.container_id, outcome});
        });
}

template <class C, class F>
void Storm::record(Daemon& daemon, const C& change, F done) {
  daemon.records_free = std::max(daemon.records_free, now_ + lag(Duration(4000), Seconds(2)));
  after(daemon, daemon.records_free - now_, [this, &daemon, change, done] {
    counted(daemon);
    const Result<> recorded = ledger_.record(daemon.number, change);
    const bool unheard = recorded && storming_ && dice_.percent(severity_ / 3);
    if (recorded) {
      if (!unheard) publish(daemon, change.instance_id);
      for (Daemon& other : daemons_)
        if (&other != &daemon && other.up) publish(other, change.instance_id);
    }
    tell(fmt::format("d{} recorded {} {}", daemon.number, recorded.ok(), !unheard));
    done(recorded, recorded.ok() && !unheard);
  });
}

void Storm::perform(Daemon& daemon, const RecordStatus& action) {
  record(daemon, action.change, [this, &daemon, change = action.change](const auto& done, bool ok) {
    if (done) check_status(daemon, change);
    push(daemon, StatusRecorded{change, ok});
  });
}
void Storm::perform(Daemon& daemon, const RecordRollout& action) {
  record(daemon, action.change, [this, &daemon, change = action.change](const auto& done, bool ok) {
    if (done) check_rollout(change);
    push(daemon, RolloutRecorded{change, ok});
  });
}
void Storm::perform(Daemon& daemon, const RecordScale& action) {
  record(daemon, action.change, [this, &daemon, change = action.change](const auto&, bool ok) {
    push(daemon, ScaleRecorded{change, ok});
  });
}
void Storm::perform(Daemon& daemon, const RecordReplica& action) {
  record(daemon, action.replica, [this, &daemon, one = action.replica](const auto&, bool ok) {
    push(daemon, ReplicaRecorded{one, ok});
  });
}
void Storm::perform(Daemon& daemon, const RecordProgress& action) {
  record(daemon, action.change, [this, &daemon, change = action.change](const auto& done, bool ok) {
    const bool counts = ok || (!done && done.error().code == Code::not_found);
    push(daemon, ProgressRecorded{change, counts});
    if (counts && change.progress.pre_deployed) (void)daemon.driver->end_run(change.deployment_id);
  });
}

// ---- from a source to an image ----

template <class T, class F>
Fact home(const InstanceId& instance, const DeploymentId& deployment, Work work,
          const Result<T>& result, F done) {
  if (!result) return WorkFailed{instance, deployment, work, result.error()};
  WorkDone fact{work, {.deployment_id = deployment, .instance_id = instance, .progress = {}}, ""};
  done(*result, fact);
  return fact;
}

void Storm::perform(Daemon& daemon, const Prepare& action) {
  after(daemon, lag(std::chrono::milliseconds(500), kSlow), [this, &daemon, order = action.order] {
    counted(daemon);
    push(daemon, home(order.instance_id, order.deployment_id, Work::preparing,
                      builder_.prepare(order), [](const Prepared& prepared, WorkDone& fact) {
                        const auto& deploy = prepared.settings.deploy;
                        fact.change.progress.prepared = true;
                        fact.change.progress.pre_deployed = deploy.pre_deploy_command.empty();
                        fact.change.settings = prepared.settings;
                        fact.skip_reason = prepared.skip_reason;
                      }));
  });
}

void Storm::perform(Daemon& daemon, const Build& action) {
  const DeploymentId id = action.order.deployment_id;
  daemon.building[id] = [this, &daemon, action, id] {
    counted(daemon);
    const Deployment* wanted = ledger_.deployment(id);
    const bool over = wanted == nullptr || !is_live(wanted->status);
    // Who leads ends what it began; what a standby had begun comes to nothing.
    if (over && ledger_.holds(daemon.number) && !builder_.cancelled(id) &&
        !disturbed(Seconds(120)) && clock_.now() - wanted->updated_at > Seconds(60))
      broke("work that nobody waits for goes on", id.str());
    push(daemon, home(action.order.instance_id, id, Work::building, builder_.build(action.order),
                      [&](const std::string& image, WorkDone& fact) {
                        fact.change.progress = action.progress;
                        fact.change.progress.image = image;
                      }));
  };
  after(daemon, dice_.span(Seconds(2), Seconds(200)), [&daemon, id] {
    if (auto work = daemon.building.extract(id); !work.empty()) work.mapped()();
  });
}

void Storm::perform(Daemon& daemon, const RunOnce& action) {
  after(daemon, dice_.span(Seconds(1), Seconds(5)), [this, &daemon, action] {
    counted(daemon);
    auto ended = daemon.driver->run_once(action.spec, {});
    push(daemon, home(action.spec.instance_id, action.spec.deployment_id, Work::running, ended,
                      [&](const ContainerExit&, WorkDone& fact) {
                        fact.change.progress = action.progress;
                        fact.change.progress.pre_deployed = true;
                      }));
  });
}

void Storm::perform(Daemon& daemon, const Cancel& action) {
  after(daemon, lag(kQuick, Seconds(2)), [this, &daemon, action] {
    counted(daemon);
    builder_.cancel(action.deployment_id);
    (void)daemon.driver->end_run(action.deployment_id);
    if (auto work = daemon.building.extract(action.deployment_id); !work.empty()) work.mapped()();
  });
}

}  // namespace gantry::storm
