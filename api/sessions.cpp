// A command, a shell or a tunnel is asked for here and opened with a ticket (daemon/upgrade.cpp).
#include <algorithm>
#include <charconv>

#include "api/body.hpp"
#include "api/command.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/reply.hpp"
#include "api/tickets.hpp"
#include "api/write.hpp"
#include "proto/json.hpp"

namespace gantry::api {
namespace {

constexpr int kSizeMost = 65535;

bool runs(const Replica& replica) {
  return replica.status == ReplicaStatus::running && !replica.container_id.empty();
}

DeploymentStatus status_of(const InstanceView& view, const DeploymentId& id) {
  for (const auto& deployment : view.deployments)
    if (deployment->id == id) return deployment->status;
  return DeploymentStatus::removed;
}

// The one that people mean when they name none: it serves, and is the newest of those that do.
bool is_better(const InstanceView& view, const Replica& a, const Replica& b) {
  const auto rank = [&](const Replica& replica) {
    const bool serves = status_of(view, replica.key.deployment_id) == DeploymentStatus::success;
    return std::tuple(replica.ready, serves, replica.key.deployment_id, -replica.key.ordinal);
  };
  return rank(a) > rank(b);
}

Error not_running(const Place& place) {
  return {Code::conflict, "not_running",
          "no replica of " + place.service->name.str() + " runs in " +
              place.environment->environment.name.str() + " now"};
}

// Of those that run; nothing when none does. `wanted`: its id or its ordinal.
Result<std::optional<Replica>> find_replica(const Place& place, Context& context,
                                            const std::optional<std::string>& wanted) {
  auto replicas = context.store.replicas(place.instance->instance.id);
  if (!replicas) return replicas.error();
  std::optional<Replica> best;
  for (const Replica& replica : *replicas) {
    const bool named =
        !wanted || *wanted == replica.key.id() || *wanted == std::to_string(replica.key.ordinal);
    if (named && runs(replica) && (!best || is_better(*place.instance, replica, *best)))
      best = replica;
  }
  if (wanted && !best)
    return invalid("/replica", "unknown_replica",
                   "no such replica runs: name one by its id or its number, see the replicas");
  return best;
}

// Whose image a container of its own gets.
Result<DeploymentId> find_image(const Place& place) {
  // Not of one that somebody has yet to let in, or did not.
  const auto has_image = [](const auto& each) {
    return (!each->progress.image.empty() || each->settings.source.image) &&
           !is_held(each->status) && each->status != DeploymentStatus::skipped;
  };
  const auto& all = place.instance->deployments;
  auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) {
    return has_served(each->status) && has_image(each);
  });
  if (found == all.end()) found = std::find_if(all.begin(), all.end(), has_image);
  if (found == all.end())
    return Error{Code::conflict, "nothing_deployed",
                 place.service->name.str() + " has no image here yet: deploy it first"};
  return (*found)->id;
}

SessionOrder new_order(const Request& request, const Context& context, const Place& place) {
  return {.session_id = SessionId::make(context.clock.now()),
          .token_id = request.token_id,
          .instance_id = place.instance->instance.id};
}

Answer ticket_for(const Request& request, Context& context, const SessionOrder& order) {
  const TimePoint now = context.clock.now();
  auto ticket = is_dry_run(request) ? Result<std::string>(Tickets::sample())
                                    : context.tickets->issue(order, now);
  if (!ticket) return ticket.error();
  Response response;
  response.status = 201;
  response.headers.emplace_back("Location", "/v1/sessions/" + *ticket);
  JsonObject(response.body)
      .text("session_id", order.session_id.str())
      .text("ticket", *ticket)
      .text("url", "/v1/sessions/" + *ticket)
      .time("expires_at", now + Tickets::kLife)
      .text_or_null("replica_id", order.replica_id)
      .boolean("one_off", order.is_one_off());
  return response;
}

}  // namespace

Answer open_exec(const Request& request, Context& context, Transaction&) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"command", "terminal", "replica", "one_off", "input"});
  if (!body) return body.error();
  SessionOrder order = new_order(request, context, *place);
  order.command = body->texts("command");
  if (body->has_value("terminal")) {
    Fields size = body->object("terminal", {"columns", "rows"});
    order.terminal = TerminalSize{.columns = size.integer("columns", 1, kSizeMost),
                                  .rows = size.integer("rows", 1, kSizeMost)};
    body->take_errors(size);
  }
  const auto wanted = body->optional_text("replica");
  const bool one_off = body->flag("one_off", false);
  order.input = body->flag("input", true);
  GANTRY_TRY(body->check());
  GANTRY_TRY(check_command(order.command));
  if (one_off && wanted)
    return invalid("/replica", "not_both",
                   "a container of its own is no replica: name one or ask for one_off");
  if (!one_off) {
    const auto replica = find_replica(*place, context, wanted);
    if (!replica) return replica.error();
    if (*replica) {
      order.replica_id = (*replica)->key.id();
      order.container_id = (*replica)->container_id;
      order.deployment_id = (*replica)->key.deployment_id;
    }
  }
  if (order.is_one_off()) {
    const auto deployment = find_image(*place);
    if (!deployment) return deployment.error();
    order.deployment_id = *deployment;
  }
  return ticket_for(request, context, order);
}

Answer open_tunnel(const Request& request, Context& context, Transaction&) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"port", "replica"});
  if (!body) return body.error();
  const auto port =
      body->has("port") ? std::optional(body->integer("port", 1, kSizeMost)) : std::nullopt;
  const auto wanted = body->optional_text("replica");
  GANTRY_TRY(body->check());
  const auto replica = find_replica(*place, context, wanted);
  if (!replica) return replica.error();
  if (!*replica) return not_running(*place);
  const std::string& address = (*replica)->address;
  const auto colon = address.rfind(':');
  if (colon == std::string::npos)
    return Error{Code::conflict, "no_address",
                 place->service->name.str() + " has no port: nothing can be reached in it"};
  SessionOrder order = new_order(request, context, *place);
  order.replica_id = (*replica)->key.id();
  order.deployment_id = (*replica)->key.deployment_id;
  order.address.host = address.substr(0, colon);
  std::from_chars(address.data() + colon + 1, address.data() + address.size(), order.address.port);
  if (port) order.address.port = *port;
  return ticket_for(request, context, order);
}

}  // namespace gantry::api
