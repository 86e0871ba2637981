// Texts made from the table of commands. "{program}" stands for the program's name.
#pragma once

#include <string>

namespace gantry::cli {

std::string help_text(const std::string& path);  // of one command or a group; "": of all
std::string man_page();                          // troff: gantry.1
std::string completion_script(const std::string& shell, const std::string& program);

}  // namespace gantry::cli
