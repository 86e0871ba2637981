// The reader of a template's file: everything is checked here, so that taking a template can only
// fail over what is in the environment.
#include "proto/template.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include "proto/config_tree.hpp"
#include "proto/edit_distance.hpp"
#include "proto/name.hpp"
#include "proto/quantity.hpp"
#include "proto/template_value.hpp"

namespace gantry {
namespace {

using Kind = ConfigNode::Kind;

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  using Take = std::function<void(const ConfigNode&, const std::string& path)>;
  using Keys = std::vector<std::pair<std::string_view, Take>>;

  void object(const ConfigNode& node, const std::string& path, const Keys& keys) {
    if (!node.is(Kind::object)) return complain(node.at, path, "expected keys and values");
    for (const ConfigMember& member : node.members) {
      const std::string inner = path.empty() ? member.key : path + "." + member.key;
      const auto known = std::find_if(keys.begin(), keys.end(),
                                      [&](const auto& key) { return key.first == member.key; });
      if (known == keys.end())
        complain(member.at, inner, "unknown key" + hint(member.key, keys));
      else
        known->second(member.value, inner);
    }
  }

  void complain(ConfigPosition at, const std::string& path, const std::string& what) {
    const std::string place = at.line > 0 ? ":" + std::to_string(at.line) : "";
    const std::string key = path.empty() ? "" : path + ": ";
    errors_.push_back({"/" + path, "invalid_template", file_ + place + ": " + key + what});
  }

  // A number is text as it was written: a version may be 17.
  Take text(std::string& out) {
    return [this, &out](const ConfigNode& node, const std::string& path) {
      if (!is_text(node) || node.text.empty())
        return complain(node.at, path, "expected a text that is not empty");
      out = node.text;
    };
  }

  Take name(std::string& out) {
    return [this, &out](const ConfigNode& node, const std::string& path) {
      const auto parsed = Name::parse(is_text(node) ? node.text : "");
      if (!parsed) return complain(node.at, path, parsed.error().detail);
      out = parsed->str();
    };
  }

  Take texts(std::vector<std::string>& out) {
    return [this, &out](const ConfigNode& node, const std::string& path) {
      if (!node.is(Kind::array)) return complain(node.at, path, "expected a list of texts");
      for (const ConfigNode& item : node.items) {
        if (!is_text(item))
          complain(item.at, path + "[" + std::to_string(out.size()) + "]", "expected a text");
        out.push_back(item.text);
      }
    };
  }

  // argv: a list, whose first word is the program.
  Take command(std::vector<std::string>& out) {
    return [this, &out, read = texts(out)](const ConfigNode& node, const std::string& path) {
      read(node, path);
      if (node.is(Kind::array) && (out.empty() || out.front().empty()))
        complain(node.at, path, "expected the program and its arguments");
    };
  }

  template <class T>
  Take number(T& out, std::int64_t least, std::int64_t most) {
    return [this, &out, least, most](const ConfigNode& node, const std::string& path) {
      std::int64_t value = 0;
      const char* end = node.text.data() + node.text.size();
      const auto read = std::from_chars(node.text.data(), end, value);
      if (!is_text(node) || read.ec != std::errc() || read.ptr != end || value < least ||
          value > most)
        return complain(node.at, path,
                        "expected a whole number from " + std::to_string(least) + " to " +
                            std::to_string(most));
      out = static_cast<int>(value);
    };
  }

  Take bytes(std::int64_t& out) {
    return [this, &out](const ConfigNode& node, const std::string& path) {
      const auto value = is_text(node) ? parse_units(node.text) : std::nullopt;
      if (!value) return complain(node.at, path, "expected bytes, such as 1073741824 or 1Gi");
      out = *value;
    };
  }

  Take flag(bool& out) {
    return [this, &out](const ConfigNode& node, const std::string& path) {
      if (!node.is(Kind::boolean)) return complain(node.at, path, "expected true or false");
      out = node.boolean;
    };
  }

