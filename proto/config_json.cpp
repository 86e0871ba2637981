// JSON as people write it: comments (#, //, /* */) and trailing commas are fine, everything else is
// as strict as RFC 8259, with messages that name the fix. Keeps the position of every key and
// value.
#include <charconv>
#include <optional>

#include "proto/config_tree.hpp"

namespace gantry {
namespace {

using Kind = ConfigNode::Kind;

struct Stop {};  // thrown past the recursion once the error is recorded

class JsonReader {
 public:
  JsonReader(std::string_view text, const ConfigLimits& limits) : text_(text), limits_(limits) {}

  ConfigText read() {
    try {
      skip();
      if (peek() != '{') refuse_start();
      out_.root = value(0);
      skip();
      if (at_ < text_.size()) refuse("text behind the end of the object");
    } catch (const Stop&) {
      out_.root = {};
    }
    return std::move(out_);
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void step() {
    const auto c = static_cast<unsigned char>(text_[at_++]);
    if (c == '\n' || (c == '\r' && peek() != '\n')) {
      ++position_.line;
      position_.column = 1;
    } else if (c != '\r' && (c & 0xc0) != 0x80) {
      ++position_.column;
    }
    // The first byte of a character counts; a continuation byte does not.
  }

  [[noreturn]] void refuse(std::string message) { refuse_at(position_, std::move(message)); }
  [[noreturn]] void refuse_at(ConfigPosition at, std::string message) {
    out_.errors.push_back({at, std::move(message)});
    throw Stop{};
  }

  [[noreturn]] void refuse_start() {
    if (at_ == text_.size()) refuse("the file holds nothing but comments: write at least {}");
    const std::string_view line = text_.substr(at_, text_.substr(at_).find('\n'));
    const char next = peek(1) == '[' ? peek(2) : peek(1);
    const bool header =
        peek() == '[' && ((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z'));
    if (header && line.find(']') != std::string_view::npos &&
        line.find_first_of(",\"{") == std::string_view::npos)
      refuse("expected \"{\"; this looks like TOML: rename the file to railway.toml");
    if (peek() != '"' && peek() != '[' &&
        (line.find(": ") != std::string_view::npos ||
         line.substr(0, line.find_last_not_of(" \r") + 1).back() == ':'))
      refuse("expected \"{\"; this looks like YAML: rename the file to gantry.yaml, or write JSON");
    if (peek() != '"' && line.find('=') != std::string_view::npos)
      refuse("expected \"{\"; this looks like TOML: rename the file to railway.toml");
    refuse("expected an object: the file begins with \"{\"");
  }

  void skip() {
    while (at_ < text_.size()) {
      const char c = peek();
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        step();
      } else if (c == '#' || (c == '/' && peek(1) == '/')) {
        while (at_ < text_.size() && peek() != '\n' && peek() != '\r') step();
      } else if (c == '/' && peek(1) == '*') {
        const ConfigPosition start = position_;
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos)
          refuse_at(start, "the comment has no end: close it with */");
        while (at_ < end + 2) step();
      } else {
        return;
      }
    }
  }

  ConfigNode value(int depth) {
    if (depth > kConfigDepthMax)
      refuse("nested deeper than " + std::to_string(kConfigDepthMax) + " levels");
    if (++nodes_ > limits_.nodes) refuse("more than " + std::to_string(limits_.nodes) + " values");
    ConfigNode node;
    node.at = position_;
    const char c = peek();
    if (c == '{') {
      object(node, depth);
    } else if (c == '[') {
      array(node, depth);
    } else if (c == '"') {
      node.kind = Kind::string;
      node.text = string();
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      number(node);
    } else {
      word(node);
    }
    return node;
  }

  void object(ConfigNode& node, int depth) {
    node.kind = Kind::object;
    step();
    for (skip(); peek() != '}'; skip()) {
      if (at_ == text_.size()) refuse_at(node.at, "this \"{\" has no \"}\"");
      ConfigMember member;
      member.at = position_;
      member.key = key();
      skip();
      if (peek() != ':') refuse("expected \":\" behind the key \"" + member.key + "\"");
      step();
      skip();
      member.value = value(depth + 1);
      add(node, std::move(member));
      separator('}', node.at);
    }
    step();
  }

  void add(ConfigNode& node, ConfigMember member) {
    for (ConfigMember& other : node.members) {
      if (other.key != member.key) continue;
      out_.remarks.push_back(
          {member.at, "the key \"" + member.key + "\" is written twice (first in line " +
                          std::to_string(other.at.line) + "): the last one counts"});
      other = std::move(member);
      return;
    }
    node.members.push_back(std::move(member));
  }

  void array(ConfigNode& node, int depth) {
    node.kind = Kind::array;
    step();
    for (skip(); peek() != ']'; skip()) {
      if (at_ == text_.size()) refuse_at(node.at, "this \"[\" has no \"]\"");
      node.items.push_back(value(depth + 1));
      separator(']', node.at);
    }
    step();
  }

  // A comma, also before the closing bracket; or nothing before it.
  void separator(char close, ConfigPosition opened) {
    const ConfigPosition behind = position_;
    skip();
    if (peek() == close) return;
    if (peek() == ',') return step();
    const std::string bracket = close == '}' ? "\"{\"" : "\"[\"";
    if (at_ == text_.size()) refuse_at(opened, "this " + bracket + " has no \"" + close + "\"");
    if (peek() == (close == '}' ? ']' : '}'))
      refuse(std::string("expected \"") + close + "\" for the " + bracket + " of line " +
             std::to_string(opened.line) + ", found \"" + peek() + "\"");
    refuse_at(behind, std::string("expected \",\" or \"") + close + "\" here");
  }

  std::string key() {
    if (peek() == '"') return string();
    if (peek() == '\'') refuse("keys are written in double quotes, not in single ones");
    if (peek() == ',') refuse("one comma too many");
    const std::size_t end = text_.find_first_of(" \t\r\n:,{}[]\"'", at_);
    const std::string_view bare =
        text_.substr(at_, end == std::string_view::npos ? end : end - at_);
    if (is_quote(bare)) refuse("a typographic quote: write a plain \"");
    if (bare.empty()) refuse("expected a key in double quotes");
    refuse("the key " + std::string(bare.substr(0, 64)) + " needs double quotes: \"" +
           std::string(bare.substr(0, 64)) + "\"");
  }

  static bool is_quote(std::string_view text) {
    return text.substr(0, 3) == "\xe2\x80\x9c" || text.substr(0, 3) == "\xe2\x80\x9d";
  }

  std::string string() {
    const ConfigPosition start = position_;
    std::string text;
    for (step(); peek() != '"' || at_ == text_.size(); step()) {
      const auto c = static_cast<unsigned char>(peek());
      if (at_ == text_.size() || c == '\n' || c == '\r')
        refuse_at(start, "the string has no closing quote on its line");
      if (c == '\\')
        escape(text);
      else if (c < 0x20 && c != '\t')
        refuse("a control character in a string: write it as an escape");
      else
        text += static_cast<char>(c);
    }
    step();
    return text;
  }

  // Leaves at_ on the escape's last character.
  void escape(std::string& text) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
    const ConfigPosition start = position_;
    step();
    if (peek() == 'u') return unicode(text, start);
    const std::size_t letter = at_ < text_.size() ? letters.find(peek()) : std::string_view::npos;
    if (letter == std::string_view::npos)
      refuse_at(start, "unknown escape: a backslash itself is written \\\\");
    text += meant[letter];
  }

