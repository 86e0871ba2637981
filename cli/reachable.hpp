// A service's variables with hosts that this machine reaches: its tunnels are open while it lives.
#pragma once

#include <list>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "cli/listener.hpp"
#include "cli/private_hosts.hpp"
#include "cli/session.hpp"

namespace gantry::cli {

class Reachable {
 public:
  // Opens a tunnel for each private host that the service's variables name.
  Reachable(Session&, const Place&);
  const Values& variables() const { return variables_; }

 private:
  int local_port(const std::string& service, int port);

  Session& session_;
  const Place place_;
  std::set<std::string> services_;  // of the environment
  std::map<std::pair<std::string, int>, int> ports_;
  std::list<Listener> listeners_;
  Values variables_;
};

}  // namespace gantry::cli
