// Tells systemd how the daemon is doing (sd_notify's protocol, by hand); nothing when it was not
// started by systemd.
#pragma once

#include <string>

namespace gantry {

void notify_systemd(const std::string& state);  // "READY=1", "STOPPING=1", "STATUS=..."

}  // namespace gantry
