#include "proto/template_catalogue.hpp"

#include <algorithm>
#include <cctype>

#include "proto/edit_distance.hpp"

namespace gantry {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool has_alias(const Template& one, const std::string& name) {
  return std::find(one.aliases.begin(), one.aliases.end(), name) != one.aliases.end();
}

}  // namespace

Result<> TemplateCatalogue::add(std::string_view file_name, std::string_view yaml) {
  auto parsed = parse_template(yaml, file_name);
  if (!parsed) return parsed.error();
  std::erase_if(templates_, [&](const auto& each) { return each->name == parsed->name; });
  templates_.push_back(std::make_unique<const Template>(*std::move(parsed)));
  return done();
}

const Template* TemplateCatalogue::find(std::string_view name) const {
  const std::string wanted = lower(name);
  for (const auto& each : templates_)
    if (each->name == wanted) return each.get();
  const auto found = std::find_if(templates_.rbegin(), templates_.rend(),
                                  [&](const auto& each) { return has_alias(*each, wanted); });
  return found == templates_.rend() ? nullptr : found->get();
}

std::vector<const Template*> TemplateCatalogue::all() const {
  std::vector<const Template*> found;
  for (const auto& each : templates_) found.push_back(each.get());
  std::sort(found.begin(), found.end(),
            [](const Template* a, const Template* b) { return a->name < b->name; });
  return found;
}

const TemplateService* template_service(const Templates& templates,
                                        std::string_view from_template) {
  const auto dot = from_template.find('.');
  const Template* found = templates.find(from_template.substr(0, dot));
  if (found == nullptr) return nullptr;
  if (dot == std::string_view::npos) return &found->services.front();
  const auto service = from_template.substr(dot + 1);
  for (const TemplateService& each : found->services)
    if (each.name == service) return &each;
  return nullptr;
}

Result<TemplateService> complete(const Templates& templates, const TemplateService& service) {
  if (service.of.empty()) return service;
  const Template* other = templates.find(service.of);
  if (other == nullptr || !other->services.front().of.empty())
    return invalid("/template", "unknown_template",
                   "its service " + service.name + " is made from the template \"" + service.of +
                       "\", which is not there");
  TemplateService whole = other->services.front();
  whole.name = service.name;
  if (!service.version.empty()) whole.version = service.version;
  for (const auto& [name, value] : service.variables) {
    const auto found = std::find_if(whole.variables.begin(), whole.variables.end(),
                                    [&](const auto& each) { return each.first == name; });
    if (found == whole.variables.end())
      whole.variables.emplace_back(name, value);
    else
      found->second = value;
  }
  return whole;
}

std::string nearest_template(const Templates& templates, std::string_view name) {
  const std::string wanted = lower(name.substr(0, 64));
  std::string best;
  std::size_t least = std::max<std::size_t>(wanted.size() / 3, 1) + 1;
  const auto consider = [&](const std::string& known) {
    const std::size_t distance = edit_distance(wanted, known);
    if (distance >= least) return;
    least = distance;
    best = known;
  };
  for (const Template* each : templates.all()) {
    consider(each->name);
    for (const std::string& alias : each->aliases) consider(alias);
  }
  return best;
}

}  // namespace gantry
