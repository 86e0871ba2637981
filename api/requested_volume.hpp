// What a request says of a volume, made at once or staged.
#pragma once

#include <optional>
#include <string>

#include "api/http.hpp"

namespace gantry::api {

struct RequestedVolume {
  Name name;
  std::int64_t size_bytes = 0;              // 0: no budget
  std::optional<std::string> service = {};  // with a mount path, or without either
  std::optional<std::string> mount_path = {};
};
Result<RequestedVolume> read_requested_volume(const Request&);

Result<VolumeChange> read_volume_change(const Request&);

struct RequestedMount {
  std::string service;
  std::string mount_path;
};
// Without a path it keeps the one it has; none: the path is required.
Result<RequestedMount> read_attachment(const Request&, const std::string& present_path);

}  // namespace gantry::api
