// Health from outside the container: an HTTP GET that must answer 2xx, or a TCP connect. Sends
// "Host: healthcheck.railway.app" (what Railway's prober sends). One thread, any number of probes
// under way.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/driver.hpp"

namespace gantry {

struct ProbeTarget {
  Address address;
  std::optional<std::string> path;  // absent: TCP
  Duration timeout = Seconds(5);
};

struct ProbeOutcome {
  bool ok = false;
  std::string detail;  // "connection refused", "answered 503", "no answer within 5 s"
};

class Prober {
 public:
  virtual ~Prober() = default;
  // `done` is called once, on the prober's thread.
  virtual void probe(const ProbeTarget&, std::function<void(ProbeOutcome)> done) = 0;
};

std::unique_ptr<Prober> make_prober();

}  // namespace gantry
