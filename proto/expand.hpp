// What a shell would only be needed for to put variables into words: `app --port $PORT`. So that an
// image without /bin/sh can have such a command, and the program gets its signals itself. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry {

// The value of a variable; nothing: it is not known here, and the image may set it.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;

// An argv of command_argv() with $NAME, ${NAME} and ${NAME:-otherwise} in their values, in exec
// form, where that is exactly what the shell would run; everything else stays as it is.
std::vector<std::string> expanded(std::vector<std::string> argv, const VariableLookup&);

// Whether it has variables, and expanded() could do without the shell if it knew them all.
bool only_expands(const std::vector<std::string>& argv);

}  // namespace gantry