  template <class T>
  Take path(T& out) {
    return [this, &out](const ConfigNode& node, const std::string& path) {
      if (!node.is(Kind::string) || node.text.empty() || node.text.front() != '/')
        return complain(node.at, path, "expected a path that begins with /");
      out = node.text;
    };
  }

  Take variables(std::vector<std::pair<std::string, std::string>>& out) {
    return [this, &out](const ConfigNode& node, const std::string& path) {
      if (!node.is(Kind::object)) return complain(node.at, path, "expected names and values");
      for (const ConfigMember& member : node.members) {
        const std::string inner = path + "." + member.key;
        const auto known = parse_variable_name(member.key);
        if (!known)
          complain(member.at, inner, known.error().detail);
        else if (!is_text(member.value))
          complain(member.value.at, inner, "expected a text");
        else if (const auto made = fill_secrets(member.value.text, [](auto) { return 0; }); !made)
          complain(member.value.at, inner, made.error().detail);
        out.emplace_back(member.key, member.value.text);
      }
    };
  }

  Take section(Keys keys) {
    return [this, keys = std::move(keys)](const ConfigNode& node, const std::string& path) {
      object(node, path, keys);
    };
  }

  bool ok() const { return errors_.empty(); }
  Error error() && {
    std::string detail;
    for (const FieldError& each : errors_) detail += (detail.empty() ? "" : "\n") + each.detail;
    return {Code::invalid, "invalid_template", std::move(detail), std::move(errors_)};
  }

 private:
  static bool is_text(const ConfigNode& node) {
    return node.is(Kind::string) || node.is(Kind::number);
  }

  static std::string hint(const std::string& word, const Keys& keys) {
    std::string known;
    for (const auto& [key, take] : keys) {
      if (edit_distance(word.substr(0, 64), key) <= 1 + key.size() / 3)
        return "; did you mean \"" + std::string(key) + "\"?";
      known += (known.empty() ? "; known are " : ", ") + std::string(key);
    }
    return known;
  }

