// What an owner says to a deployment that needs an approval.
#include "api/authority.hpp"
#include "api/body.hpp"
#include "api/deploying.hpp"
#include "api/reply.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kReasonMax = 1000;

struct Held {
  Deployment deployment;
  Place place;
};

Result<Held> find_held(const Request& request, Context& context) {
  auto deployment = find_deployment(request, context);
  if (!deployment) return deployment.error();
  auto place = place_of(deployment->instance_id, context);
  if (!place) return place.error();
  GANTRY_TRY(check_version(request, *deployment));
  return Held{*std::move(deployment), *std::move(place)};
}

Result<> check_held(const Deployment& deployment) {
  if (deployment.status == DeploymentStatus::needs_approval) return done();
  return Error{Code::conflict, "not_held",
               "this deployment needs no approval: it is " + std::string(name(deployment.status))};
}

}  // namespace

Answer approve(const Request& request, Context& context, Transaction& transaction) {
  const auto held = find_held(request, context);
  if (!held) return held.error();
  const auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  GANTRY_TRY(check_held(held->deployment));
  const auto deployment = transaction.release_deployment(held->deployment.id);
  if (!deployment) return deployment.error();
  return changed(request, held->place, *deployment);
}

Answer reject(const Request& request, Context& context, Transaction& transaction) {
  const auto held = find_held(request, context);
  if (!held) return held.error();
  auto body = Fields::read(request, {"reason"});
  if (!body) return body.error();
  const std::string reason = body->optional_text("reason").value_or("");
  GANTRY_TRY(body->check());
  if (reason.size() > kReasonMax)
    return invalid("/reason", "out_of_range", "a reason has at most 1000 bytes");
  GANTRY_TRY(check_held(held->deployment));
  const auto deployment = transaction.skip_deployment(
      held->deployment.id,
      "rejected by " + actor_name(request, context) + (reason.empty() ? "" : ": " + reason));
  if (!deployment) return deployment.error();
  return changed(request, held->place, *deployment);
}

}  // namespace gantry::api
