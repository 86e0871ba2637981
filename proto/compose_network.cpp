// Ports, volumes and variables of a service in a docker-compose.yml.
#include <algorithm>
#include <array>
#include <charconv>

#include "proto/compose_reader.hpp"
#include "proto/dotenv.hpp"
#include "proto/name.hpp"

namespace gantry::compose {
namespace {

using Kind = ConfigNode::Kind;

// Behind which nobody speaks HTTP: databases, queues, mail.
constexpr std::array<int, 16> kNotHttp{25,   53,   465,  587,  1433, 1521, 1883,  3306,
                                       4222, 5432, 5672, 6379, 9042, 9092, 11211, 27017};

std::optional<int> port_of(std::string_view text) {
  int port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || port < 1 || port > 65535)
    return std::nullopt;
  return port;
}

std::string item(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

struct Published {
  std::string target;
  std::string protocol = "tcp";
};

// "8080:80" "127.0.0.1:8080:80/tcp" "80", or the long form.
Published published(const ConfigNode& node) {
  Published out;
  if (node.is(Kind::object)) {
    if (const ConfigMember* target = node.find("target")) out.target = target->value.text;
    if (const ConfigMember* protocol = node.find("protocol")) out.protocol = protocol->value.text;
    return out;
  }
  std::string text = node.text;
  if (const auto slash = text.rfind('/'); slash != std::string::npos) {
    out.protocol = text.substr(slash + 1);
    text.resize(slash);
  }
  out.target = text.substr(text.rfind(':') + 1);  // npos + 1 is the whole
  return out;
}

void take_volume(const std::string& source, const std::string& mount_path, ConfigPosition at,
                 const std::string& path, const Target& to) {
  const bool is_path =
      !source.empty() && (source[0] == '.' || source[0] == '/' || source[0] == '~');
  if (is_path)
    return to.context.note(at, path,
                           "the folder " + source + " of this machine is not mounted at " +
                               mount_path +
                               ": build the files into the image, or keep data in a named volume");
  if (mount_path.empty() || mount_path[0] != '/')
    return to.context.refuse(at, path, "expected an absolute path to mount at");
  std::string name = source.empty() ? to.service.name + "-data" : source;
  for (char& c : name) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (c == '_' || c == '.') c = '-';
  }
  name.resize(std::min<std::size_t>(name.size(), 30));
  while (!name.empty() && name.back() == '-') name.pop_back();
  if (!Name::parse(name))
    return to.context.refuse(at, path, "\"" + source + "\" cannot be the name of a volume");
  to.service.volumes.push_back({name, mount_path});
}

void take_variable(std::string name, std::optional<std::string> value, ConfigPosition at,
                   const std::string& path, const Target& to) {
  if (!parse_variable_name(name))
    return to.context.note(at, path,
                           "\"" + name + "\" cannot be a variable's name here: rename it");
  if (!value) {
    value = to.context.around.variable(name);
    if (!value)
      return to.context.note(at, path, "no value is given, and " + name + " is not set: set it");
  }
  // A reference of ours is a text there.
  for (std::size_t found = 0; (found = value->find("${{", found)) != std::string::npos; found += 4)
    value->insert(found, "$");
  auto& variables = to.service.variables;
  std::erase_if(variables, [&](const auto& each) { return each.first == name; });
  variables.emplace_back(std::move(name), *std::move(value));
}

}  // namespace

void read_ports(const ConfigNode& node, const std::string& path, const Target& to) {
  DeploySettings& deploy = to.service.settings.deploy;
  bool taken = false;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const ConfigNode& each = node.items[i];
    const Published found = published(each);
    const auto port = port_of(found.target);
    if (found.protocol != "tcp") {
      to.context.note(each.at, item(path, i),
                      "only TCP is served: " + found.protocol +
                          " reaches the container from its environment alone");
    } else if (!port) {
      to.context.note(each.at, item(path, i), "a range of ports has no counterpart: name one port");
    } else if (taken) {
      to.context.note(each.at, item(path, i),
                      "one port of a service is served: port " + std::to_string(*port) +
                          " is reached within the environment alone, at " + to.service.name + ":" +
                          std::to_string(*port));
    } else if (std::find(kNotHttp.begin(), kNotHttp.end(), *port) != kNotHttp.end()) {
      deploy.port = port;
      deploy.exposed = false;
      taken = true;
      to.context.note(each.at, item(path, i),
                      "port " + std::to_string(*port) +
                          " speaks no HTTP: it is reached within the environment, at " +
                          to.service.name + ":" + std::to_string(*port));
    } else {
      deploy.port = port;
      deploy.exposed = true;
      taken = true;
    }
  }
}

void read_expose(const ConfigNode& node, const std::string&, const Target& to) {
  DeploySettings& deploy = to.service.settings.deploy;
  if (deploy.port || node.items.empty()) return;
  deploy.port = port_of(published(node.items.front()).target);
}

void read_volumes(const ConfigNode& node, const std::string& path, const Target& to) {
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const ConfigNode& each = node.items[i];
    const std::string here = item(path, i);
    const auto member = [&](const char* key) {
      const ConfigMember* found = each.find(key);
      return found == nullptr ? std::string() : found->value.text;
    };
    if (each.is(Kind::object)) {
      const std::string type = member("type");
      if (type == "volume" || type.empty())
        take_volume(member("source"), member("target"), each.at, here, to);
      else if (type == "bind")
        take_volume(member("source").empty() ? "." : member("source"), member("target"), each.at,
                    here, to);
      else
        to.context.note(each.at, here, "a mount of type " + type + " has no counterpart");
      continue;
    }
    const auto colon = each.text.find(':');
    if (colon == std::string::npos) {
      take_volume("", each.text, each.at, here, to);
      continue;
    }
    const std::string rest = each.text.substr(colon + 1);
    const auto mode = rest.find(':');
    if (mode != std::string::npos && rest.substr(mode + 1).find("ro") == 0)
      to.context.note(each.at, here, "a volume is always mounted for writing, too");
    take_volume(each.text.substr(0, colon), rest.substr(0, mode), each.at, here, to);
  }
}

void read_environment(const ConfigNode& node, const std::string& path, const Target& to) {
  for (const ConfigMember& each : node.members) {
    const bool none = each.value.is(Kind::null);
    const std::string value =
        each.value.is(Kind::boolean) ? (each.value.boolean ? "true" : "false") : each.value.text;
    take_variable(each.key, none ? std::nullopt : std::optional(value), each.at,
                  path + "." + each.key, to);
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const std::string& text = node.items[i].text;
    const auto equals = text.find('=');
    take_variable(
        text.substr(0, equals),
        equals == std::string::npos ? std::nullopt : std::optional(text.substr(equals + 1)),
        node.items[i].at, item(path, i), to);
  }
}

void read_env_file(const ConfigNode& node, const std::string& path, const Target& to) {
  const auto read = [&](const ConfigNode& each) {
    const ConfigMember* member = each.find("path");
    const std::string file = member != nullptr ? member->value.text : each.text;
    const auto text = to.context.around.read(file);
    if (!text)
      return to.context.note(each.at, path, file + " cannot be read: its variables are missing");
    const auto entries = parse_dotenv(*text);
    if (!entries) return to.context.note(each.at, path, file + ": " + entries.error().detail);
    for (const auto& [name, value] : *entries) take_variable(name, value, each.at, path, to);
  };
  if (is_text(node)) read(node);
  for (const ConfigNode& each : node.items) read(each);
}

}  // namespace gantry::compose
