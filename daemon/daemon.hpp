// The whole daemon, composed: database, store, logs, driver, edge, prober, reconciler, server, in
// this order; taken down in the reverse one. Containers and the edge stay up.
#pragma once

#include <memory>

#include "daemon/config.hpp"

namespace gantry {

class Daemon {
 public:
  virtual ~Daemon() = default;
  virtual Result<> start() = 0;
  virtual void stop() = 0;
};

std::unique_ptr<Daemon> make_daemon(const Config&);

}  // namespace gantry