  std::string file_;
  std::vector<FieldError> errors_;
};

// What no single key can say.
void check_service(Reader& reader, const ConfigNode& node, const std::string& path,
                   const TemplateService& service) {
  const auto complain = [&](const std::string& key, const std::string& what) {
    const ConfigMember* member = node.find(key);
    reader.complain(member != nullptr ? member->at : node.at, path + "." + key, what);
  };
  if (service.name.empty() && node.find("name") == nullptr) complain("name", "it is missing");
  if (!service.of.empty()) {
    for (const ConfigMember& member : node.members)
      if (member.key != "name" && member.key != "template" && member.key != "version" &&
          member.key != "variables")
        complain(member.key, "the template that it is made from says this");
    return;
  }
  const bool takes_version = service.image.find("{version}") != std::string::npos;
  if (takes_version == service.version.empty())
    complain("version", takes_version ? "the image has a {version}: say which is the default"
                                      : "the image has no {version} to put it in");
  if (!service.versions.empty() && std::find(service.versions.begin(), service.versions.end(),
                                             service.version) == service.versions.end())
    complain("versions", "the default version is not among them");
  std::string image = service.image;
  if (takes_version) image.replace(image.find("{version}"), 9, "1");
  if (const auto parsed = ImageRef::parse(image); !parsed)
    complain("image", node.find("image") == nullptr ? "it is missing" : parsed.error().detail);
  if (service.volume_name.empty() != service.mount_path.empty())
    complain("mount_path", "a volume has a volume_name and a mount_path");
  if (!service.healthcheck_command.empty() && service.healthcheck_path)
    complain("healthcheck_path", "there is a healthcheck_command already");
  const auto has_url = [&](const auto& each) { return each.first == service.url_variable; };
  if (!service.url_variable.empty() &&
      std::none_of(service.variables.begin(), service.variables.end(), has_url))
    complain("url_variable", "there is no such variable here");
  if (service.linked_as.empty()) return;
  if (service.url_variable.empty())
    complain("linked_as", "there is no url_variable");
  else if (const auto known = parse_variable_name(service.linked_as); !known)
    complain("linked_as", known.error().detail);
}

void read_service(Reader& reader, const ConfigNode& node, const std::string& path,
                  TemplateService& out) {
  int port = -1;
  reader.object(
      node, path,
      {{"name", reader.name(out.name)},
       {"template", reader.name(out.of)},
       {"image", reader.text(out.image)},
       {"version", reader.text(out.version)},
       {"versions", reader.texts(out.versions)},
       {"volume_name", reader.name(out.volume_name)},
       {"mount_path", reader.path(out.mount_path)},
       {"port", reader.number(port, 0, 65535)},
       {"exposed", reader.flag(out.exposed)},
       {"start_command", reader.command(out.start_command)},
       {"healthcheck_command", reader.command(out.healthcheck_command)},
       {"healthcheck_path", reader.path(out.healthcheck_path)},
       {"draining_seconds", reader.number(out.draining_seconds, 0, 3600)},
       {"memory_bytes", reader.bytes(out.memory_bytes)},
       {"variables", reader.variables(out.variables)},
       {"url_variable", reader.text(out.url_variable)},
       {"linked_as", reader.text(out.linked_as)},
       {"tools", reader.section({{"client", reader.command(out.tools.client)},
                                 {"dump", reader.command(out.tools.dump)},
                                 {"dump_extension", reader.name(out.tools.dump_extension)},
                                 {"restore", reader.command(out.tools.restore)},
                                 {"inspect", reader.command(out.tools.inspect)},
                                 {"check", reader.command(out.tools.check)}})}});
  if (port >= 0) out.port = port;
  if (node.is(Kind::object)) check_service(reader, node, path, out);
}

// A reference leads to a service of the template, or to the one that it needs.
void check_references(Reader& reader, const ConfigNode& services, const Template& all) {
  std::set<std::string, std::less<>> known{all.needs};
  for (const TemplateService& service : all.services)
    if (!known.insert(service.name).second)
      reader.complain(services.at, "services", "\"" + service.name + "\" is there twice");
  for (std::size_t i = 0; i < all.services.size(); ++i)
    for (const auto& [name, value] : all.services[i].variables)
      for (const std::string& other : referenced_services(value))
        if (!known.contains(other))
          reader.complain(services.items[i].at,
                          "services[" + std::to_string(i) + "].variables." + name,
                          "it refers to \"" + other +
                              "\", which is no service of this template: if it is another "
                              "template's, say it in \"needs\"");
}

}  // namespace

Result<Template> parse_template(std::string_view yaml, std::string_view file_name) {
  Reader reader(file_name);
  Template out;
  const std::string as_yaml = std::string(file_name.substr(0, file_name.rfind('.'))) + ".yaml";
  const ConfigText text = parse_config_text(as_yaml, yaml);
  for (const ConfigRemark& error : text.errors) reader.complain(error.at, "", error.message);
  if (!reader.ok()) return std::move(reader).error();

  ConfigNode services;
  reader.object(
      text.root, "",
      {{"name", reader.name(out.name)},
       {"aliases", reader.texts(out.aliases)},
       {"title", reader.text(out.title)},
       {"summary", reader.text(out.summary)},
       {"needs", reader.name(out.needs)},
       {"services", [&](const ConfigNode& node, const std::string&) { services = node; }}});
  if (text.root.is(Kind::object) && text.root.find("name") == nullptr)
    reader.complain(text.root.at, "name", "it is missing");
  if (!services.is(Kind::array) || services.items.empty())
    reader.complain(services.at.line > 0 ? services.at : text.root.at, "services",
                    "expected a list of at least one service");
  else
    for (const ConfigNode& item : services.items) {
      const std::string path = "services[" + std::to_string(out.services.size()) + "]";
      read_service(reader, item, path, out.services.emplace_back());
    }
  if (reader.ok()) check_references(reader, services, out);
  if (!reader.ok()) return std::move(reader).error();
  if (out.title.empty()) out.title = out.name;
  return out;
}

}  // namespace gantry
