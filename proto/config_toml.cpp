// TOML 1.0 through toml++, which is seen in this file alone.
#include <algorithm>

#include <toml++/toml.h>

#include "proto/config_tree.hpp"

namespace gantry {
namespace {

using Kind = ConfigNode::Kind;

// toml++ bounds nested values but not the parts of a dotted key, and walks them recursively.
constexpr int kDotsMax = 2 * kConfigDepthMax;

struct Converter {
  ConfigText out;
  int nodes = 0;

  static ConfigPosition position(const toml::source_region& region) {
    return {static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
  }

  bool refuse(ConfigPosition at, std::string message) {
    if (out.errors.empty()) out.errors.push_back({at, std::move(message)});
    return false;
  }

  bool convert(const toml::node& from, ConfigNode& to, int depth) {
    to.at = position(from.source());
    if (depth > kConfigDepthMax)
      return refuse(to.at, "nested deeper than " + std::to_string(kConfigDepthMax) + " levels");
    if (++nodes > kConfigNodesMax)
      return refuse(to.at, "more than " + std::to_string(kConfigNodesMax) + " values");
    if (const toml::table* table = from.as_table()) return convert_table(*table, to, depth);
    if (const toml::array* array = from.as_array()) {
      to.kind = Kind::array;
      for (const toml::node& item : *array)
        if (!convert(item, to.items.emplace_back(), depth + 1)) return false;
      return true;
    }
    return convert_scalar(from, to);
  }

  bool convert_table(const toml::table& table, ConfigNode& to, int depth) {
    to.kind = Kind::object;
    for (const auto& [key, value] : table) {
      ConfigMember member;
      member.key = std::string(key.str());
      member.at = position(key.source());
      if (!convert(value, member.value, depth + 1)) return false;
      if (member.at.line == 0) member.at = member.value.at;
      to.members.push_back(std::move(member));
    }
    std::stable_sort(to.members.begin(), to.members.end(),
                     [](const ConfigMember& a, const ConfigMember& b) { return a.at < b.at; });
    return true;
  }

  bool convert_scalar(const toml::node& from, ConfigNode& to) {
    if (const auto* text = from.as_string()) {
      to.kind = Kind::string;
      to.text = text->get();
      if (to.text.find('\0') != std::string::npos)
        return refuse(to.at, "a NUL character cannot be in a setting");
    } else if (const auto* flag = from.as_boolean()) {
      to.kind = Kind::boolean;
      to.boolean = flag->get();
    } else if (const auto* whole = from.as_integer()) {
      to.kind = Kind::number;
      to.number = static_cast<double>(whole->get());
      to.text = std::to_string(whole->get());
    } else if (const auto* real = from.as_floating_point()) {
      to.kind = Kind::number;
      to.number = real->get();
      char digits[40];
      std::snprintf(digits, sizeof digits, "%.15g", to.number);
      to.text = digits;
    } else {
      return refuse(to.at, "a date or a time: no setting is one; write it in quotes");
    }
    return true;
  }
};

// Goes over the text once before the library does: strings and comments aside, no more dots than a
// key may have, no fence of Markdown and nothing but ASCII (for other characters there, which TOML
// refuses anyway, the library's table of white space is not defined).
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // What is wrong, with its line; line 0: nothing that this scan looks for.
  ConfigRemark scan() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        dots_ = 0;
      } else if (c == '"' || c == '\'') {
        if (!skip_string(c)) return {};  // the library says where
      } else if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
      } else if (c == '=' || c == ',') {
        dots_ = 0;
      } else if (c == '.' && ++dots_ > kDotsMax) {
        return {{line_, 1}, "a key with more than " + std::to_string(kDotsMax) + " dots"};
      } else if (c == '`') {
        return {{line_, 1},
                "text of a Markdown page, pasted into the file: only what stands between its "
                "fences (```) belongs here"};
      } else if (static_cast<unsigned char>(c) >= 0x80) {
        return {{line_, 1},
                "a letter outside of quotes that is not ASCII: write the text in quotes"};
      }
    }
    return {};
  }

 private:
  // Leaves at_ on the closing quote's last character.
  bool skip_string(char quote) {
    const bool several = text_.substr(at_, 3) == std::string(3, quote);
    at_ += several ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') {
        if (!several) return false;
        ++line_;
      } else if (text_[at_] == '\\' && quote == '"') {
        if (at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++line_;
        ++at_;
      } else if (several ? text_.substr(at_, 3) == std::string(3, quote) : text_[at_] == quote) {
        if (several) at_ += 2;
        while (several && text_.substr(at_ + 1, 1) == std::string(1, quote)) ++at_;
        return true;
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  int dots_ = 0;
};

std::string in_plain_words(std::string message) {
  constexpr std::string_view prefix = "Error while parsing ";
  if (const std::size_t colon = message.find(": ");
      message.rfind(prefix, 0) == 0 && colon != std::string::npos)
    message.erase(0, colon + 2);
  if (message.find("already exists") != std::string::npos ||
      message.find("redefine") != std::string::npos)
    message += " (it is written twice: remove one)";
  return message;
}

}  // namespace

ConfigText parse_config_toml(std::string_view text) {
  Converter converter;
  if (ConfigRemark wrong = Scanner(text).scan(); wrong.at.line > 0) {
    converter.refuse(wrong.at, std::move(wrong.message));
    return std::move(converter.out);
  }
  try {
    const toml::table table = toml::parse(text);
    converter.convert(table, converter.out.root, 0);
  } catch (const toml::parse_error& error) {
    converter.refuse(Converter::position(error.source()),
                     in_plain_words(std::string(error.description())));
  }
  return std::move(converter.out);
}

}  // namespace gantry
