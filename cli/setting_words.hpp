// Settings of a service as words: deploy.healthcheck_path=/health. Pure.
#pragma once

#include <string>
#include <vector>

namespace gantry::cli {

// The words as one merge patch, {"deploy":{"healthcheck_path":"/health"}}. A value that is a JSON
// number, list, object, true, false or null is that (null: the default again); everything else,
// also in double quotes, is text. Throws Failure (kUnreadable): no KEY=VALUE, a key twice, a key
// outside of source, build and deploy.
std::string settings_patch(const std::vector<std::string>& words);

}  // namespace gantry::cli
