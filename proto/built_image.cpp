#include "proto/built_image.hpp"

#include <algorithm>
#include <string>

namespace gantry {
namespace {

// Without a registry's host: the engine takes that of its standard one for nothing.
std::string_view familiar(std::string_view image) {
  const auto slash = std::min(image.find('/'), image.size());
  const std::string_view first = image.substr(0, slash);
  const bool host = first == "localhost" || first.find_first_of(".:") != std::string_view::npos;
  return host && slash < image.size() ? image.substr(slash + 1) : image;
}

}  // namespace

bool is_built_image(std::string_view image) { return familiar(image).starts_with(kBuiltImages); }

std::optional<InstanceId> instance_of_built_image(std::string_view image) {
  image = familiar(image);
  if (!image.starts_with(kBuiltImages)) return std::nullopt;
  image.remove_prefix(kBuiltImages.size());
  image.remove_prefix(std::min(image.find('/'), image.size() - 1) + 1);
  const auto id = InstanceId::parse(std::string(InstanceTag::prefix) + "_" +
                                    std::string(image.substr(0, image.find_first_of(":@"))));
  if (!id) return std::nullopt;
  return *id;
}

}  // namespace gantry
