// Questions to a person, only ever on a terminal. Leaving one (Ctrl-C, Ctrl-D) throws Failure with
// kCancelled.
#pragma once

#include <string>
#include <vector>

#include "cli/session.hpp"

namespace gantry::cli {

bool may_prompt(const Session&);  // stdin and stderr are terminals, and no --json
std::string ask(const std::string& question);
std::string ask_secret(const std::string& question);
std::size_t ask_choice(const std::string& question, const std::vector<std::string>& choices);

// Returns when -y was given or the person agreed; off a terminal -y is needed.
void confirm(Session&, const std::string& what);

std::string read_stdin();

}  // namespace gantry::cli
