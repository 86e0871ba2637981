#include "runtime/docker/networks.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "proto/percent.hpp"
#include "runtime/docker/codec.hpp"

namespace gantry::docker {
namespace {

constexpr auto kEndpointPatience = std::chrono::seconds(3);
constexpr auto kEndpointPause = std::chrono::milliseconds(100);

}  // namespace

Result<> Networks::ensure(const NetworkSpec& network) {
  {
    const std::scoped_lock lock(mutex_);
    if (present_.contains(network.environment_id)) return done();
  }
  const std::scoped_lock one_at_a_time(creating_);
  {
    const std::scoped_lock lock(mutex_);
    if (present_.contains(network.environment_id)) return done();
  }
  GANTRY_TRY(create(network));
  const std::scoped_lock lock(mutex_);
  present_.insert(network.environment_id);
  return done();
}

Result<> Networks::create(const NetworkSpec& network) {
  const EngineRequest request{.verb = Verb::post,
                              .target = "/networks/create",
                              .body = network_body(network, installation_)};
  auto reply = client_.call(request);
  if (!reply) return reply.error();
  if (reply->ok()) return done();
  const std::string message = parse_message(reply->body);
  if (reply->status == 409) {
    auto found = client_.call({.target = "/networks/" + percent_encode(network.name)});
    if (!found) return found.error();
    if (!found->ok()) return status_error(*found);
    auto seen = parse_network(found->body);
    if (!seen) return seen.error();
    if (seen->installation == installation_.str() &&
        seen->environment == network.environment_id.str())
      return done();
    return Error{Code::conflict, "name_taken_by_other",
                 "a network named " + network.name +
                     " that belongs to somebody else is on the engine; remove or rename it"};
  }
  if (message.find("overlap") != std::string::npos ||
      message.find("address pool") != std::string::npos)
    return Error{Code::exhausted, "network_overlap",
                 "the subnet " + network.subnet + " overlaps with another network: " + message};
  return status_error(*reply);
}

void Networks::forget(const EnvironmentId& environment) {
  const std::scoped_lock lock(mutex_);
  present_.erase(environment);
}

Result<std::vector<EnvironmentId>> Networks::list() {
  auto reply = client_.call(
      {.target = "/networks?" + label_filter(kInstallationLabel, installation_.str())});
  if (!reply) return reply.error();
  if (!reply->ok()) return status_error(*reply);
  auto seen = parse_networks(reply->body);
  if (!seen) return seen.error();
  std::vector<EnvironmentId> environments;
  for (const NetworkSeen& network : *seen)
    if (auto id = EnvironmentId::parse(network.environment)) environments.push_back(*id);
  std::sort(environments.begin(), environments.end());
  return environments;
}

Result<> Networks::remove(const EnvironmentId& environment) {
  const std::string filter = label_filter(kEnvironmentLabel, environment.str());
  auto containers = client_.call({.target = "/containers/json?all=1&" + filter});
  if (!containers) return containers.error();
  if (!containers->ok()) return status_error(*containers);
  auto left = parse_list(containers->body);
  if (!left) return left.error();
  if (!left->empty())
    return Error{Code::conflict, "network_in_use",
                 "containers are left in the network of " + environment.str()};
  auto networks = client_.call({.target = "/networks?" + filter});
  if (!networks) return networks.error();
  if (!networks->ok()) return status_error(*networks);
  auto seen = parse_networks(networks->body);
  if (!seen) return seen.error();
  forget(environment);
  for (const NetworkSeen& network : *seen)
    if (network.installation == installation_.str()) GANTRY_TRY(remove_empty(network.id));
  return done();
}

// The engine says "has active endpoints" for a moment after the last container went.
Result<> Networks::remove_empty(const std::string& network_id) {
  const auto deadline = std::chrono::steady_clock::now() + kEndpointPatience;
  for (;;) {
    auto reply = client_.call({.verb = Verb::del, .target = "/networks/" + network_id});
    if (!reply) return reply.error();
    if (reply->ok() || reply->status == 404) return done();
    if (reply->status != 403 && reply->status != 409) return status_error(*reply);
    if (std::chrono::steady_clock::now() > deadline)
      return Error{Code::conflict, "network_in_use", parse_message(reply->body)};
    std::this_thread::sleep_for(kEndpointPause);
  }
}

}  // namespace gantry::docker
