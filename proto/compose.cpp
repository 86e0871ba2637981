#include "proto/compose.hpp"

#include <algorithm>
#include <climits>
#include <map>
#include <set>

#include "proto/compose_reader.hpp"

namespace gantry {
namespace {

using compose::Context;
using Kind = ConfigNode::Kind;

// Every text of the file; keys stay as they are.
void fill_in(ConfigNode& node, const std::string& path, Context& context) {
  for (std::size_t i = 0; i < node.items.size(); ++i)
    fill_in(node.items[i], path + "[" + std::to_string(i) + "]", context);
  for (ConfigMember& member : node.members)
    fill_in(member.value, path.empty() ? member.key : path + "." + member.key, context);
  if (!node.is(Kind::string) || node.text.find('$') == std::string::npos) return;
  std::vector<std::string> unset;
  auto text = interpolate(node.text, context.around, unset);
  if (!text) return context.refuse(node.at, path, text.error().detail);
  for (const std::string& name : unset)
    context.note(node.at, path, name + " is not set: it is empty here");
  node.text = *std::move(text);
}

void read_top(const ConfigNode& root, Context& context) {
  for (const ConfigMember& member : root.members) {
    const std::string& key = member.key;
    if (key == "services" || key == "version" || key == "name" || key.starts_with("x-")) continue;
    if (key == "volumes") {
      for (const ConfigMember& volume : member.value.members)
        for (const char* setting : {"external", "driver", "driver_opts"})
          if (volume.value.find(setting) != nullptr)
            context.note(volume.at, "volumes." + volume.key + "." + setting,
                         "a volume is made empty, on the engine's own disk: bring data by a dump "
                         "of the database");
      continue;
    }
    if (key == "networks") {
      if (member.value.members.size() > 1)
        context.note(member.at, key,
                     "an environment is one network: every service reaches every other");
      continue;
    }
    context.note(member.at, key,
                 key == "include" ? "other files are not read: import them one by one"
                 : key == "secrets" || key == "configs"
                     ? "put it into a variable, which is encrypted at rest, or into the image"
                     : "it has no counterpart");
  }
}

// What one service alone cannot know.
void check_together(std::vector<ComposeService>& services, Context& context) {
  std::map<std::string, std::string> owners;
  std::set<std::string> names;
  for (ComposeService& each : services) {
    const std::string path = "services." + each.name;
    if (!names.insert(each.name).second)
      context.refuse({}, path, "two services would have the name " + each.name);
    std::erase_if(each.volumes, [&](const ComposeVolume& volume) {
      const auto [owner, is_new] = owners.try_emplace(volume.name, each.name);
      if (!is_new)
        context.note({}, path + ".volumes",
                     "a volume has one owner: " + volume.name + " is " + owner->second +
                         "'s, and not mounted here");
      return !is_new;
    });
    int& replicas = each.settings.deploy.replicas;
    if (!each.volumes.empty() && replicas > 1) {
      context.note({}, path + ".deploy.replicas",
                   "what has a volume runs once, not " + std::to_string(replicas) + " times");
      replicas = 1;
    }
  }
}

void read_services(const ConfigNode& services, ComposeFile& out, Context& context) {
  for (const ConfigMember& member : services.members) {
    const std::string path = "services." + member.key;
    if (!member.value.is(Kind::object)) {
      context.refuse(member.at, path, "expected keys and values");
    } else if (member.value.find("profiles") != nullptr) {
      context.note(member.at, path,
                   "it has profiles, so that it does not run by default: it is left out");
    } else {
      out.services.push_back(compose::read_service(member, context));
    }
  }
}

}  // namespace

Result<ComposeFile> parse_compose(std::string_view text, std::string_view file_name,
                                  const ComposeSurroundings& around) {
  Context context{.around = around, .file = std::string(file_name)};
  ConfigText tree = parse_config_text("compose.yaml", text);
  for (const ConfigRemark& error : tree.errors) context.refuse(error.at, "yaml", error.message);
  ComposeFile out;
  if (context.errors.empty()) fill_in(tree.root, "", context);
  if (context.errors.empty()) {
    const ConfigMember* services = tree.root.find("services");
    if (services == nullptr || services->value.members.empty())
      context.refuse(tree.root.at, "services", "the file has no services");
    else
      read_services(services->value, out, context);
    read_top(tree.root, context);
    check_together(out.services, context);
  }
  if (!context.errors.empty()) {
    std::string detail;
    for (const FieldError& each : context.errors)
      detail += (detail.empty() ? "" : "\n") + each.detail;
    return Error{Code::invalid, "invalid_compose", detail, std::move(context.errors)};
  }
  out.notes = std::move(context.notes);
  const auto rank = [](const ComposeNote& note) { return note.line > 0 ? note.line : INT_MAX; };
  std::stable_sort(out.notes.begin(), out.notes.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return out;
}

}  // namespace gantry
