// A command line of a person as the argv of a container: in exec form when that means the same,
// else through the image's /bin/sh. Pure; nothing is expanded or run here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

// "node server.js" is {"node","server.js"}; "app --port $PORT" is {"/bin/sh","-c","exec app --port
// $PORT"} (exec: the program itself gets the signals); "a && b" is {"/bin/sh","-c","a && b"}. Blank
// text is empty. Unbalanced quotes are Code::invalid.
Result<std::vector<std::string>> command_argv(std::string_view command);

// A command line that command_argv turns into this argv again, as a person would have written it.
std::string command_text(const std::vector<std::string>& argv);

// Whether command_argv had to use the shell.
bool through_shell(const std::vector<std::string>& argv);

}  // namespace gantry
