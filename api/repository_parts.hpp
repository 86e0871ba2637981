// What the handlers of repositories share: look-ups and JSON.
#pragma once

#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "runtime/git/desk.hpp"

namespace gantry::api {

// 503 when the daemon has none.
Result<GitDesk*> git_of(const Context&);
// {repository}, the second parameter: one of the project's.
Result<Repository> find_repository(const Request&, const Context&, const Place&);

// With the hook's secret only where it was made just now.
enum class Secret { hidden, shown };
void append_json(std::string& out, const Repository&, Secret);
void append_json(std::string& out, const Connection&, const Repository&, Secret);
void append_json(std::string& out, const Pull&);

}  // namespace gantry::api
