#include "runtime/docker/mounts.hpp"

#include "runtime/docker/codec.hpp"
#include "runtime/volumes.hpp"

namespace gantry::docker {

Result<> check_mounts(const GetFromEngine& get, const InstallationId& installation,
                      const std::vector<Mount>& mounts, const std::string& own_name) {
  if (mounts.empty()) return done();
  std::vector<std::string> names;
  for (const Mount& mount : mounts) {
    names.push_back(volume_name(installation, mount.volume_id));
    auto reply = get("/volumes/" + names.back());
    if (!reply) return reply.error();
    if (reply->status == 404)
      return Error{Code::invalid, "volume_missing",
                   "the volume " + mount.volume_id.str() + " (" + names.back() +
                       ") is not on the engine: nothing starts with an empty one in its place"};
    if (!reply->ok()) return status_error(*reply);
  }
  auto reply = get("/containers/json?" + volume_filter(names));
  if (!reply) return reply.error();
  if (!reply->ok()) return status_error(*reply);
  const auto holders = parse_names(reply->body);
  if (!holders) return holders.error();
  for (const std::string& holder : *holders)
    if (holder != own_name)
      return Error{Code::conflict, "volume_in_use",
                   "the container " + holder + " still has a volume that this one would mount"};
  return done();
}

}  // namespace gantry::docker
