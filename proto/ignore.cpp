#include "proto/ignore.hpp"

#include <optional>

namespace gantry {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

bool is_doublestar(std::string_view part) {
  return part.size() > 1 && part.find_first_not_of('*') == std::string_view::npos;
}

bool in_named_class(std::string_view name, unsigned char c) {
  const bool lower = c >= 'a' && c <= 'z';
  const bool upper = c >= 'A' && c <= 'Z';
  const bool digit = c >= '0' && c <= '9';
  if (name == "alpha") return lower || upper;
  if (name == "digit") return digit;
  if (name == "alnum") return lower || upper || digit;
  if (name == "lower") return lower;
  if (name == "upper") return upper;
  if (name == "space") return c == ' ' || (c >= '\t' && c <= '\r');
  if (name == "blank") return c == ' ' || c == '\t';
  if (name == "punct") return c > 0x20 && c < 0x7f && !lower && !upper && !digit;
  if (name == "cntrl") return c < 0x20 || c == 0x7f;
  if (name == "graph") return c > 0x20 && c < 0x7f;
  if (name == "print") return c >= 0x20 && c < 0x7f;
  if (name == "xdigit") return digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  return false;
}

// What a "[...]" at the pattern's front says of a character; nothing when it has no end.
struct ClassMatch {
  bool matches = false;
  std::size_t length = 0;  // of the class
};
std::optional<ClassMatch> match_class(std::string_view pattern, unsigned char c) {
  std::size_t i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true;; first = false) {
    if (i >= pattern.size()) return std::nullopt;
    if (pattern[i] == ']' && !first) break;
    if (pattern.substr(i, 2) == "[:") {
      const auto end = pattern.find(":]", i + 2);
      if (end != std::string_view::npos) {
        found = found || in_named_class(pattern.substr(i + 2, end - i - 2), c);
        i = end + 2;
        continue;
      }
    }
    const auto take = [&]() -> unsigned char {
      if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
      return static_cast<unsigned char>(pattern[i++]);
    };
    const unsigned char low = take();
    unsigned char high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      ++i;
      high = take();
    }
    found = found || (c >= low && c <= high);
  }
  return ClassMatch{found != negated, i + 1};
}

// A slash inside of a class, and a backslash before one, do not hide the slashes around them.
std::vector<std::string> split_pattern(std::string_view pattern) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const auto seen = pattern[i] == '[' ? match_class(pattern.substr(i), 'x') : std::nullopt;
    if (seen) {
      parts.back() += pattern.substr(i, seen->length);
      i += seen->length - 1;
    } else if (pattern[i] == '/') {
      parts.emplace_back();
    } else if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      if (pattern[i + 1] == '/') continue;
      parts.back() += pattern.substr(i++, 2);
    } else {
      parts.back() += pattern[i];
    }
  }
  for (std::string& part : parts)
    if (is_doublestar(part)) part = "**";
  return parts;
}

// Parts of a pattern against parts of a path, both from `from`.
bool parts_match(const std::vector<std::string>& pattern, std::size_t p,
                 const std::vector<std::string>& path, std::size_t n) {
  // row[j]: pattern[p..] matches path[n + j..], computed from the pattern's end.
  const std::size_t count = path.size() - n;
  std::vector<char> row(count + 1, 0);
  row[count] = 1;
  for (std::size_t i = pattern.size(); i-- > p;) {
    std::vector<char> next(count + 1, 0);
    if (pattern[i] == "**") {
      const bool last = i + 1 == pattern.size();  // "a/**": something has to be inside
      for (std::size_t j = count + 1; j-- > 0;)
        next[j] = last ? j < count : row[j] != 0 || (j < count && next[j + 1] != 0);
    } else {
      for (std::size_t j = 0; j < count; ++j)
        next[j] = row[j + 1] != 0 && glob_matches(pattern[i], path[n + j]);
    }
    row.swap(next);
  }
  return row[0] != 0;
}

std::optional<IgnoreRule> parse_rule(std::string_view text, int line) {
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  while (!text.empty() && text.back() == ' ') {  // unless it is escaped
    std::size_t slashes = 0;
    while (slashes + 1 < text.size() && text[text.size() - 2 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 1) break;
    text.remove_suffix(1);
  }
  if (text.empty() || text.front() == '#') return std::nullopt;
  IgnoreRule rule;
  rule.text = text;
  rule.line = line;
  rule.negated = text.front() == '!';
  if (rule.negated) text.remove_prefix(1);
  rule.directories_only = !text.empty() && text.back() == '/';
  if (rule.directories_only) text.remove_suffix(1);
  rule.anchored = text.find('/') != std::string_view::npos;
  if (!text.empty() && text.front() == '/') text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  rule.parts = split_pattern(text);
  return rule;
}

bool matches(const IgnoreRule& rule, const std::vector<std::string>& path) {
  if (rule.anchored) return parts_match(rule.parts, 0, path, 0);
  return rule.parts.size() == 1 &&
         (rule.parts[0] == "**" || glob_matches(rule.parts[0], path.back()));
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0;
  std::size_t star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    const auto c = static_cast<unsigned char>(name[n]);
    std::size_t length = 0;  // of what matches one character; 0: it does not
    if (p < pattern.size()) {
      if (pattern[p] == '*') {
        star = p++;
        resume = n;
        continue;
      }
      if (pattern[p] == '?') {
        length = 1;
      } else if (pattern[p] == '[') {
        const auto seen = match_class(pattern.substr(p), c);
        if (!seen) return false;
        if (seen->matches) length = seen->length;
      } else if (pattern[p] == '\\' && p + 1 < pattern.size()) {
        if (static_cast<unsigned char>(pattern[p + 1]) == c) length = 2;
      } else if (static_cast<unsigned char>(pattern[p]) == c && pattern[p] != '\\') {
        length = 1;
      }
    }
    if (length > 0) {
      p += length;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

IgnoreRules IgnoreRules::parse(std::string_view text, std::string base) {
  IgnoreRules rules;
  rules.base_ = std::move(base);
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  for (int line = 1; !text.empty(); ++line) {
    const auto end = std::min(text.find('\n'), text.size());
    if (auto rule = parse_rule(text.substr(0, end), line)) rules.rules_.push_back(*std::move(rule));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return rules;
}

const IgnoreRule* IgnoreRules::decide(std::string_view path, bool is_directory) const {
  if (!base_.empty()) {
    const bool below = path.size() > base_.size() && path.substr(0, base_.size()) == base_ &&
                       path[base_.size()] == '/';
    if (!below) return nullptr;
    path.remove_prefix(base_.size() + 1);
  }
  const auto parts = split(path);
  if (parts.empty()) return nullptr;
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule)
    if ((is_directory || !rule->directories_only) && matches(*rule, parts)) return &*rule;
  return nullptr;
}

std::vector<std::string> watched(const std::vector<std::string>& patterns,
                                 const std::vector<std::string>& paths) {
  std::vector<IgnoreRule> rules;
  for (const std::string& pattern : patterns)
    if (auto rule = parse_rule(pattern, 0)) rules.push_back(*std::move(rule));
  std::vector<std::string> found;
  for (const std::string& path : paths) {
    const auto whole = split(path);
    bool included = false;
    for (const IgnoreRule& rule : rules) {
      std::vector<std::string> upto;
      for (std::size_t i = 0; i < whole.size() && included == rule.negated; ++i) {
        upto.push_back(whole[i]);
        const bool directory = i + 1 < whole.size();
        if ((directory || !rule.directories_only) && matches(rule, upto)) included = !rule.negated;
      }
    }
    if (included) found.push_back(path);
  }
  return found;
}

}  // namespace gantry
