#include <algorithm>

#include "api/handlers.hpp"
#include "api/nearest.hpp"
#include "api/reply.hpp"
#include "api/template_services.hpp"
#include "proto/template_catalogue.hpp"

namespace gantry::api {
namespace {

const Templates& templates_of(const Context& context) {
  static const TemplateCatalogue none;
  return context.templates != nullptr ? *context.templates : none;
}

Error unknown_template(const Templates& templates, const std::string& name, Code code) {
  std::string detail = "there is no template \"" + clipped(name) + "\"";
  const std::string nearest = nearest_template(templates, name);
  if (!nearest.empty()) detail += "; did you mean \"" + nearest + "\"?";
  if (nearest.empty()) {
    std::string known;
    for (const Template* each : templates.all()) known += (known.empty() ? "" : ", ") + each->name;
    detail += "; known: " + (known.empty() ? std::string("none") : known);
  }
  if (code == Code::invalid) return invalid("/template", "unknown_template", detail);
  return {code, "unknown_template", detail};
}

std::string list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ',';
    append_json_string(out, text);
  }
  return out + "]";
}

void append(std::string& out, const TemplateService& service) {
  std::string variables, tools;
  for (const auto& [name, value] : service.variables) {
    if (!variables.empty()) variables += ',';
    JsonObject(variables).text("name", name).text("value", value);
  }
  JsonObject(tools)
      .raw("client", list(service.tools.client))
      .raw("dump", list(service.tools.dump))
      .text("dump_extension", service.tools.dump_extension)
      .raw("restore", list(service.tools.restore))
      .raw("inspect", list(service.tools.inspect))
      .raw("check", list(service.tools.check));
  JsonObject object(out);
  object.text("name", service.name)
      .text("image", service.image)
      .text_or_null("version", service.version)
      .raw("versions", list(service.versions))
      .text_or_null("mount_path", service.mount_path)
      .number_or_null("port", service.port)
      .boolean("exposed", service.exposed)
      .text_or_null("url_variable", service.url_variable)
      .raw("variables", "[" + variables + "]")
      .raw("tools", tools);
}

Result<std::string> template_json(const Templates& templates, const Template& one) {
  std::string services;
  for (const TemplateService& each : one.services) {
    const auto whole = complete(templates, each);
    if (!whole) return whole.error();
    if (!services.empty()) services += ',';
    append(services, *whole);
  }
  std::string out;
  JsonObject(out)
      .text("name", one.name)
      .raw("aliases", list(one.aliases))
      .text("title", one.title)
      .text("summary", one.summary)
      .text_or_null("needs", one.needs)
      .raw("services", "[" + services + "]");
  return out;
}

// "16.4-alpine" is a 16.
bool is_known(const std::string& version, const std::vector<std::string>& known) {
  return known.empty() || std::any_of(known.begin(), known.end(), [&](const std::string& each) {
           return version.starts_with(each) &&
                  (version.size() == each.size() || version[each.size()] == '.' ||
                   version[each.size()] == '-');
         });
}

std::string warnings_of(const Template& one, const Wanted& wanted) {
  const TemplateService& first = one.services.front();
  if (!wanted.version || is_known(*wanted.version, first.versions)) return "[]";
  std::string known;
  for (const std::string& each : first.versions) known += (known.empty() ? "" : ", ") + each;
  return list({"version " + *wanted.version + " is not among those that are known to work (" +
               known + ")"});
}

// The variable by which another service gets the URL.
std::string reference_json(const std::string& service, const TemplateService& made) {
  if (made.url_variable.empty()) return "null";
  std::string out;
  JsonObject(out)
      .text("name", made.linked_as.empty() ? made.url_variable : made.linked_as)
      .text("value", "${{" + service + "." + made.url_variable + "}}");
  return out;
}

}  // namespace

Answer list_templates(const Request& request, Context& context) {
  const Templates& templates = templates_of(context);
  std::string data;
  for (const Template* each : templates.all()) {
    const auto json = template_json(templates, *each);
    if (!json) continue;  // told in the daemon's log when it was read
    data += (data.empty() ? "" : ",") + *json;
  }
  std::string out;
  JsonObject(out).raw("data", "[" + data + "]");
  return unversioned(request, std::move(out));
}

Answer get_template(const Request& request, Context& context) {
  const Templates& templates = templates_of(context);
  const std::string& name = request.path_parameters[0];
  const Template* found = templates.find(name);
  if (found == nullptr) return unknown_template(templates, name, Code::not_found);
  auto json = template_json(templates, *found);
  if (!json) return json.error();
  return unversioned(request, *std::move(json));
}

// A template's services, their volumes, variables and first deployments.
Answer create_from_template(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"template", "version", "name", "for", "variables"});
  if (!body) return body.error();
  const Templates& templates = templates_of(context);
  const std::string name = body->text("template");
  const Wanted wanted{.version = body->optional_text("version"),
                      .name = body->optional_name("name"),
                      .other = body->optional_text("for"),
                      .variables = body->optional_texts("variables")};
  GANTRY_TRY(body->check());
  const Template* found = templates.find(name);
  if (found == nullptr) return unknown_template(templates, name, Code::invalid);
  GANTRY_TRY(check(*found, wanted));
  auto services = services_of(templates, *place, *found, wanted);
  if (!services) return services.error();
  const auto made = make_services(context, transaction, *place, *std::move(services));
  if (!made) return made.error();

  const MadeService& first = made->front();
  const auto whole = complete(templates, found->services.front());
  if (!whole) return whole.error();
  std::string out;
  JsonObject(out)
      .text("template", found->name)
      .text_or_null("version", wanted.version.value_or(whole->version))
      .raw("services", services_json(*made))
      .text_or_null("url_variable", whole->url_variable)
      .raw("reference", reference_json(first.service.name.str(), *whole))
      .raw("warnings", warnings_of(*found, wanted));
  Place where = *place;
  where.service = &first.service;
  return started(201, instance_location(where), first.view.instance.stamp.version, std::move(out),
                 Varies::with_body);
}

}  // namespace gantry::api
