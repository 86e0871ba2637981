// The engine's volumes. Each is named after its id; what somebody else made under such a name is
// never touched. No call of the engine that removes several at once is used anywhere.
#include <algorithm>
#include <stop_token>

#include "runtime/docker/codec.hpp"
#include "runtime/docker/docker.hpp"
#include "runtime/docker/engine_client.hpp"
#include "runtime/volume_files.hpp"
#include "runtime/volumes.hpp"

namespace gantry {
namespace docker {
namespace {

constexpr Seconds kWalk(60);  // that long the engine may add up files

class DockerVolumes final : public Volumes {
 public:
  explicit DockerVolumes(const DockerOptions& options)
      : options_(options), client_(make_engine_client(options.socket_path)) {}

  Result<> create(const VolumeId& id) override {
    auto reply = call(Verb::post, "/volumes/create", volume_body(options_.installation_id, id));
    if (!reply) return reply.error();
    if (!reply->ok()) return status_error(*reply);
    const auto seen = parse_volume(reply->body);
    if (!seen) return seen.error();
    return is_ours(*seen, id) ? done() : Result<>(taken(name_of(id)));
  }

  Result<> remove(const VolumeId& id) override {
    const auto seen = find(id);
    if (!seen && seen.error().code == Code::not_found) return done();
    if (!seen) return seen.error();
    auto reply = call(Verb::del, "/volumes/" + name_of(id));
    if (!reply) return reply.error();
    if (reply->ok() || reply->status == 404) return done();
    if (reply->status == 409)
      return Error{
          Code::conflict, "volume_in_use",
          "a container still has the volume " + id.str() + ": " + parse_message(reply->body)};
    return status_error(*reply);
  }

  Result<std::vector<VolumeId>> list() override {
    const auto seen = all();
    if (!seen) return seen.error();
    std::vector<VolumeId> ids;
    for (const VolumeSeen& volume : *seen)
      if (auto id = VolumeId::parse(volume.volume); id && is_ours(volume, *id))
        ids.push_back(*std::move(id));
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  // By its own eyes: the engine could not be interrupted. It is asked where none can be read.
  Result<std::map<VolumeId, std::int64_t>> usage() override {
    const auto seen = all();
    if (!seen) return seen.error();
    std::map<VolumeId, std::int64_t> used;
    bool failed = false;
    for (const VolumeSeen& volume : *seen) {
      const auto id = VolumeId::parse(volume.volume);
      if (!id || !is_ours(volume, *id)) continue;
      const auto bytes = bytes_below(volume.folder, stopping_.get_token());
      if (bytes)
        used[*id] = *bytes;
      else if (stopping_.stop_requested())
        return bytes.error();
      else
        failed = true;
    }
    if (failed && used.empty()) return asked();
    return used;
  }

  void stop() override { stopping_.request_stop(); }

  Result<std::string> folder(const VolumeId& id) {
    const auto seen = find(id);
    if (!seen) return seen.error();
    return seen->folder;
  }

 private:
  std::string name_of(const VolumeId& id) const {
    return volume_name(options_.installation_id, id);
  }
  bool is_ours(const VolumeSeen& volume, const VolumeId& id) const {
    return volume.installation == options_.installation_id.str() && volume.volume == id.str() &&
           volume.name == name_of(id);
  }
  static Error taken(const std::string& name) {
    return {Code::conflict, "name_taken_by_other",
            "a volume named " + name +
                " that belongs to somebody else is on the engine: it is left alone"};
  }

  Result<EngineReply> call(Verb verb, std::string target, std::string body = {}) {
    return client_->call({.verb = verb,
                          .target = std::move(target),
                          .body = std::move(body),
                          .timeout = options_.call_timeout});
  }

  Result<VolumeSeen> find(const VolumeId& id) {
    auto reply = call(Verb::get, "/volumes/" + name_of(id));
    if (!reply) return reply.error();
    if (reply->status == 404) return not_found("volume " + id.str() + " on the engine");
    if (!reply->ok()) return status_error(*reply);
    auto seen = parse_volume(reply->body);
    if (seen && !is_ours(*seen, id)) return taken(name_of(id));
    return seen;
  }

  Result<std::vector<VolumeSeen>> all() {
    auto reply = call(
        Verb::get, "/volumes?" + label_filter(kInstallationLabel, options_.installation_id.str()));
    if (!reply) return reply.error();
    if (!reply->ok()) return status_error(*reply);
    return parse_volumes(reply->body);
  }

  Result<std::map<VolumeId, std::int64_t>> asked() {
    auto reply = client_->call({.target = "/system/df?type=volume", .timeout = kWalk});
    if (!reply) return reply.error();
    if (!reply->ok()) return status_error(*reply);
    const auto seen = parse_volumes(reply->body);
    if (!seen) return seen.error();
    std::map<VolumeId, std::int64_t> used;
    for (const VolumeSeen& volume : *seen)
      if (const auto id = VolumeId::parse(volume.volume);
          id && is_ours(volume, *id) && volume.used_bytes >= 0)
        used.emplace(*id, volume.used_bytes);
    return used;
  }

  const DockerOptions options_;
  std::unique_ptr<EngineClient> client_;
  std::stop_source stopping_;
};

}  // namespace
}  // namespace docker

std::unique_ptr<Volumes> make_docker_volumes(const DockerOptions& options) {
  return std::make_unique<docker::DockerVolumes>(options);
}

std::unique_ptr<VolumeFiles> make_docker_volume_files(const DockerOptions& options) {
  auto volumes = std::make_shared<docker::DockerVolumes>(options);
  return make_volume_files([volumes](const VolumeId& id) -> Result<std::string> {
    auto folder = volumes->folder(id);
    if (!folder && folder.error().code == Code::not_found)
      return Error{Code::conflict, "volume_not_made",
                   "the volume is empty: it is made when a service mounts it for the first time"};
    return folder;
  });
}

}  // namespace gantry
