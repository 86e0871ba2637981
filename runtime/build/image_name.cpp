#include "runtime/build/image_name.hpp"

#include "proto/built_image.hpp"

namespace gantry {
namespace {

constexpr std::size_t kOwnCharacters = 8;  // the random end of a ULID: 40 bits

}  // namespace

std::string built_image_prefix(const InstallationId& installation) {
  const auto ulid = installation.ulid();
  return std::string(kBuiltImages) + std::string(ulid.substr(ulid.size() - kOwnCharacters)) + "/";
}

std::string built_image_name(const InstallationId& installation, const InstanceId& instance,
                             const DeploymentId& deployment) {
  return built_image_prefix(installation) + std::string(instance.ulid()) + ":" +
         std::string(deployment.ulid());
}

std::optional<BuiltImageOwner> built_image_owner(const InstallationId& installation,
                                                 std::string_view name) {
  const std::string prefix = built_image_prefix(installation);
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto instance = InstanceId::parse(std::string(InstanceTag::prefix) + "_" +
                                          std::string(name.substr(0, colon)));
  const auto deployment = DeploymentId::parse(std::string(DeploymentTag::prefix) + "_" +
                                              std::string(name.substr(colon + 1)));
  if (!instance || !deployment) return std::nullopt;
  return BuiltImageOwner{*instance, *deployment};
}

}  // namespace gantry
