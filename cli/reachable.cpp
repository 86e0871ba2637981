#include "cli/reachable.hpp"

#include "cli/local.hpp"
#include "cli/remote.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {

Reachable::Reachable(Session& session, const Place& place) : session_(session), place_(place) {
  for (const Json& each : session.client().list(place.environment_path() + "/services"))
    services_.insert(each["service"]["name"].text());
  variables_ = with_local_hosts(
      rendered_variables(session, place),
      [this](const std::string& service, int port) { return local_port(service, port); });
  std::erase_if(variables_, [](const auto& variable) { return is_hook(variable.first); });
}

int Reachable::local_port(const std::string& service, int port) {
  const auto known = ports_.find({service, port});
  if (known != ports_.end()) return known->second;
  if (!services_.contains(service)) {
    session_.warn("there is no service " + service + " in " + place_.environment +
                  ": its host stays as it is");
    return ports_[{service, port}] = 0;
  }
  TunnelTarget target{place_.environment_path() + "/services/" + percent_encode(service), port};
  const Listener& listener = listeners_.emplace_back(
      session_.access(), std::move(target), 0, [this, service](const std::string& why) {
        session_.warn("tunnel to " + service + ": " + why);
      });
  session_.note("127.0.0.1:" + std::to_string(listener.port()) + " leads to " + service +
                (port == 0 ? "" : ":" + std::to_string(port)));
  return ports_[{service, port}] = listener.port();
}

}  // namespace gantry::cli
