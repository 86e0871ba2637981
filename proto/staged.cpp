#include "proto/staged.hpp"

#include <algorithm>
#include <charconv>

namespace gantry {
namespace {

constexpr std::string_view kShared = "shared.", kServices = "services.", kDomains = "domains.",
                           kVolumes = "volumes.", kVariables = "variables.";

Error refused(const std::string& pointer, std::string reason, std::string detail) {
  return {Code::invalid, "invalid_document", detail, {{pointer, std::move(reason), detail}}};
}

Error no_service(const std::string& name, const StagedChange& change) {
  return refused("/services/" + name, "unknown_service",
                 "there is no service " + name + " that " + change.path +
                     " could be of: discard that change, or stage the service");
}

// "api.deploy.port": "api" and "deploy.port".
std::pair<std::string, std::string> split(std::string_view text, char at) {
  const auto found = text.find(at);
  if (found == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, found)), std::string(text.substr(found + 1))};
}

template <class Number>
Number number_in(std::string_view text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void set(DocumentVariables& variables, const std::string& name,
         const std::optional<std::string>& value) {
  if (value)
    variables[name] = {.value = *value};
  else
    variables.erase(name);
}

class Changed {
 public:
  explicit Changed(Document& document) : document_(document) {}

  // What is made before what is in it; what is in something before that goes.
  Result<> run(const std::vector<StagedChange>& changes) {
    for (const StagedChange& each : changes) GANTRY_TRY(change_services(each));
    for (const StagedChange& each : changes) GANTRY_TRY(change_places(each));
    for (const std::string& name : leaving_) drop_service(name);
    return normalise();
  }

 private:
  Result<> change_services(const StagedChange& change) {
    const std::string_view path = change.path;
    if (path.starts_with(kShared)) {
      set(document_.shared, std::string(path.substr(kShared.size())), change.value);
      return done();
    }
    if (!path.starts_with(kServices)) return done();
    const auto [name, rest] = split(path.substr(kServices.size()), '.');
    if (!rest.empty()) return change_service(name, rest, change);
    if (change.value)
      document_.services.try_emplace(name);
    else
      leaving_.insert(name);
    return done();
  }

  // Null: there is none, or it goes.
  DocumentService* service(const std::string& name) {
    const auto found = document_.services.find(name);
    return found == document_.services.end() || leaving_.contains(name) ? nullptr : &found->second;
  }

  Result<> change_service(const std::string& name, const std::string& rest,
                          const StagedChange& change) {
    DocumentService* found = service(name);
    if (found == nullptr) return no_service(name, change);
    if (rest.starts_with(kVariables)) {
      set(found->variables, rest.substr(kVariables.size()), change.value);
    } else if (rest == "split") {
      found->split.reset();
      if (!change.value) return done();
      const auto [to, percent] = gantry::split(*change.value, ' ');
      found->split = {to, number_in<int>(percent)};
    } else if (rest == "tcp_proxy") {
      found->tcp_proxy.reset();
      if (!change.value) return done();
      const auto [port, target] = gantry::split(*change.value, ' ');
      found->tcp_proxy = {number_in<int>(port), number_in<int>(target)};
    } else {
      if (change.value)
        found->settings[rest] = *change.value;
      else
        found->settings.erase(rest);
      touched_.insert(name);
    }
    return done();
  }

  Result<> change_places(const StagedChange& change) {
    const std::string_view path = change.path;
    if (path.starts_with(kDomains))
      return change_domain(std::string(path.substr(kDomains.size())), change);
    if (!path.starts_with(kVolumes)) return done();
    const auto [name, rest] = split(path.substr(kVolumes.size()), '.');
    return change_volume(name, rest, change);
  }

  Result<> change_domain(const std::string& host, const StagedChange& change) {
    for (auto& [name, one] : document_.services) std::erase(one.domains, host);
    if (!change.value) return done();
    DocumentService* to = service(*change.value);
    if (to == nullptr) return no_service(*change.value, change);
    to->domains.insert(std::upper_bound(to->domains.begin(), to->domains.end(), host), host);
    return done();
  }

  // Taken out of the service that mounts it, or of none.
  std::optional<std::pair<std::string, DocumentVolume>> take(const std::string& name) {
    if (const auto found = document_.volumes.find(name); found != document_.volumes.end()) {
      const DocumentVolume volume = found->second;
      document_.volumes.erase(found);
      return std::pair(std::string(), volume);
    }
    for (auto& [owner, one] : document_.services)
      if (const auto found = one.volumes.find(name); found != one.volumes.end()) {
        const DocumentVolume volume = found->second;
        one.volumes.erase(found);
        return std::pair(owner, volume);
      }
    return std::nullopt;
  }
  Result<> put(const std::string& name, const std::string& owner, const DocumentVolume& volume,
               const StagedChange& change) {
    if (owner.empty()) {
      document_.volumes[name] = {"", volume.size_bytes};
      return done();
    }
    DocumentService* to = service(owner);
    if (to == nullptr) return no_service(owner, change);
    to->volumes[name] = volume;
    return done();
  }

  Result<> change_volume(const std::string& name, const std::string& rest,
                         const StagedChange& change) {
    auto there = take(name);
    if (rest.empty()) {
      if (!change.value) return done();
      return there ? put(name, there->first, there->second, change) : put(name, "", {}, change);
    }
    if (!there)
      return refused("/volumes/" + name, "unknown_volume",
                     "there is no volume " + name + " that " + change.path +
                         " could be of: discard that change, or stage the volume");
    auto& [owner, volume] = *there;
    if (rest == "size_bytes") {
      volume.size_bytes = change.value ? number_in<std::int64_t>(*change.value) : 0;
    } else {
      const auto [to, mount_path] =
          change.value ? gantry::split(*change.value, ' ') : std::pair<std::string, std::string>();
      owner = to;
      volume.mount_path = mount_path;
    }
    return put(name, owner, volume, change);
  }

  void drop_service(const std::string& name) {
    document_.services.erase(name);
    for (auto& [other, one] : document_.services)
      if (one.split && one.split->service == name) one.split.reset();
  }

  // An image takes the place of an archive, and so on: as if it were read.
  Result<> normalise() {
    for (const std::string& name : touched_) {
      const auto found = document_.services.find(name);
      if (found == document_.services.end() || is_short(found->second)) continue;
      DocumentService& one = found->second;
      const auto settings = settings_of(one.settings, one.from_template, "/services/" + name);
      if (!settings) return settings.error();
      one.settings = setting_values(*settings);
    }
    return done();
  }

  Document& document_;
  std::set<std::string> leaving_, touched_;
};

}  // namespace

