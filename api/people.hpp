// What the handlers about people share.
#pragma once

#include "api/body.hpp"

namespace gantry::api {

// 503 where there are none.
Result<People*> people_of(const Context&);
// The environment that a body or a query names; null: it names none.
Result<const EnvironmentView*> find_part(const ProjectSnapshot&,
                                         const std::optional<std::string>& environment,
                                         const std::string& pointer);
// The environment that a role is for; absent: the whole project. Code::forbidden for who does not
// decide about people there.
Result<> place_role(const Context&, EnvironmentId&, const ProjectSnapshot&,
                    const std::optional<std::string>& environment, const std::string& pointer);
Role read_role(Fields&);  // the required member "role"

}  // namespace gantry::api
