// A plan as people see it, agree to it and have it carried out: shared by `config`, `environment`
// and `staged`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/session.hpp"

namespace gantry::cli {

// Members of a body; the values are JSON already.
using Members = std::vector<std::pair<std::string, std::string>>;

std::vector<Option> consent_options();

// "~ services.api.source.image: nginx:1.27 -> nginx:1.28 (deploys)" and what it comes down to.
void print_plan(const Json& plan);
// Shows it; 0, or 2 with --detailed-exit-code when there are steps.
int show_plan(Session&, const Json& plan);
// Shows a plan, asks on a terminal, and posts `body` with its hash and what was confirmed.
int carry_out(Session&, const Json& plan, const std::string& path, Members body);

}  // namespace gantry::cli