std::vector<StagedChange> merged(std::vector<StagedChange> all,
                                 const std::vector<StagedChange>& changes) {
  std::map<std::string, StagedChange> by_path;
  for (StagedChange& each : all) by_path[each.path] = std::move(each);
  for (const StagedChange& each : changes) by_path[each.path] = each;
  std::vector<StagedChange> out;
  out.reserve(by_path.size());
  for (auto& [path, change] : by_path) out.push_back(std::move(change));
  return out;
}

Result<Document> with_changes(Document document, const std::vector<StagedChange>& changes) {
  GANTRY_TRY(Changed(document).run(merged(changes, {})));  // by path: a service before its parts
  return document;
}

std::vector<const Step*> steps_of(const DocumentPlan& plan,
                                  const std::vector<StagedChange>& changes) {
  std::map<std::string_view, const Step*> by_place;
  for (const Step& step : plan.steps) {
    std::string_view path = step.path;
    if (step.subject == StepSubject::domain) path.remove_prefix(path.find(kDomains));
    by_place.emplace(path, &step);
  }
  std::vector<const Step*> steps;
  for (const StagedChange& change : changes) {
    std::string_view path = change.path;
    if (path.starts_with(kVolumes)) path = path.substr(0, path.find('.', kVolumes.size()));
    const auto found = by_place.find(path);
    steps.push_back(found == by_place.end() ? nullptr : found->second);
  }
  return steps;
}

}  // namespace gantry
