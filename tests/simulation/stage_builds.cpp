// The simulated way from a source to an image, and what the store keeps of it.
#include <algorithm>

#include "tests/simulation/stage.hpp"

namespace gantry::tests {
namespace {

template <class T, class F>
Fact home(const InstanceId& instance, const DeploymentId& deployment, Work work,
          const Result<T>& result, F done) {
  if (!result) return WorkFailed{instance, deployment, work, result.error()};
  WorkDone fact{work, {.deployment_id = deployment, .instance_id = instance, .progress = {}}, ""};
  done(*result, fact);
  return fact;
}

}  // namespace

bool Stage::work(const Action& action, std::vector<Fact>& answers) {
  if (const auto* prepare = std::get_if<Prepare>(&action)) {
    const PrepareOrder& order = prepare->order;
    answers.push_back(home(order.instance_id, order.deployment_id, Work::preparing,
                           builder.prepare(order), [](const Prepared& prepared, WorkDone& fact) {
                             const auto& deploy = prepared.settings.deploy;
                             fact.change.progress.prepared = true;
                             fact.change.progress.pre_deployed = deploy.pre_deploy_command.empty();
                             fact.change.settings = prepared.settings;
                             fact.skip_reason = prepared.skip_reason;
                           }));
  } else if (const auto* build = std::get_if<Build>(&action)) {
    answers.push_back(home(build->order.instance_id, build->order.deployment_id, Work::building,
                           builder.build(build->order),
                           [&](const std::string& image, WorkDone& fact) {
                             fact.change.progress = build->progress;
                             fact.change.progress.image = image;
                           }));
  } else if (const auto* run = std::get_if<RunOnce>(&action)) {
    auto ended = driver_.run_once(run->spec, {});
    if (ended && ended->code != 0)
      ended = Error{Code::invalid, "pre_deploy_failed",
                    "the pre-deploy command exited with code " + std::to_string(ended->code)};
    answers.push_back(home(run->spec.instance_id, run->spec.deployment_id, Work::running, ended,
                           [&](const ContainerExit&, WorkDone& fact) {
                             fact.change.progress = run->progress;
                             fact.change.progress.pre_deployed = true;
                           }));
  } else if (const auto* cancel = std::get_if<Cancel>(&action)) {
    builder.cancel(cancel->deployment_id);
    (void)driver_.end_run(cancel->deployment_id);
  } else if (const auto* record = std::get_if<RecordProgress>(&action)) {
    write(record->change);
    const InstanceId& id = record->change.instance_id;
    answers.push_back(DesiredChanged{id, desired(id)});
    answers.push_back(ProgressRecorded{record->change, true});
    if (record->change.progress.pre_deployed) (void)driver_.end_run(record->change.deployment_id);
  } else {
    return false;
  }
  return true;
}

Deployment* Stage::find_deployment(const InstanceId& instance, const DeploymentId& id) {
  for (Deployment& deployment : services_.at(instance).deployments)
    if (deployment.id == id) return &deployment;
  return nullptr;
}

void Stage::write(const ProgressChange& change) {
  Deployment* deployment = find_deployment(change.instance_id, change.deployment_id);
  if (deployment == nullptr || is_terminal(deployment->status) ||
      deployment->status == DeploymentStatus::removing)
    return;
  deployment->progress = change.progress;
  if (change.settings) deployment->settings = *change.settings;
}

void Stage::sweep_runs() {
  const auto runs = driver_.runs();
  if (!runs) return;
  for (const DeploymentId& id : *runs) {
    const bool waited_for = std::any_of(services_.begin(), services_.end(), [&](const auto& entry) {
      return std::any_of(entry.second.deployments.begin(), entry.second.deployments.end(),
                         [&](const Deployment& deployment) {
                           return deployment.id == id && is_live(deployment.status) &&
                                  !deployment.progress.pre_deployed;
                         });
    });
    if (!waited_for) (void)driver_.end_run(id);
  }
}

}  // namespace gantry::tests
