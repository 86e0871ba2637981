// Programs in the containers of a service, as if they ran here.
#pragma once

#include <string>
#include <vector>

#include "cli/clients.hpp"
#include "cli/pump.hpp"
#include "cli/session.hpp"

namespace gantry::cli {

struct RemoteCall {
  std::vector<std::string> command;
  std::string replica = {};  // its id or number; empty: the best one
  bool one_off = false;      // in a container of its own, whatever runs
};

// With a terminal when stdin and stdout are one. Where it runs is told on stderr, nothing of ours
// on stdout. Throws Failure when the server refuses.
PumpEnd run_remote(Session&, const Place&, const RemoteCall&);
// The program's exit code; how it failed otherwise is thrown. 127: there is no such program.
int exit_code_of(const PumpEnd&, const RemoteCall&);

// Of the place's service, references filled in.
Values rendered_variables(Session&, const Place&);
std::string image_of(const Place&);  // empty: it is built from source

}  // namespace gantry::cli
