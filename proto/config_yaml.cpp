// YAML through yaml-cpp. Anchors and merge keys (<<) are resolved; every visit of an alias counts
// against the limit of values, so that a nest of aliases ends early.
#include <charconv>

#include <yaml-cpp/yaml.h>

#include "proto/config_tree.hpp"

namespace gantry {
namespace {

using Kind = ConfigNode::Kind;

struct Converter {
  const ConfigLimits limits;
  ConfigText out = {};
  int nodes = 0;

  static ConfigPosition position(const YAML::Mark& mark) {
    return mark.is_null() ? ConfigPosition{} : ConfigPosition{mark.line + 1, mark.column + 1};
  }

  bool refuse(ConfigPosition at, std::string message) {
    if (out.errors.empty()) out.errors.push_back({at, std::move(message)});
    return false;
  }

  bool convert(const YAML::Node& from, ConfigNode& to, int depth) {
    to.at = position(from.Mark());
    if (depth > kConfigDepthMax)
      return refuse(to.at, "nested deeper than " + std::to_string(kConfigDepthMax) + " levels");
    if (++nodes > limits.nodes)
      return refuse(to.at, "more than " + std::to_string(limits.nodes) +
                               " values, aliases counted each time");
    switch (from.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return true;
      case YAML::NodeType::Scalar:
        return convert_scalar(from, to);
      case YAML::NodeType::Sequence:
        to.kind = Kind::array;
        for (const auto& item : from)
          if (!convert(item, to.items.emplace_back(), depth + 1)) return false;
        return true;
      case YAML::NodeType::Map:
        return convert_map(from, to, depth);
    }
    return true;
  }

  bool convert_map(const YAML::Node& from, ConfigNode& to, int depth) {
    to.kind = Kind::object;
    std::vector<YAML::Node> merged;
    for (const auto& pair : from) {
      if (!pair.first.IsScalar())
        return refuse(position(pair.first.Mark()), "a key is a plain word");
      const std::string& key = pair.first.Scalar();
      if (key == "<<" && pair.first.Tag() != "!") {
        if (!pair.second.IsSequence())
          merged.push_back(pair.second);
        else
          for (const auto& item : pair.second) merged.push_back(item);
        continue;
      }
      const ConfigPosition at = position(pair.first.Mark());
      if (const ConfigMember* other = to.find(key))
        return refuse(at, "the key \"" + key + "\" is written twice (first in line " +
                              std::to_string(other->at.line) + "): remove one");
      ConfigMember member{key, at, {}};
      if (!convert(pair.second, member.value, depth + 1)) return false;
      to.members.push_back(std::move(member));
    }
    for (const YAML::Node& source : merged)
      if (!merge(source, to, depth)) return false;
    return true;
  }

  // The keys of `source` that `to` does not have itself.
  bool merge(const YAML::Node& source, ConfigNode& to, int depth) {
    ConfigNode other;
    if (!convert(source, other, depth + 1)) return false;
    if (!other.is(Kind::object)) return refuse(other.at, "<< needs a mapping, or a list of them");
    for (ConfigMember& member : other.members)
      if (to.find(member.key) == nullptr) to.members.push_back(std::move(member));
    return true;
  }

  static bool convert_hex(const std::string& text, ConfigNode& to) {
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + 2, end, value, 16);
    if (read.ec != std::errc() || read.ptr != end) return true;
    to.kind = Kind::number;
    to.number = value;
    to.text = std::to_string(value);
    return true;
  }

  // The core schema of YAML 1.2; a quoted scalar is a string.
  bool convert_scalar(const YAML::Node& from, ConfigNode& to) {
    const std::string& text = from.Scalar();
    to.text = text;
    to.kind = Kind::string;
    if (text.find('\0') != std::string::npos)
      return refuse(to.at, "a NUL character cannot be in a setting");
    if (from.Tag() != "?") return true;
    if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
        text == "FALSE") {
      to.kind = Kind::boolean;
      to.boolean = text[0] == 't' || text[0] == 'T';
      return true;
    }
    const bool hex = text.rfind("0x", 0) == 0;
    const bool digit = text.find_first_of("0123456789") != std::string::npos &&
                       text.find_first_not_of("0123456789+-.eE") == std::string::npos;
    const char* begin = text.data() + (text.empty() || text[0] != '+' ? 0 : 1);
    const char* end = text.data() + text.size();
    if (hex) return convert_hex(text, to);
    if (!digit || *begin == 'e' || *begin == 'E') return true;
    const auto read = std::from_chars(begin, end, to.number);
    if (read.ec == std::errc() && read.ptr == end) to.kind = Kind::number;
    return true;
  }
};

std::string in_plain_words(const std::string& message) {
  if (message == "bad file")  // the library's own bound on depth
    return "nested deeper than " + std::to_string(kConfigDepthMax) + " levels";
  if (message == "illegal map value")
    return "a second \": \" in one line: write the text in quotes";
  return message;
}

}  // namespace

ConfigText parse_config_yaml(std::string_view text, const ConfigLimits& limits) {
  Converter converter{limits};
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1)
      converter.refuse({}, "the file holds " + std::to_string(documents.size()) +
                               " documents (---): one is read; several services go under services");
    else if (!documents.empty())
      converter.convert(documents.front(), converter.out.root, 0);
  } catch (const YAML::Exception& error) {
    converter.refuse(Converter::position(error.mark), in_plain_words(error.msg));
  }
  if (converter.out.root.is(Kind::null)) {  // nothing but comments
    converter.out.root.kind = Kind::object;
    if (converter.out.errors.empty())
      converter.out.remarks.push_back({{0, 0}, "the file is empty: it sets nothing"});
  }
  return std::move(converter.out);
}

}  // namespace gantry
