#include "runtime/build/dockerignore.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "runtime/build/files.hpp"

namespace gantry {
namespace {

constexpr char kNo = 0;
constexpr char kYes = 1;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Go's filepath.Clean.
std::string cleaned(std::string_view path) {
  std::string text = std::filesystem::path(path).lexically_normal().string();
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

// One character of UTF-8, taken from the front; a broken one is a byte.
char32_t take_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  char32_t character = lead;
  if (length > 1 && length <= text.size()) {
    character = lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i)
      character = character << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU);
    text.remove_prefix(length);
  } else {
    text.remove_prefix(1);
  }
  return character;
}

}  // namespace

// Reads one cleaned pattern. Nothing where Go's filepath.Match says ErrBadPattern.
class PatternReader {
 public:
  using Step = DockerIgnore::Step;
  using Kind = Step::Kind;

  explicit PatternReader(std::string_view pattern) : left_(pattern) {}

  std::optional<DockerIgnore::Rule> read() {
    DockerIgnore::Rule rule;
    bool plain = true;
    const bool begins_with_stars = left_.starts_with("**");
    while (!left_.empty()) {
      Step step = next();
      if (broken_) return std::nullopt;
      const bool text = step.kind == Kind::text && !escaped_;
      plain = plain && (text || (steps_ == 0 && begins_with_stars));
      ++steps_;
      if (text && !rule.steps.empty() && rule.steps.back().kind == Kind::text)
        rule.steps.back().text += step.text;
      else
        rule.steps.push_back(std::move(step));
    }
    rule.ending = begins_with_stars && plain && rule.steps.size() == 2;
    // There "**/" and "**" are not the same: the slash belongs to the ending.
    if (rule.ending && ate_slash_) rule.steps[1].text.insert(0, "/");
    return rule;
  }

 private:
  Step next() {
    escaped_ = false;
    const char c = left_.front();
    if (c == '*') return stars();
    if (c == '?') return left_.remove_prefix(1), Step{Kind::one, {}, {}, false};
    if (c == '[') return left_.remove_prefix(1), one_of();
    if (c == '\\') {
      left_.remove_prefix(1);
      escaped_ = true;
      if (left_.empty()) broken_ = true;
    }
    if (broken_) return {};
    Step step{Kind::text, std::string(1, left_.front()), {}, false};
    left_.remove_prefix(1);
    return step;
  }

  Step stars() {
    if (!left_.starts_with("**")) return left_.remove_prefix(1), Step{Kind::star, {}, {}, false};
    left_.remove_prefix(2);
    if (left_.starts_with('/')) {
      left_.remove_prefix(1);
      ate_slash_ = true;
    }
    return Step{left_.empty() ? Kind::rest : Kind::folders, {}, {}, false};
  }

  char32_t member() {
    if (left_.empty() || left_.front() == '-' || left_.front() == ']') return broken_ = true, 0;
    if (left_.front() == '\\') left_.remove_prefix(1);
    if (left_.empty()) return broken_ = true, 0;
    return take_character(left_);
  }

  Step one_of() {
    Step step{Kind::one_of, {}, {}, false};
    if (left_.starts_with('^')) {
      step.negated = true;
      left_.remove_prefix(1);
    }
    while (!broken_) {
      if (left_.starts_with(']') && !step.ranges.empty()) break;
      const char32_t first = member();
      char32_t last = first;
      if (left_.starts_with('-')) {
        left_.remove_prefix(1);
        last = member();
      }
      if (last < first) broken_ = true;
      step.ranges.emplace_back(first, last);
    }
    if (!broken_) left_.remove_prefix(1);
    return step;
  }

  std::string_view left_;
  int steps_ = 0;
  bool broken_ = false;
  bool escaped_ = false;
  bool ate_slash_ = false;
};

Result<DockerIgnore::Rule> DockerIgnore::compile(std::string_view pattern) {
  if (auto rule = PatternReader(pattern).read()) return *std::move(rule);
  return Error{Code::invalid, "dockerignore_invalid",
               "the pattern " + shown(pattern) +
                   " cannot be read: close every [ and end no line "
                   "with a backslash"};
}

