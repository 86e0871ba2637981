#include "proto/config_tree.hpp"

#include <algorithm>
#include <cctype>

#include "proto/name.hpp"

namespace gantry {
namespace {

bool ends_with(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() &&
         std::equal(
             ending.begin(), ending.end(), text.end() - static_cast<long>(ending.size()),
             [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

ConfigText refused(int line, std::string message) {
  ConfigText text;
  text.errors.push_back({{line, line > 0 ? 1 : 0}, std::move(message)});
  return text;
}

// The first line that is not UTF-8.
int broken_line(std::string_view text) {
  int line = 1;
  for (std::size_t start = 0; start <= text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    if (!is_utf8(text.substr(start, end - start))) return line;
    start = end + 1;
  }
  return 1;
}

}  // namespace

const ConfigMember* ConfigNode::find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const ConfigMember& member) { return member.key == key; });
  return found == members.end() ? nullptr : &*found;
}

std::string_view kind_name(ConfigNode::Kind kind) {
  switch (kind) {
    case ConfigNode::Kind::null:
      return "null";
    case ConfigNode::Kind::boolean:
      return "a boolean";
    case ConfigNode::Kind::number:
      return "a number";
    case ConfigNode::Kind::string:
      return "a string";
    case ConfigNode::Kind::array:
      return "an array";
    case ConfigNode::Kind::object:
      return "an object";
  }
  return "";
}

ConfigText parse_config_text(std::string_view file_name, std::string_view text,
                             const ConfigLimits& limits) {
  if (text.size() > limits.bytes)
    return refused(0, "the file has " + std::to_string(text.size()) + " bytes; at most " +
                          std::to_string(limits.bytes) + " are read");
  const std::string_view mark = text.substr(0, 2);
  if (mark == "\xff\xfe" || mark == "\xfe\xff")
    return refused(0, "the file is UTF-16: save it as UTF-8");
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    return refused(
        static_cast<int>(std::count(text.begin(), text.begin() + static_cast<long>(nul), '\n')) + 1,
        "a NUL byte: the file is not a text file, or is not UTF-8");
  if (!is_utf8(text)) return refused(broken_line(text), "this line is not UTF-8: save it as UTF-8");
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    ConfigText empty;
    empty.root.kind = ConfigNode::Kind::object;
    empty.remarks.push_back({{0, 0}, "the file is empty: it sets nothing"});
    return empty;
  }
  if (ends_with(file_name, "nixpacks.toml"))
    return refused(
        0,
        "a plan of Nixpacks, which the builder reads by itself; the settings of a service "
        "go to railway.toml");
  if (ends_with(file_name, ".toml")) return parse_config_toml(text);
  if (ends_with(file_name, ".yaml") || ends_with(file_name, ".yml"))
    return parse_config_yaml(text, limits);
  return parse_config_json(text, limits);
}

}  // namespace gantry
