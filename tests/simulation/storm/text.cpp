// Facts as lines of the story.
#include <fmt/format.h>

#include "tests/simulation/storm/storm.hpp"

namespace gantry::storm {
namespace {

struct Teller {
  std::string operator()(const DesiredChanged& f) const {
    std::string text = "desired " + f.instance_id.str();
    if (!f.desired) return text + " gone";
    text += fmt::format(" epoch={}", f.desired->epoch);
    for (const auto& one : f.desired->deployments)
      text += fmt::format(" {}={}x{}/{}{}", one->id.str().substr(26), name(one->status),
                          one->settings.deploy.replicas, one->rollout.step,
                          one->rollout.since ? "s" : "");
    return text;
  }
  std::string operator()(const Listed& f) const {
    return fmt::format("list of {}", f.containers.size());
  }
  std::string operator()(const ContainerSeen& f) const {
    return fmt::format("seen {} state={} exit={}", f.container.key.id(),
                       static_cast<int>(f.container.state),
                       f.container.exit ? f.container.exit->code : -1);
  }
  std::string operator()(const ContainerGone& f) const { return "gone " + f.key.id(); }
  std::string operator()(const TookOver&) const { return "took over"; }
  std::string operator()(const EngineLost&) const { return "engine lost"; }
  std::string operator()(const EngineBack&) const { return "engine back"; }
  std::string operator()(const ProbeFinished& f) const {
    return fmt::format("probe {} {}", f.key.id(), f.outcome.ok);
  }
  std::string operator()(const RoutesApplied& f) const {
    return fmt::format("routes applied {} of {}", f.generation, f.routes.size());
  }
  std::string operator()(const RouteFailed& f) const {
    return "route failed " + f.instance_id.str();
  }
  std::string operator()(const Drained& f) const { return "drained " + f.proof.key().id(); }
  std::string operator()(const DeedDone& f) const {
    return fmt::format("done {} {}", static_cast<int>(f.deed), f.key.id());
  }
  std::string operator()(const DeedFailed& f) const {
    return fmt::format("failed {} {} {}", static_cast<int>(f.deed), f.key.id(), f.error.reason);
  }
  std::string operator()(const TrafficMeasured& f) const {
    std::string text = "measured";
    for (const auto& one : f.replicas)
      text += fmt::format(" {}:{}/{}", one.key.id().substr(26), one.measure.errors,
                          one.measure.requests);
    return text;
  }
  std::string operator()(const LoadSeen& f) const {
    return fmt::format("load {} {} {}", f.load.instance_id.str(), f.load.requests, f.load.sessions);
  }
  std::string operator()(const UsageSeen&) const { return "usage"; }
  std::string operator()(const WakeAsked& f) const { return "wake " + f.instance_id.str(); }
  std::string operator()(const WorkDone& f) const {
    return fmt::format("work {} done {}", static_cast<int>(f.work), f.change.deployment_id.str());
  }
  std::string operator()(const WorkFailed& f) const {
    return fmt::format("work failed {} {}", f.deployment_id.str(), f.error.reason);
  }
  std::string operator()(const ProgressRecorded& f) const {
    return fmt::format("progress recorded {}", f.ok);
  }
  std::string operator()(const StatusRecorded& f) const {
    return fmt::format("status recorded {}", f.ok);
  }
  std::string operator()(const RolloutRecorded& f) const {
    return fmt::format("rollout recorded {}", f.ok);
  }
  std::string operator()(const ScaleRecorded& f) const {
    return fmt::format("scale recorded {}", f.ok);
  }
  std::string operator()(const ReplicaRecorded& f) const {
    return fmt::format("replica recorded {}", f.ok);
  }
  std::string operator()(const ReplicaRemembered& f) const {
    return "remembered " + f.replica.key.id();
  }
};

}  // namespace

std::string describe(const Fact& fact) { return std::visit(Teller(), fact); }

}  // namespace gantry::storm
