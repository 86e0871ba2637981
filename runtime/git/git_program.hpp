// How the program git is started and what its complaints mean. Pure, but for the key's file.
#pragma once

#include <map>
#include <string>

#include "runtime/git/fetch.hpp"

namespace gantry {

// All that it gets; nothing is inherited. The token is in a header that is sent to the repository's
// own host alone.
std::map<std::string, std::string> git_environment(const GitOptions&, const std::string& url,
                                                   const GitCredential&, const std::string& home);

// The file of the key that git_environment() names, with mode 600. No key: nothing to write.
Result<> write_ssh_key(const GitCredential&, const std::string& home);

// What it said, as one of fetch()'s errors. `subject` names what was asked for.
Error git_error(const std::string& output, const std::string& subject, const GitCredential&);

std::string base64(const std::string& bytes);

}  // namespace gantry
