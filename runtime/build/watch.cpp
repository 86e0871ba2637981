#include "runtime/build/watch.hpp"

#include <algorithm>
#include <optional>

#include "runtime/build/files.hpp"

namespace gantry {
namespace {

using Parts = std::vector<std::string_view>;

struct Rule {
  bool takes_back = false;
  bool directory = false;  // only what lies in it
  Parts parts;             // "**": any number of parts
};

Parts split(std::string_view path) {
  Parts parts;
  while (true) {
    const std::size_t slash = path.find('/');
    if (slash != 0 && !path.empty()) parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

// Nothing for an empty line or a comment.
std::optional<Rule> read_rule(std::string_view text) {
  while (text.ends_with(' ') && !text.ends_with("\\ ")) text.remove_suffix(1);
  if (text.empty() || text.front() == '#') return std::nullopt;
  Rule rule;
  if (text.front() == '!') {
    rule.takes_back = true;
    text.remove_prefix(1);
  }
  if (text.starts_with("./")) text.remove_prefix(1);
  rule.directory = text.ends_with('/');
  if (rule.directory) text.remove_suffix(1);
  // With a slash before its end a rule counts from the root, without one everywhere.
  if (text.find('/') == std::string_view::npos) rule.parts.emplace_back("**");
  for (const auto part : split(text)) rule.parts.push_back(part);
  if (rule.parts.empty() || text.empty()) return std::nullopt;
  return rule;
}

// One of "[a-z]", "[!a]", from behind the bracket; cut off `pattern`. Nothing: it is not closed,
// and a bracket like any other character.
std::optional<bool> in_class(std::string_view& pattern, char c) {
  std::string_view left = pattern;
  const bool negated = left.starts_with('!') || left.starts_with('^');
  if (negated) left.remove_prefix(1);
  const auto take = [&] {
    if (left.starts_with('\\') && left.size() > 1) left.remove_prefix(1);
    const char member = left.front();
    left.remove_prefix(1);
    return static_cast<unsigned char>(member);
  };
  const auto wanted = static_cast<unsigned char>(c);
  bool found = false;
  for (bool first = true; !left.empty(); first = false) {
    if (!first && left.front() == ']') {
      pattern = left.substr(1);
      return found != negated;
    }
    const unsigned char low = take();
    unsigned char high = low;
    if (left.size() > 1 && left.front() == '-' && left[1] != ']') {
      left.remove_prefix(1);
      high = take();
    }
    found = found || (low <= wanted && wanted <= high);
  }
  return std::nullopt;
}

// Whether the first character fits what `pattern` begins with (no star), which is cut off.
bool fits_one(std::string_view& pattern, char c) {
  const char p = pattern.front();
  pattern.remove_prefix(1);
  if (p == '?') return true;
  if (p == '[')
    if (const auto in = in_class(pattern, c)) return *in;
  if (p != '\\' || pattern.empty()) return p == c;
  const bool same = pattern.front() == c;
  pattern.remove_prefix(1);
  return same;
}

// One part against one pattern without slashes. A star that does not fit is tried one character
// longer; only the last one has to be, so that it never takes more than the product of both.
bool part_fits(std::string_view pattern, std::string_view text) {
  std::string_view star_pattern, star_text;
  bool star = false;
  while (true) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      star = true;
      star_pattern = pattern;
      star_text = text;
      continue;
    }
    if (pattern.empty() && text.empty()) return true;
    if (!pattern.empty() && !text.empty()) {
      if (fits_one(pattern, text.front())) {
        text.remove_prefix(1);
        continue;
      }
    }
    if (!star || star_text.empty()) return false;
    star_text.remove_prefix(1);
    pattern = star_pattern;
    text = star_text;
  }
}

// Whether the rule fits the whole of `path` or a directory above it.
bool fits(const Rule& rule, const Parts& path) {
  // reached[i]: the rule's parts so far fit the first i parts of the path.
  std::vector<bool> reached(path.size() + 1, false);
  reached[0] = true;
  for (std::size_t k = 0; k < rule.parts.size(); ++k) {
    std::vector<bool> next(path.size() + 1, false);
    if (rule.parts[k] == "**") {
      // At the end it needs something below: "a/**" is not "a".
      const std::size_t least = k + 1 == rule.parts.size() && k > 0 ? 1 : 0;
      bool open = false;
      for (std::size_t i = 0; i <= path.size(); ++i) {
        if (i >= least && reached[i - least]) open = true;
        next[i] = open;
      }
    } else {
      for (std::size_t i = 0; i < path.size(); ++i)
        next[i + 1] = reached[i] && part_fits(rule.parts[k], path[i]);
    }
    reached = std::move(next);
  }
  const std::size_t files = rule.directory ? 1 : 0;  // the path itself is a file
  return std::any_of(reached.begin(), reached.end() - static_cast<std::ptrdiff_t>(files),
                     [](bool at) { return at; });
}

std::vector<Rule> read_rules(const std::vector<std::string>& patterns) {
  std::vector<Rule> rules;
  for (const auto& pattern : patterns)
    if (auto rule = read_rule(pattern)) rules.push_back(*std::move(rule));
  return rules;
}

bool watched(const std::vector<Rule>& rules, std::string_view path) {
  const Parts parts = split(path);
  const auto last = std::find_if(rules.rbegin(), rules.rend(),
                                 [&](const Rule& rule) { return fits(rule, parts); });
  return last != rules.rend() && !last->takes_back;
}

}  // namespace

bool is_watched(const std::vector<std::string>& patterns, std::string_view path) {
  return watched(read_rules(patterns), path);
}

std::string skip_reason(const std::vector<std::string>& watch_patterns,
                        const std::vector<std::string>& changed_paths) {
  const auto rules = read_rules(watch_patterns);
  if (rules.empty()) return {};
  if (std::any_of(changed_paths.begin(), changed_paths.end(),
                  [&](const auto& path) { return watched(rules, path); }))
    return {};
  std::string patterns;
  for (const auto& pattern : watch_patterns)
    patterns += (patterns.empty() ? "" : ", ") + shown(pattern);
  const std::string files =
      changed_paths.size() == 1 ? "1 file" : std::to_string(changed_paths.size()) + " files";
  return "No changes to watched files (" + files + " changed; patterns: " + patterns + ")";
}

}  // namespace gantry