  std::uint32_t hex4(ConfigPosition start) {
    std::uint32_t code = 0;
    const std::string_view digits = text_.substr(std::min(at_ + 1, text_.size()), 4);
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16).ptr;
    if (digits.size() < 4 || end != digits.data() + 4)
      refuse_at(start, "\\u needs four hexadecimal digits");
    for (int i = 0; i < 4; ++i) step();
    return code;
  }

  void unicode(std::string& text, ConfigPosition start) {
    std::uint32_t code = hex4(start);
    if (code >= 0xd800 && code < 0xdc00 && peek(1) == '\\' && peek(2) == 'u') {
      step();
      step();
      const std::uint32_t low = hex4(start);
      if (low < 0xdc00 || low > 0xdfff) refuse_at(start, "half a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code == 0) refuse_at(start, "a NUL character cannot be in a setting");
    if (code >= 0xd800 && code < 0xe000) refuse_at(start, "half a surrogate pair");
    append_utf8(text, code);
  }

  static void append_utf8(std::string& text, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    if (code < 0x80) return put(code);
    if (code < 0x800) {
      put(0xc0 | code >> 6);
    } else if (code < 0x10000) {
      put(0xe0 | code >> 12);
      put(0x80 | (code >> 6 & 0x3f));
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
      put(0x80 | (code >> 6 & 0x3f));
    }
    put(0x80 | (code & 0x3f));
  }

  void digits(ConfigPosition start) {
    if (peek() < '0' || peek() > '9') refuse_at(start, "this is not a number in JSON");
    while (peek() >= '0' && peek() <= '9') step();
  }

  void number(ConfigNode& node) {
    const std::size_t start = at_;
    if (peek() == '-') step();
    if (peek() == '0' && peek(1) >= '0' && peek(1) <= '9')
      refuse_at(node.at, "a number does not begin with 0: leave the 0 out");
    digits(node.at);
    if (peek() == '.') {
      step();
      digits(node.at);
    }
    if (peek() == 'e' || peek() == 'E') {
      step();
      if (peek() == '+' || peek() == '-') step();
      digits(node.at);
    }
    node.kind = Kind::number;
    node.text = text_.substr(start, at_ - start);
    const auto read =
        std::from_chars(node.text.data(), node.text.data() + node.text.size(), node.number);
    if (read.ec != std::errc()) refuse_at(node.at, "this number is too large or too small");
    if (peek() != '\0' && std::string_view(" \t\r\n,]}/#").find(peek()) == std::string_view::npos)
      refuse_at(node.at, "text behind a number: write it in double quotes, or the number alone");
  }

  void word(ConfigNode& node) {
    if (at_ == text_.size()) refuse("the file ends where a value should be");
    if (peek() == '\'') refuse("strings are written in double quotes, not in single ones");
    if (peek() == ',' || peek() == '}' || peek() == ']') refuse("a value is missing here");
    const std::size_t end = text_.find_first_of(" \t\r\n,:{}[]\"'/#", at_);
    const std::string_view text =
        text_.substr(at_, end == std::string_view::npos ? end : end - at_);
    if (text == "true" || text == "false") {
      node.kind = Kind::boolean;
      node.boolean = text == "true";
    } else if (text != "null") {
      if (is_quote(text)) refuse("a typographic quote: write a plain \"");
      refuse("expected a value; a string is written in double quotes");
    }
    for (std::size_t i = 0; i < text.size(); ++i) step();
  }

  std::string_view text_;
  const ConfigLimits limits_;
  std::size_t at_ = 0;
  ConfigPosition position_{1, 1};
  int nodes_ = 0;
  ConfigText out_;
};

}  // namespace

ConfigText parse_config_json(std::string_view text, const ConfigLimits& limits) {
  return JsonReader(text, limits).read();
}

}  // namespace gantry
