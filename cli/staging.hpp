// Changes that are made at once, or, with --stage, kept for `staged apply`: what every verb that
// changes an environment sends goes through here.
#pragma once

#include <optional>
#include <string>

#include "cli/session.hpp"

namespace gantry::cli {

bool is_staged(const Session&);

// Sends a change. With --stage the server keeps it, what waits by now is told, and there is
// nothing.
std::optional<Json> change(Session&, const std::string& method, const std::string& path,
                           const std::string& body = "{}");

// With --stage: what is staged of a path; nothing: it is not.
std::optional<Json> staged_change(Session&, const Place& environment, const std::string& path);

// Of a service that is only staged, by its name: a place without an instance. Nothing: there is
// none.
std::optional<Place> find_staged_service(Session&, Place environment, const std::string& name);

}  // namespace gantry::cli
