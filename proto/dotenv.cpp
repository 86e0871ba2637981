#include "proto/dotenv.hpp"

#include <algorithm>

#include "proto/name.hpp"

namespace gantry {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string without_carriage_returns(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') out += text[i];
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Result<DotenvEntries> read() {
    while (!rest_.empty()) {
      const std::string_view line = trimmed(rest_.substr(0, rest_.find('\n')));
      if (line.empty() || line.front() == '#') {
        next_line();
        continue;
      }
      GANTRY_TRY(read_entry());
    }
    return std::move(entries_);
  }

 private:
  Error wrong(const char* reason, const std::string& what) const {
    return invalid("/" + std::to_string(line_), reason,
                   "line " + std::to_string(line_) + ": " + what);
  }

  void next_line() {
    const auto end = rest_.find('\n');
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++line_;
  }

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }

  Result<> read_entry() {
    const std::string_view line = rest_.substr(0, rest_.find('\n'));
    const auto equals = line.find('=');
    if (equals == std::string_view::npos)
      return wrong("missing_equals", "expected NAME=value, a comment or nothing");
    std::string_view name = trimmed(line.substr(0, equals));
    constexpr std::string_view word = "export";
    if (name.substr(0, word.size()) == word && name.size() > word.size() &&
        is_blank(name[word.size()]))
      name = trimmed(name.substr(word.size()));
    if (const auto parsed = parse_variable_name(name); !parsed)
      return wrong("bad_name", "\"" + std::string(name.substr(0, 64)) +
                                   "\" is not a variable's name: letters, digits and _");
    rest_.remove_prefix(equals + 1);
    skip_blanks();
    const char first = rest_.empty() ? '\n' : rest_.front();
    std::string value;
    if (first == '"' || first == '\'' || first == '`') {
      GANTRY_TRY(read_quoted(value));
    } else {
      value = read_bare();
    }
    add(std::string(name), std::move(value));
    return done();
  }

  std::string read_bare() {
    std::string_view line = rest_.substr(0, rest_.find('\n'));
    for (std::size_t i = 0; i < line.size(); ++i)
      if (line[i] == '#' && (i == 0 || is_blank(line[i - 1]))) line = line.substr(0, i);
    std::string value(trimmed(line));
    next_line();
    return value;
  }

  Result<> read_quoted(std::string& value) {
    const char quote = rest_.front();
    const Error open = wrong("unbalanced_quote",
                             "the quote " + std::string(1, quote) + " that begins here has no end");
    std::size_t at = 1;
    for (; at < rest_.size() && rest_[at] != quote; ++at) {
      if (rest_[at] == '\n') ++line_;
      if (quote == '"' && rest_[at] == '\\' && at + 1 < rest_.size())
        append_escape(value, rest_[++at]);
      else
        value += rest_[at];
    }
    if (at == rest_.size()) return open;
    rest_.remove_prefix(at + 1);
    skip_blanks();
    if (!rest_.empty() && rest_.front() != '\n' && rest_.front() != '#')
      return wrong("text_after_quote", "there is text behind the closing quote");
    next_line();
    return done();
  }

  void append_escape(std::string& value, char c) {
    constexpr std::string_view from = "nrt\"\\$";
    constexpr std::string_view to = "\n\r\t\"\\$";
    const auto known = from.find(c);
    if (c == '\n') ++line_;
    if (known == std::string_view::npos) value += '\\';
    value += known == std::string_view::npos ? c : to[known];
  }

  void add(std::string name, std::string value) {
    const auto same = std::find_if(entries_.begin(), entries_.end(),
                                   [&](const auto& entry) { return entry.first == name; });
    if (same != entries_.end())
      same->second = std::move(value);
    else
      entries_.emplace_back(std::move(name), std::move(value));
  }

  std::string_view rest_;
  int line_ = 1;
  DotenvEntries entries_;
};

}  // namespace

Result<DotenvEntries> parse_dotenv(std::string_view text) {
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark)
    text.remove_prefix(kByteOrderMark.size());
  const std::string plain = without_carriage_returns(text);
  return Reader(plain).read();
}

std::string dotenv_value(std::string_view value) {
  const bool outer = trimmed(value) != value;
  const bool quoted =
      !value.empty() && std::string_view("\"'`#").find(value.front()) != std::string_view::npos;
  const bool comment =
      value.find(" #") != std::string_view::npos || value.find("\t#") != std::string_view::npos;
  if (!outer && !quoted && !comment && value.find_first_of("\r\n") == std::string_view::npos)
    return std::string(value);
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\r')
      out += "\\r";
    else
      out += c;
  }
  return out + '"';
}

}  // namespace gantry
