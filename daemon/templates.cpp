#include "daemon/templates.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/log.hpp"
#include "proto/template_catalogue.hpp"
#include "runtime/files.hpp"

namespace gantry {
namespace embedded {
extern const std::vector<std::pair<std::string_view, std::string_view>> templates;
}
namespace {

std::vector<std::filesystem::path> files_of(const std::string& folder) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const auto ending = entry.path().extension();
    if (ending == ".yaml" || ending == ".yml") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::shared_ptr<const Templates> load_templates(const std::string& folder) {
  auto all = std::make_shared<TemplateCatalogue>();
  for (const auto& [name, text] : embedded::templates)
    if (const auto added = all->add(name, text); !added)
      log::error(fmt::format("template unreadable: {}", added.error().detail));
  for (const auto& path : files_of(folder)) {
    const auto text = read_whole(path.string());
    const Result<> added = text ? all->add(path.string(), *text) : Result<>(text.error());
    if (!added) log::warn(fmt::format("template left out: {}", added.error().detail));
  }
  for (const Template* each : all->all())
    for (const TemplateService& service : each->services)
      if (const auto whole = complete(*all, service); !whole)
        log::warn(fmt::format("template {} cannot be taken: {}", each->name, whole.error().detail));
  return all;
}

}  // namespace gantry
