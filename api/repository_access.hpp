// What opens a repository, and all else that the services share which follow it: read out of a
// body, and who may change it.
#pragma once

#include <string>
#include <tuple>

#include "api/body.hpp"
#include "api/http.hpp"
#include "proto/git.hpp"

namespace gantry::api {

Result<> read_forge(Fields& body, Repository&);
// A token goes to the host that it was given for: with another one it is to be given again.
Result<> read_access(Fields& body, Repository&);
Result<> check_poll(const Repository&);

// Two of them are compared.
using Access = std::tuple<Forge, std::string, std::string, std::string, std::string, bool, int>;
Access access_of(const Repository&);
// Who may change what services of other environments are fetched with: who may change those,
// too. Code::forbidden "repository_shared".
Result<> check_others(const Context&, GitLedger&, const RepositoryId&);

}  // namespace gantry::api
