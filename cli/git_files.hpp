// Where git keeps rules besides .gitignore (gitignore(5), gitrepository-layout(5)). Reads files,
// starts no program.
#pragma once

#include <optional>
#include <string>

namespace gantry::cli {

// The contents of a file of rules; nothing when there is none. Throws Failure when there is one
// that cannot be read.
std::optional<std::string> read_rules(const std::string& path);

bool is_work_tree(const std::string& directory);  // it holds .git

// info/exclude of the repository whose work tree this is; also of a linked work tree or submodule,
// where .git is a file.
std::string exclude_file(const std::string& work_tree);

// core.excludesFile out of the text of a git configuration; "~/" is left as it is.
std::optional<std::string> excludes_setting(const std::string& config);

// core.excludesFile of the user or of the system, else git/ignore beside the user's configuration.
std::string global_excludes_file();

}  // namespace gantry::cli