Result<DockerIgnore> DockerIgnore::parse(std::string_view text) {
  DockerIgnore ignore;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (int line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('#')) continue;
    line = trimmed(line);
    if (line.empty()) continue;
    const bool exception = line.front() == '!';
    if (exception) line = trimmed(line.substr(1));
    std::string pattern = line.empty() ? "" : cleaned(line);
    if (pattern.size() > 1 && pattern.front() == '/') pattern.erase(0, 1);
    const std::string where = ".dockerignore:" + std::to_string(line_number) + ": ";
    if (pattern.empty())
      return Error{Code::invalid, "dockerignore_invalid",
                   where + "a \"!\" needs the pattern that it takes back"};
    auto rule = compile(pattern);
    if (!rule) return Error{rule.error().code, rule.error().reason, where + rule.error().detail};
    rule->exception = exception;
    ignore.rules_.push_back(*std::move(rule));
  }
  return ignore;
}

// From every place in `path` that has been reached to those that are reached behind `step`.
void DockerIgnore::advance(const Step& step, std::string_view path, std::string& reached) {
  std::string next(path.size() + 1, kNo);
  bool open = false;  // a place before this one was reached, and the step goes on from there
  for (std::size_t at = 0; at <= path.size(); ++at) {
    const bool here = reached[at] == kYes;
    switch (step.kind) {
      case Step::Kind::text:
        if (here && path.substr(at).starts_with(step.text)) next[at + step.text.size()] = kYes;
        break;
      case Step::Kind::star:
        open = here || (open && path[at - 1] != '/');
        if (open) next[at] = kYes;
        break;
      case Step::Kind::folders:
        if (here || (open && path[at - 1] == '/')) next[at] = kYes;
        open = open || here;
        break;
      case Step::Kind::rest:
        open = open || here;
        if (open) next[at] = kYes;
        break;
      case Step::Kind::one:
      case Step::Kind::one_of: {
        if (!here || at == path.size()) break;
        auto left = path.substr(at);
        const char32_t character = take_character(left);
        const bool in = std::any_of(step.ranges.begin(), step.ranges.end(), [&](const auto& range) {
          return range.first <= character && character <= range.second;
        });
        const bool fits = step.kind == Step::Kind::one ? character != U'/' : in != step.negated;
        if (fits) next[path.size() - left.size()] = kYes;
        break;
      }
    }
  }
  reached = std::move(next);
}

bool DockerIgnore::matches(const Rule& rule, std::string_view path) {
  if (rule.ending) {
    const std::string_view text = rule.steps[1].text;
    return path.ends_with(text) || (text.starts_with('/') && path == text.substr(1));
  }
  const Step& first = rule.steps.front();
  if (first.kind == Step::Kind::text && !path.starts_with(first.text)) return false;
  std::string reached(path.size() + 1, kNo);
  reached[0] = kYes;
  for (const auto& step : rule.steps) {
    advance(step, path, reached);
    if (reached.find(kYes) == std::string::npos) return false;
  }
  return reached.back() == kYes;
}

DockerIgnore::Verdict DockerIgnore::judge(std::string_view path,
                                          const std::vector<bool>& parent) const {
  Verdict verdict;
  verdict.rules.resize(rules_.size());
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    verdict.rules[i] = (i < parent.size() && parent[i]) || matches(rules_[i], path);
    if (verdict.rules[i]) verdict.ignored = !rules_[i].exception;
  }
  return verdict;
}

bool DockerIgnore::ignores(std::string_view path) const {
  Verdict verdict;
  for (std::size_t slash = 0; slash != std::string_view::npos;) {
    slash = path.find('/', slash + 1);
    verdict = judge(path.substr(0, slash), verdict.rules);
  }
  return verdict.ignored;
}

bool DockerIgnore::has_exceptions() const {
  return std::any_of(rules_.begin(), rules_.end(), [](const Rule& rule) { return rule.exception; });
}

}  // namespace gantry
