// A document as people write it, read and checked: everything that is wrong is said at once, each
// with its line, its place and what to do.
#include <set>

#include "proto/codec.hpp"
#include "proto/codec_fields.hpp"
#include "proto/config_tree.hpp"
#include "proto/document.hpp"
#include "proto/host.hpp"
#include "proto/mount_path.hpp"

namespace gantry {
namespace {

using codec::Json;
using Kind = ConfigNode::Kind;

constexpr ConfigLimits kLimits{.bytes = kDocumentBytesMax, .nodes = 300'000};
constexpr std::size_t kErrorsMax = 100;
constexpr std::int64_t kSizeMax = 1LL << 50;

Json json_of(const ConfigNode& node) {
  switch (node.kind) {
    case Kind::null:
      return nullptr;
    case Kind::boolean:
      return node.boolean;
    case Kind::number: {
      Json number = Json::parse(node.text, nullptr, false);
      return number.is_number() ? number : Json(node.number);
    }
    case Kind::string:
      return node.text;
    case Kind::array: {
      Json array = Json::array();
      for (const ConfigNode& item : node.items) array.push_back(json_of(item));
      return array;
    }
    case Kind::object: {
      Json object = Json::object();
      for (const ConfigMember& member : node.members) object[member.key] = json_of(member.value);
      return object;
    }
  }
  return nullptr;
}

std::string below(const std::string& pointer, std::string_view key) {
  return pointer + "/" + codec::escape_pointer(key);
}

class Reader {
 public:
  using Known = std::vector<std::string_view>;

  Document document(const ConfigNode& root) {
    Document out;
    if (!object(root, "", {"project", "environment", "shared", "services", "volumes"})) return out;
    if (root.find("project") == nullptr)
      refuse(root, "/project", "required",
             "a project's document says which project it is of: \"project: NAME\"");
    out.project = name(root, "", "project");
    out.environment = name(root, "", "environment");
    out.shared = variables(root, "", "shared");
    each(root, "", "services", [&](const ConfigMember& member, const std::string& at) {
      if (named(member, at)) out.services[member.key] = service(member.value, at);
    });
    out.volumes = volumes(root, "");
    for (const auto& [key, volume] : out.volumes)
      if (!volume.mount_path.empty())
        refuse(root, below("/volumes", key) + "/mount_path", "no_service",
               "this volume is of no service: declare it under the service that mounts it");
    if (out.services.size() > kDocumentServicesMax)
      refuse(root, "/services", "out_of_range", "a document has at most 10000 services");
    whole(root, out);
    return out;
  }

  std::vector<FieldError> errors;

 private:
  void refuse(const ConfigNode& near, std::string pointer, std::string code,
              const std::string& detail) {
    if (errors.size() >= kErrorsMax) return;
    errors.push_back({std::move(pointer), std::move(code),
                      "line " + std::to_string(near.at.line) + ": " + detail});
  }
  void take(const ConfigNode& near, const Error& error) {
    for (const FieldError& field : error.fields)
      refuse(near, field.pointer, field.code, field.detail);
  }

  bool object(const ConfigNode& node, const std::string& at, const Known& known) {
    if (!node.is(Kind::object)) {
      refuse(node, at, "wrong_type",
             "expected an object, not " + std::string(kind_name(node.kind)));
      return false;
    }
    for (const ConfigMember& member : node.members)
      if (std::find(known.begin(), known.end(), member.key) == known.end())
        refuse(at_key(member), below(at, member.key), "unknown_key",
               codec::unknown_key_detail(member.key, known));
    return true;
  }
  static ConfigNode at_key(const ConfigMember& member) {
    ConfigNode node;
    node.at = member.at;
    return node;
  }

  // The members of a member that is an object of names.
  template <class F>
  void each(const ConfigNode& node, const std::string& at, const char* key, F&& body) {
    const ConfigMember* found = node.find(key);
    if (found == nullptr || found->value.is(Kind::null)) return;
    const std::string here = below(at, key);
    if (!found->value.is(Kind::object))
      return refuse(
          found->value, here, "wrong_type",
          "expected an object of names, not " + std::string(kind_name(found->value.kind)));
    for (const ConfigMember& member : found->value.members) body(member, below(here, member.key));
  }

  bool named(const ConfigMember& member, const std::string& at) {
    const auto parsed = Name::parse(member.key, at);
    if (!parsed) take(at_key(member), parsed.error());
    return parsed.ok();
  }

  // A text, whatever YAML takes it for.
  std::optional<std::string> text(const ConfigNode& node) {
    switch (node.kind) {
      case Kind::string:
      case Kind::number:
        return node.text;
      case Kind::boolean:
        return node.text.empty() ? (node.boolean ? "true" : "false") : node.text;
      case Kind::null:
      case Kind::array:
      case Kind::object:
        return std::nullopt;
    }
    return std::nullopt;
  }

  std::string name(const ConfigNode& node, const std::string& at, const char* key) {
    const ConfigMember* found = node.find(key);
    if (found == nullptr) return "";
    const auto written = text(found->value);
    const auto parsed = Name::parse(written.value_or(""), below(at, key));
    if (!parsed) take(found->value, parsed.error());
    return parsed ? parsed->str() : "";
  }

  std::int64_t number(const ConfigNode& node, const std::string& at, const char* key,
                      std::int64_t low, std::int64_t high) {
    const ConfigMember* found = node.find(key);
    if (found == nullptr) {
      refuse(node, below(at, key), "required", "the key \"" + std::string(key) + "\" is required");
      return low;
    }
    std::vector<FieldError> broken;
    const Json json = json_of(found->value);
    std::int64_t value = low;
    codec::read_whole({json, below(at, key), broken}, low, high, value);
    for (const FieldError& field : broken)
      refuse(found->value, field.pointer, field.code, field.detail);
    return value;
  }

  void variable(const ConfigMember& member, const std::string& at, DocumentVariables& out) {
    const auto parsed = parse_variable_name(member.key, at);
    if (!parsed) return take(at_key(member), parsed.error());
    const ConfigNode& node = member.value;
    if (node.is(Kind::object)) {
      const ConfigMember* keep = node.find("preserve");
      if (node.members.size() == 1 && keep != nullptr && keep->value.is(Kind::boolean) &&
          keep->value.boolean) {
        out[member.key].preserve = true;
        return;
      }
    }
    const auto value = text(node);
    if (!value)
      return refuse(node, at, "wrong_type",
                    "expected a text, or {preserve: true} for what is there already; an empty "
                    "value is \"\"");
    if (const auto fits = check_variable_value(*value, at); !fits) return take(node, fits.error());
    out[member.key].value = *value;
  }

  DocumentVariables variables(const ConfigNode& node, const std::string& at, const char* key) {
    DocumentVariables out;
    each(node, at, key,
         [&](const ConfigMember& member, const std::string& here) { variable(member, here, out); });
    return out;
  }

  DocumentVolumes volumes(const ConfigNode& node, const std::string& at) {
    DocumentVolumes out;
    each(node, at, "volumes", [&](const ConfigMember& member, const std::string& here) {
      if (!named(member, here)) return;
      DocumentVolume& volume = out[member.key];
      const ConfigNode& value = member.value;
      if (value.is(Kind::string)) return path(value, here, volume);
      if (value.is(Kind::null) || !object(value, here, {"mount_path", "size_bytes"})) return;
      if (const auto* found = value.find("mount_path"))
        path(found->value, here + "/mount_path", volume);
      if (value.find("size_bytes") != nullptr)
        volume.size_bytes = number(value, here, "size_bytes", 0, kSizeMax);
    });
    return out;
  }
  void path(const ConfigNode& node, const std::string& at, DocumentVolume& volume) {
    const auto parsed = parse_mount_path(text(node).value_or(""), at);
    if (!parsed) return take(node, parsed.error());
    volume.mount_path = *parsed;
  }

  // Where in the file a pointer leads, or the nearest place above it.
  static const ConfigNode& place(const ConfigNode& service, std::string_view pointer) {
    const ConfigNode* at = &service;
    while (!pointer.empty()) {
      pointer.remove_prefix(1);
      const auto end = std::min(pointer.find('/'), pointer.size());
      const ConfigMember* member = at->find(pointer.substr(0, end));
      if (member == nullptr) return *at;
      at = &member->value;
      pointer.remove_prefix(end);
    }
    return *at;
  }

  void settings(const ConfigNode& node, const std::string& at, DocumentService& out) {
    Json json = Json::object();
    for (const char* part : {"source", "build", "deploy"}) {
      const ConfigMember* found = node.find(part);
      if (found != nullptr && !found->value.is(Kind::null)) json[part] = json_of(found->value);
    }
    if (json.contains("source") && json["source"].is_object()) {
      const Json& source = json["source"];
      const auto* near = node.find("source");
      if (source.contains("template"))
        refuse(near->value, at + "/source/template", "unknown_key",
               "the template stands beside source: \"template: postgres\"");
      if (source.contains("commit"))
        refuse(near->value, at + "/source/commit", "unknown_key",
               "a commit is what was deployed, not what is declared: remove it");
      if (source.contains("image") + source.contains("repository") > 1)
        refuse(near->value, at + "/source", "image_and_repository",
               "give an image or a repository, not both");
    }
    const auto merged = merge_settings(Settings(), json.dump(), at);
    if (!merged) {
      for (const FieldError& field : merged.error().fields)
        refuse(place(node, std::string_view(field.pointer).substr(at.size())), field.pointer,
               field.code, field.detail);
      return;
    }
    out.settings = setting_values(*merged);
  }

  void domains(const ConfigNode& node, const std::string& at, DocumentService& out) {
    const ConfigMember* found = node.find("domains");
    if (found == nullptr || found->value.is(Kind::null)) return;
    if (!found->value.is(Kind::array))
      return refuse(found->value, at + "/domains", "wrong_type", "expected a list of hosts");
    std::set<std::string> all;
    for (const ConfigNode& item : found->value.items) {
      const std::string here = at + "/domains/" + std::to_string(&item - &found->value.items[0]);
      const auto host = parse_host(text(item).value_or(""), here);
      if (!host)
        take(item, host.error());
      else if (!all.insert(*host).second)
        refuse(item, here, "twice", "the domain " + *host + " is there twice: remove one");
    }
    out.domains.assign(all.begin(), all.end());
  }

  void edge(const ConfigNode& node, const std::string& at, DocumentService& out) {
    if (const auto* found = node.find("split"); found != nullptr && !found->value.is(Kind::null)) {
      const std::string here = at + "/split";
      if (object(found->value, here, {"service", "percent"}))
        out.split = {name(found->value, here, "service"),
                     static_cast<int>(number(found->value, here, "percent", 1, 100))};
    }
    const auto* proxy = node.find("tcp_proxy");
    if (proxy == nullptr || proxy->value.is(Kind::null)) return;
    const std::string here = at + "/tcp_proxy";
    if (object(proxy->value, here, {"port", "target_port"}))
      out.tcp_proxy = {static_cast<int>(number(proxy->value, here, "port", 1, 65535)),
                       static_cast<int>(number(proxy->value, here, "target_port", 1, 65535))};
  }

  DocumentService service(const ConfigNode& node, const std::string& at) {
    DocumentService out;
    if (node.is(Kind::null) || !object(node, at,
                                       {"template", "source", "build", "deploy", "variables",
                                        "domains", "volumes", "split", "tcp_proxy"}))
      return out;
    if (const auto* made = node.find("template")) {
      out.from_template = text(made->value).value_or("");
      const auto dot = out.from_template.find('.');
      if (!Name::parse(out.from_template.substr(0, dot)) ||
          (dot != std::string::npos && !Name::parse(out.from_template.substr(dot + 1))))
        refuse(made->value, at + "/template", "invalid_template",
               "expected a template's name, such as postgres");
    }
    settings(node, at, out);
    out.variables = variables(node, at, "variables");
    domains(node, at, out);
    out.volumes = volumes(node, at);
    edge(node, at, out);
    for (const auto& [key, volume] : out.volumes)
      if (volume.mount_path.empty())
        refuse(place(node, "/volumes/" + key), at + "/volumes/" + key, "required",
               "say where it is mounted: mount_path");
    return out;
  }

  // What services must be to each other.
  void whole(const ConfigNode& root, const Document& document) {
    std::map<std::string, std::string> hosts, volumes, ports;
    const auto once = [&](std::map<std::string, std::string>& seen, const std::string& what,
                          const std::string& pointer, const std::string& noun) {
      if (const auto [first, fresh] = seen.emplace(what, pointer); !fresh)
        refuse(place(root, pointer), pointer, "twice",
               noun + " " + what + " is declared twice, first at " + first->second);
    };
    for (const auto& [key, volume] : document.volumes)
      once(volumes, key, "/volumes/" + key, "the volume");
    for (const auto& [key, service] : document.services) {
      const std::string at = "/services/" + key;
      const auto port = service.settings.find("deploy.port");
      const bool worker = port != service.settings.end() && port->second == "0";
      for (const std::string& host : service.domains)
        once(hosts, host, at + "/domains", "the domain");
      if (service.tcp_proxy)
        once(ports, std::to_string(service.tcp_proxy->port), at + "/tcp_proxy", "the port");
      std::map<std::string, std::string> paths;
      for (const auto& [name_, volume] : service.volumes) {
        once(volumes, name_, at + "/volumes/" + name_, "the volume");
        if (!volume.mount_path.empty())
          once(paths, volume.mount_path, at + "/volumes/" + name_, "the mount path");
      }
      if (worker && (!service.domains.empty() || service.split))
        refuse(place(root, at), at, "worker",
               "a worker (port 0) gets no requests: give it a port, or no domains and no split");
      split(root, document, key, service);
      replicas(root, at, service);
    }
  }
  void split(const ConfigNode& root, const Document& document, const std::string& key,
             const DocumentService& service) {
    if (!service.split) return;
    if (service.split->service != key && document.services.contains(service.split->service)) return;
    const std::string at = "/services/" + key + "/split";
    refuse(place(root, at), at + "/service", "unknown_service",
           "a share goes to another service of this document");
  }
  void replicas(const ConfigNode& root, const std::string& at, const DocumentService& service) {
    if (service.volumes.empty()) return;
    const auto one = [&](const char* key) {
      const auto found = service.settings.find(key);
      return found == service.settings.end() || found->second == "0" || found->second == "1";
    };
    if (!one("deploy.replicas") || !one("deploy.scaling.max_replicas"))
      refuse(place(root, at), at + "/deploy/replicas", "several_replicas",
             "only one replica may write a volume: set replicas to 1, or take its volumes away");
  }
};

Error refused(std::vector<FieldError> errors) {
  const std::string detail = errors.size() == 1 ? errors[0].detail
                                                : std::to_string(errors.size()) +
                                                      " places of the document need "
                                                      "to be changed: see errors";
  return {Code::invalid, "invalid_document", detail, std::move(errors)};
}

}  // namespace

Result<Document> read_document(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string_view::npos && text[first] == '{';
  const ConfigText read = parse_config_text(is_json ? "gantry.json" : "gantry.yaml", text, kLimits);
  if (!read.errors.empty()) {
    std::vector<FieldError> errors;
    for (const ConfigRemark& remark : read.errors)
      errors.push_back({"", "malformed_document",
                        "line " + std::to_string(remark.at.line) + ": " + remark.message});
    return refused(std::move(errors));
  }
  Reader reader;
  Document document = reader.document(read.root);
  if (!reader.errors.empty()) return refused(std::move(reader.errors));
  return document;
}

}  // namespace gantry
