// Health from outside the container: an HTTP GET that must answer 2xx, or a TCP connect. Sends
// "Host: healthcheck.railway.app" (what Railway's prober sends). One thread, any number of probes
// under way. Or from inside it: a program that must exit with 0.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/driver.hpp"

namespace gantry {

struct ProbeTarget {
  Address address;
  std::optional<std::string> path;  // absent: TCP
  Duration timeout = Seconds(5);
  std::vector<std::string> command = {};  // argv; run in the container instead of all that
  std::string container_id = {};          // with a command
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

class Exec;
// Runs commands, so many at once, each on a thread; what has none goes to `others`. `exec` outlives
// it.
std::unique_ptr<Prober> make_command_prober(Exec& exec, std::unique_ptr<Prober> others,
                                            int threads = 4);

}  // namespace gantry
