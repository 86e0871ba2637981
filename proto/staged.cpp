#include "proto/staged.hpp"

#include <algorithm>

namespace gantry {
namespace {

Error refused(const std::string& pointer, std::string reason, std::string detail) {
  return {Code::invalid, "invalid_document", detail, {{pointer, std::move(reason), detail}}};
}

void set(DocumentVariables& variables, const std::string& name,
         const std::optional<std::string>& value) {
  if (value)
    variables[name] = {.value = *value};
  else
    variables.erase(name);
}

Result<> change_service(Document& document, const std::string& name, const std::string& rest,
                        const StagedChange& change) {
  const auto found = document.services.find(name);
  if (found == document.services.end())
    return refused("/services/" + name, "unknown_service",
                   "there is no service " + name + " that " + change.path +
                       " could be of: discard that change, or stage the service");
  constexpr std::string_view variables = "variables.";
  if (rest.starts_with(variables))
    set(found->second.variables, rest.substr(variables.size()), change.value);
  else if (change.value)
    found->second.settings[rest] = *change.value;
  else
    found->second.settings.erase(rest);
  return done();
}

// An image takes the place of an archive, and so on: as if it were read.
Result<> normalise(Document& document) {
  for (auto& [name, service] : document.services) {
    if (is_short(service)) continue;
    const auto settings = settings_of(service.settings, service.from_template, "/services/" + name);
    if (!settings) return settings.error();
    service.settings = setting_values(*settings);
  }
  return done();
}

}  // namespace

Result<Document> with_changes(Document document, const std::vector<StagedChange>& changes) {
  std::vector<const StagedChange*> sorted;
  for (const StagedChange& each : changes) sorted.push_back(&each);
  std::sort(sorted.begin(), sorted.end(),  // a service before what is in it
            [](const StagedChange* a, const StagedChange* b) { return a->path < b->path; });
  constexpr std::string_view shared = "shared.", services = "services.";
  for (const StagedChange* change : sorted) {
    const std::string& path = change->path;
    if (path.starts_with(shared)) {
      set(document.shared, path.substr(shared.size()), change->value);
      continue;
    }
    const auto dot = path.find('.', services.size());
    const std::string name = path.substr(services.size(), dot - services.size());
    if (dot != std::string::npos) {
      GANTRY_TRY(change_service(document, name, path.substr(dot + 1), *change));
    } else if (change->value) {
      document.services.try_emplace(name);
    } else {
      const auto gone = document.services.find(name);
      if (gone != document.services.end()) document.services.erase(gone);
      for (auto& [other, service] : document.services)
        if (service.split && service.split->service == name) service.split.reset();
    }
  }
  GANTRY_TRY(normalise(document));
  return document;
}

}  // namespace gantry
