#include "api/requested_volume.hpp"

#include "api/body.hpp"

namespace gantry::api {
namespace {

constexpr std::int64_t kSizeMax = std::int64_t{1} << 50;  // 1 PiB

}  // namespace

Result<RequestedVolume> read_requested_volume(const Request& request) {
  auto body = Fields::read(request, {"name", "size_bytes", "service", "mount_path"});
  if (!body) return body.error();
  RequestedVolume wanted{.name = body->name("name"),
                         .size_bytes = body->optional_bytes("size_bytes", kSizeMax).value_or(0),
                         .service = body->optional_text("service"),
                         .mount_path = body->optional_mount_path("mount_path")};
  if (wanted.service && !body->has("mount_path")) body->missing("mount_path");
  if (wanted.mount_path && !body->has("service")) body->missing("service");
  GANTRY_TRY(body->check());
  return wanted;
}

Result<VolumeChange> read_volume_change(const Request& request) {
  auto body = Fields::read(request, {"name", "size_bytes"});
  if (!body) return body.error();
  VolumeChange change{.name = body->optional_name("name"),
                      .size_bytes = body->optional_bytes("size_bytes", kSizeMax)};
  GANTRY_TRY(body->check());
  return change;
}

Result<RequestedMount> read_attachment(const Request& request, const std::string& present_path) {
  auto body = Fields::read(request, {"service", "mount_path"});
  if (!body) return body.error();
  RequestedMount wanted{
      .service = body->text("service"),
      .mount_path = body->optional_mount_path("mount_path").value_or(present_path)};
  if (wanted.mount_path.empty() && !body->has("mount_path")) body->missing("mount_path");
  GANTRY_TRY(body->check());
  return wanted;
}

}  // namespace gantry::api
