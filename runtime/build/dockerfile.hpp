// What a Dockerfile asks for, as far as the builder has to know. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace gantry {

// Names declared with ARG in any stage or before the first. A few more, from texts in heredocs, do
// no harm: arguments that nothing declares only make the engine warn.
std::set<std::string> declared_arguments(std::string_view dockerfile);

// Whether a RUN may mount a secret.
bool mounts_secrets(std::string_view dockerfile);

}  // namespace gantry
