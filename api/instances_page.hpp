// The instances of an environment, a page at a time: for whatever is told of each.
#pragma once

#include <functional>

#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/page.hpp"

namespace gantry::api {

// `append` gets the place with its service and its instance.
Answer page_of_instances(const Request&, const Context&, const PageRequest&, Place,
                         const std::function<void(std::string& out, const Place&)>& append);

}  // namespace gantry::api
