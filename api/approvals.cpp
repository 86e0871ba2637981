// What an owner says to a deployment that needs an approval.
#include "api/authority.hpp"
#include "api/body.hpp"
#include "api/deploying.hpp"
#include "api/reply.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kReasonMax = 1000;

Result<> check_held(const Deployment& deployment) {
  if (deployment.status == DeploymentStatus::needs_approval) return done();
  return Error{Code::conflict, "not_held",
               "this deployment needs no approval: it is " + std::string(name(deployment.status))};
}

}  // namespace

Answer approve(const Request& request, Context& context, Transaction& transaction) {
  const auto held = find_placed(request, context);
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
  const auto held = find_placed(request, context);
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
