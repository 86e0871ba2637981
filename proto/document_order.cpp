#include "proto/document_order.hpp"

#include <algorithm>

#include "proto/variables.hpp"

namespace gantry {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  return text;
}

class Completion {
 public:
  Completion(DocumentPlan& plan, const PlanFacts& facts) : plan_(plan), facts_(facts) {}

  Result<> run() {
    preserve("", plan_.current.shared, {}, plan_.wanted.shared);
    for (auto& [name, service] : plan_.wanted.services) {
      const auto there = plan_.current.services.find(name);
      const bool is_new = there == plan_.current.services.end();
      complete_service(name, is_new ? DocumentService() : there->second, service);
    }
    if (errors_.empty()) return done();
    return Error{Code::invalid, "invalid_document",
                 errors_.size() == 1 ? errors_[0].detail
                                     : std::to_string(errors_.size()) +
                                           " places of the document need to be changed: see errors",
                 std::move(errors_)};
  }

 private:
  void complete_service(const std::string& name, const DocumentService& there,
                        DocumentService& service) {
    const std::string at = "/services/" + name;
    DocumentService made;
    const bool from_there =
        !there.from_template.empty() && there.from_template == service.from_template;
    if (!service.from_template.empty() && !from_there) {
      const auto known = facts_.made_from ? facts_.made_from(service.from_template) : std::nullopt;
      if (known)
        made = *known;
      else if (is_short(service))
        return errors_.push_back({at + "/template", "unknown_template",
                                  "there is no template \"" + service.from_template +
                                      "\": see `templates`, or give the service an image"});
    }
    if (is_short(service)) lay_over(from_there ? there : made, service);
    keep_archive(there, service);
    preserve(name, there.variables, made.variables, service.variables);
    if (const auto fits = settings_of(service.settings, service.from_template, at); !fits)
      errors_.insert(errors_.end(), fits.error().fields.begin(), fits.error().fields.end());
  }

  // What a short service does not say.
  static void lay_over(const DocumentService& base, DocumentService& service) {
    for (const auto& [key, value] : base.settings)
      if (!key.starts_with("source.")) service.settings.emplace(key, value);
    if (const auto image = base.settings.find("source.image"); image != base.settings.end())
      service.settings.insert(*image);
    for (const auto& [name, variable] : base.variables)
      service.variables.emplace(name, DocumentVariable{.value = "", .preserve = true});
    std::set<std::string> paths;
    for (const auto& [name, volume] : service.volumes) paths.insert(volume.mount_path);
    for (const auto& [name, volume] : base.volumes)
      if (!paths.contains(volume.mount_path)) service.volumes.emplace(name, volume);
  }

  // What was uploaded, or built from the repository, goes on.
  static void keep_archive(const DocumentService& there, DocumentService& service) {
    const auto value = [](const DocumentService& one, const char* key) {
      const auto found = one.settings.find(key);
      return found == one.settings.end() ? std::string() : found->second;
    };
    if (!value(service, "source.image").empty() || !value(service, "source.archive").empty() ||
        value(service, "source.repository") != value(there, "source.repository"))
      return;
    if (const auto archive = value(there, "source.archive"); !archive.empty())
      service.settings["source.archive"] = archive;
  }

  void preserve(const std::string& service, const DocumentVariables& there,
                const DocumentVariables& made, DocumentVariables& wanted) {
    for (auto& [name, variable] : wanted) {
      if (!variable.preserve) continue;
      variable.preserve = false;
      if (const auto found = there.find(name); found != there.end()) {
        variable.value = found->second.value;
      } else if (const auto given = made.find(name); given != made.end()) {
        variable.value = given->second.value;
        if (variable.value.find("${{secret") != std::string::npos)
          plan_.made.insert({service, name});
      } else {
        const std::string at =
            service.empty() ? "/shared/" : "/services/" + service + "/variables/";
        errors_.push_back(
            {at + name, "nothing_to_preserve",
             "there is no " + name + " yet that could be preserved: give it a value"});
      }
    }
  }

  DocumentPlan& plan_;
  const PlanFacts& facts_;
  std::vector<FieldError> errors_;
};

// What a value of `service` refers to, as keys of the document; provided names are nobody's.
std::vector<VariableKey> targets(const Document& document, const std::string& service,
                                 const std::string& value) {
  std::vector<VariableKey> found;
  if (value.find("${") == std::string::npos) return found;
  for (const VariableReference& reference : references_of(value)) {
    const std::string space = lower(reference.name_space);
    if (space.empty())
      found.emplace_back(service, reference.name);
    else if (space == "shared")
      found.emplace_back("", reference.name);
    else if (document.services.contains(space))
      found.emplace_back(space, reference.name);
  }
  return found;
}

void add_changed(const std::string& service, const DocumentVariables& before,
                 const DocumentVariables& after, std::set<VariableKey>& out) {
  for (const auto& [name, variable] : after) {
    const auto was = before.find(name);
    if (was == before.end() || was->second.value != variable.value) out.insert({service, name});
  }
  for (const auto& [name, variable] : before)
    if (!after.contains(name)) out.insert({service, name});
}

}  // namespace

Result<> complete(DocumentPlan& plan, const PlanFacts& facts) {
  return Completion(plan, facts).run();
}

std::set<VariableKey> changed_variables(const Document& current, const Document& wanted) {
  std::set<VariableKey> changed;
  std::map<VariableKey, std::vector<VariableKey>> readers;
  const auto note = [&](const std::string& service, const DocumentVariables& variables) {
    for (const auto& [name, variable] : variables)
      for (const VariableKey& target : targets(wanted, service, variable.value))
        readers[target].emplace_back(service, name);
  };
  add_changed("", current.shared, wanted.shared, changed);
  note("", wanted.shared);
  for (const auto& [name, service] : wanted.services) {
    const auto was = current.services.find(name);
    add_changed(name, was == current.services.end() ? DocumentVariables() : was->second.variables,
                service.variables, changed);
    note(name, service.variables);
  }
  std::vector<VariableKey> open(changed.begin(), changed.end());
  while (!open.empty()) {
    const VariableKey key = open.back();
    open.pop_back();
    if (const auto found = readers.find(key); found != readers.end())
      for (const VariableKey& reader : found->second)
        if (changed.insert(reader).second) open.push_back(reader);
  }
  return changed;
}

std::vector<std::string> in_order(const Document& document) {
  std::map<std::string, std::set<std::string>> needs;
  for (const auto& [name, service] : document.services)
    for (const auto& [key, variable] : service.variables)
      for (const VariableKey& target : targets(document, name, variable.value))
        if (!target.first.empty() && target.first != name) needs[name].insert(target.first);
  std::vector<std::string> order;
  std::set<std::string> seen;
  // By hand, since a chain of references may be as long as the document.
  for (const auto& [first, service] : document.services) {
    std::vector<std::pair<std::string, bool>> open{{first, false}};
    while (!open.empty()) {
      auto [name, placed] = open.back();
      open.pop_back();
      if (placed) {
        order.push_back(name);
        continue;
      }
      if (!seen.insert(name).second) continue;
      open.emplace_back(name, true);
      const auto& below = needs[name];
      for (auto at = below.rbegin(); at != below.rend(); ++at)
        if (!seen.contains(*at)) open.emplace_back(*at, false);
    }
  }
  return order;
}

}  // namespace gantry
